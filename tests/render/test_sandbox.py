"""Templates that never end, or ask for more than there is: each is told of by file and line, and soon."""

import time
from pathlib import Path

import pytest
from tests.render import sample_issue as sample

from digest.errors import TemplateError
from digest.render.issue import render_issue
from digest.render.templates import fill_template

ENDLESS = {
    '{% include "a.txt.j2" %}': "includes or calls itself without end",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}": "includes or calls itself without end",
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}": "steps",
    "{% for n in range(10 ** 9) %}{% endfor %}": "Range too big",
    "{% for n in range(99999) %}{% for m in range(99999) %}{% endfor %}{% endfor %}": "steps",
    "{% for n in range(99999) if n > 1 %}{% for m in range(99999) %}{% set x = m %}{% endfor %}{% endfor %}": "steps",
    "{% for n in range(9999) %}" + "static text " * 999 + "{% endfor %}": "writes more than",
    "{% set x %}{% for n in range(9999) %}{{ 'x' * 9999 }}{% endfor %}{% endset %}": "writes more than",
    '{{ "x" * 10 ** 10 }}': "characters or items",
    "{{ [1] * 10 ** 10 }}": "characters or items",
    "{{ 10 ** (10 ** 10) }}": "too large a number",
    "{{ 2.5 ** 10000 }}": "OverflowError",
    '{{ "%10000000000d" % 1 }}': "its format has a width",
    '{{ "%10000000000d"|format(1) }}': "its format has a width",
    '{{ "{:10000000000}".format(1) }}': "its format has a width",
    '{{ "x".ljust(10000000000) }}': "a width or count",
    '{{ "x"|center(10000000000) }}': "a width or count",
    "{{ [1]|batch(10000000000, 0)|list }}": "a width or count",
    "{{ ('x' * 99999).replace('', 'y' * 99999) }}": "characters or items",
    "{{ ('x' * 99999)|replace('', 'y' * 99999) }}": "characters or items",
    "{{ (['x' * 99999] * 9999)|join }}": "characters or items",
    "{% macro m(s) %}{{ m(s ~ s) }}{% endmacro %}{{ m('x') }}": "characters or items",
}


@pytest.mark.parametrize(("source", "says"), ENDLESS.items())
def test_no_template_runs_or_grows_without_end(tmp_path: Path, source: str, says: str) -> None:
    (tmp_path / "a.txt.j2").write_text(f"first line\n{source}\n", encoding="utf-8")
    began = time.process_time()
    with pytest.raises(TemplateError, match=says) as caught:
        fill_template((tmp_path,), "a.txt.j2", {})
    assert caught.value.message.startswith(f"{tmp_path / 'a.txt.j2'}, line 2, column 1: ")
    assert time.process_time() - began < 10


def test_a_part_of_the_theme_that_includes_itself_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "issue" / "editorial").mkdir(parents=True)
    part = tmp_path / "issue" / "editorial" / "post.mjml.j2"
    part.write_text('{% include "post.mjml.j2" %}\n', encoding="utf-8")
    with pytest.raises(TemplateError, match=r"post\.mjml\.j2, line 1, column 1: it includes or calls itself"):
        render_issue(sample.issue(), sample.NEWSLETTER, language="en", templates=tmp_path)


def test_an_included_file_that_is_not_utf_8_is_named_itself(tmp_path: Path) -> None:
    (tmp_path / "a.txt.j2").write_text('{% include "b.txt.j2" %}', encoding="utf-8")
    (tmp_path / "b.txt.j2").write_bytes("first line\nGrüße".encode("latin-1"))
    with pytest.raises(TemplateError, match=r"b\.txt\.j2, line 2, column 1: it is not UTF-8"):
        fill_template((tmp_path,), "a.txt.j2", {})


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt.j2").write_text('{% include "b.txt.j2/c.txt.j2" %}{% include "d.txt.j2" %}', encoding="utf-8")
    (tmp_path / "b.txt.j2").mkdir()
    (tmp_path / "b.txt.j2" / "c.txt.j2").write_text("", encoding="utf-8")
    (tmp_path / "d.txt.j2").symlink_to("d.txt.j2")  # ELOOP, also for root
    with pytest.raises(TemplateError, match=r"d\.txt\.j2"):
        fill_template((tmp_path,), "a.txt.j2", {})


def test_what_templates_do_every_day_stays_allowed(tmp_path: Path) -> None:
    source = (
        "{% for n in [3, 4] %}{{ loop.index }}/{{ loop.length }}{{ ', ' if not loop.last }}{% endfor %} "
        "{{ '%05.1f' % 2.5 }} {{ '{:>4}'.format(7) }} {{ '-' * 3 }} {{ 2 ** 10 }} {{ 'a' ~ 1 }} {{ [3, 1]|sort|join('+') }} "
        "{{ 1234567890 + 1 }} {{ 'a b'|replace(' ', '_') }} {% for a, b in {'x': 1}.items() %}{{ a }}{{ b }}{% endfor %}"
        "{{ [1, 2, 3]|map('string')|join }} {{ '%d'|format(1234567) }}"
    )
    (tmp_path / "a.txt.j2").write_text(source, encoding="utf-8")
    made = fill_template((tmp_path,), "a.txt.j2", {})
    assert made == "1/2, 2/2 002.5    7 --- 1024 a1 1+3 1234567891 a_b x1123 1234567"

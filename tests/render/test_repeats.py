"""A part in a loop is written once for what it uses, and anew where anything of that is different."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from markupsafe import Markup

from digest.errors import TemplateError
from digest.render import repeats
from digest.render.templates import environment, fill_template
from digest.render.view import LineView

LOOP = "{% for post in posts %}{% include 'post.txt.j2' %}{% endfor %}"


class Theme:
    """A folder of templates that a test writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, **files: str) -> None:
        for name, source in files.items():
            (self.folder / f"{name}.txt.j2").write_text(source, encoding="utf-8")

    def fill(self, **values: Any) -> str:
        return fill_template((self.folder,), "issue.txt.j2", values)

    @property
    def kept(self) -> int:
        return len(environment((self.folder,), ()).repeats._texts)


@pytest.fixture
def theme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Theme:
    monkeypatch.setattr("digest.render.templates.stamps_of", lambda _: ())
    made = Theme(tmp_path)
    made.write(issue=LOOP)
    return made


def line(title: str, link: str | None = None) -> LineView:
    return LineView(title=title, link=link, facts=())


def test_what_is_equal_is_written_once(theme: Theme) -> None:
    theme.write(post="{{ post.title }} of {{ issue.name }};")
    issue = SimpleNamespace(name="News", number=1)
    assert (
        theme.fill(posts=[line("a"), line("b"), line("a", link="/other")], issue=issue)
        == "a of News;b of News;a of News;"
    )
    assert theme.kept == 2, "the link is not used"
    assert theme.fill(posts=[line("b")], issue=SimpleNamespace(name="News", number=2)) == "b of News;"
    assert theme.kept == 2, "nor the number"


@pytest.mark.parametrize(
    ("source", "first", "then", "said"),
    [
        ("{{ x }}", {"x": 1}, {"x": True}, "True"),
        ("{{ x }}", {"x": (1,)}, {"x": [1]}, "[1]"),
        ("{{ x|e }}", {"x": Markup("<b>")}, {"x": "<b>"}, "&lt;b&gt;"),
        ("{{ x.y }}", {"x": {"y": 1}}, {"x": {"y": 2}}, "2"),
        ("{{ x|length }}", {"x": {"y": 1}}, {"x": {}}, "0"),
        ("{{ x is defined }}", {"x": None}, {}, "False"),
        (
            "{{ x.facts|length }}{{ x }}",
            {"x": line("a")},
            {"x": line("b")},
            "0LineView(title='b', link=None, facts=())",
        ),
        ("{% set x = x ~ '!' %}{{ x }}", {"x": "a"}, {"x": "b"}, "b!"),
        (
            "{% for x in y %}{{ loop.index }}{{ x }}{% endfor %}{{ x }}",
            {"x": 1, "y": "ab"},
            {"x": 2, "y": "ab"},
            "1a2b2",
        ),
        ("{% include 'other.txt.j2' %}", {"x": 1}, {"x": 2}, "2"),
        ("{% if y %}{% include 'other.txt.j2' %}{% endif %}", {"y": 0, "x": 1}, {"y": 1, "x": 2}, "2"),
        ("{% for z in x %}{% include 'inner.txt.j2' %}{% endfor %}", {"x": "ab", "y": 1}, {"x": "ab", "y": 2}, "a2b2"),
    ],
)
def test_what_is_not_equal_is_written_anew(
    theme: Theme, source: str, first: dict[str, Any], then: dict[str, Any], said: str
) -> None:
    theme.write(post=source, other="{{ x }}", inner="{{ z }}{{ y }}")
    theme.fill(posts=[0], **first)
    assert theme.fill(posts=[0], **then) == said


@pytest.mark.parametrize(
    "source",
    [
        "{{ [1, 2, 3]|random }}",
        "{% macro m() %}1{% endmacro %}{{ m() }}",
        "{% include name %}",
        "{% set ns = x %}{% set ns.y = 2 %}",
        "{{ call() }}",
    ],
)
def test_what_does_not_follow_from_its_context_is_never_kept(theme: Theme, source: str) -> None:
    theme.write(post=source, other="1")
    try:
        theme.fill(posts=[0, 0], name="other.txt.j2", call=lambda: 1)
    except TemplateError:  # the sandbox has more to say
        assert "ns" in source
    assert theme.kept == 0


def test_a_part_that_stands_in_no_loop_is_not_kept(theme: Theme) -> None:
    theme.write(issue="{% include 'post.txt.j2' %}", post="{{ x }}")
    assert theme.fill(x=1) == "1"
    assert theme.kept == 0


def test_so_many_are_kept_and_no_more(theme: Theme, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "MOST", 3)
    theme.write(post="{{ post }}")
    assert theme.fill(posts=range(10)) == "0123456789"
    assert 0 < theme.kept <= 3

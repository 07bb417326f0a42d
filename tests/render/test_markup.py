"""Templates that are wrong, and what is made of right ones before mrml sees them."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.render import sample_issue as sample

from digest.errors import TemplateError
from digest.render.convert import _laid_out, convert
from digest.render.harden import harden
from digest.render.issue import render_issue


def page(words: str) -> str:
    return (
        '<mjml lang="en" dir="ltr"><mj-body width="600px"><mj-section><mj-column>'
        f"{words}</mj-column></mj-section></mj-body></mjml>"
    )


def with_part(folder: Path, name: str, source: str) -> None:
    (folder / "issue/editorial").mkdir(parents=True, exist_ok=True)
    (folder / "issue/editorial" / name).write_text(source, encoding="utf-8")


def fault(folder: Path, source: str, name: str = "masthead.mjml.j2") -> TemplateError:
    with_part(folder, name, source)
    with pytest.raises(TemplateError) as caught:
        render_issue(sample.issue(), sample.NEWSLETTER, language="en", templates=folder)
    return caught.value


@pytest.mark.parametrize(
    ("source", "place", "says", "next_step"),
    [
        ("<mj-section>\n  <mj-colum>", "line 2, column 3", "no component <mj-colum>", "mj-column"),
        ('<mj-section>\n <mj-text colour="x">', "line 2, column 11", "no attribute colour", "color"),
        ("{% if x %}\n{# #}{% if %}", "line 2, column", "Expected an expression", "mend"),
        ("a\n b {{ issue.subjekt }}", "line 2, column 13", "no attribute 'subjekt'", "did you mean subject?"),
        ("{{ issue.frobnicate }}", "line 1, column 10", "no attribute 'frobnicate'", "docs/templates.md"),
        ("a\n b {{ wat }}", "line 2, column 7", "'wat' is undefined", "docs/templates.md"),
        ("{% include 'nope.j2' %}", "nope.j2", "missing", "include"),
        ("{{ issue.__class__ }}", "line 1", "unsafe", "docs/templates.md"),
        ("{{ issue.posts.append(1) }}", "line 1", "append", "docs/templates.md"),
        ("{{ 1 // 0 }}", "line 1", "division", "docs/templates.md"),
        ("{% frob %}", "line 1, column 4", "unknown tag 'frob'", "docs/templates.md"),
    ],
)
def test_a_broken_template_is_named_with_its_place(
    tmp_path: Path, source: str, place: str, says: str, next_step: str
) -> None:
    error = fault(tmp_path, source)
    assert place in error.message
    assert says in error.message
    assert next_step in (error.next_step or "")


def test_the_file_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "issue/editorial/masthead.mjml.j2") in fault(tmp_path, "{{ wat }}").message


def test_an_unclosed_component_is_named(tmp_path: Path) -> None:
    assert "<mj-section> cannot stand in <mj-section>" in fault(tmp_path, "<mj-section>").message, "the next one does"
    assert (
        "</mj-column> closes nothing that is open" in fault(tmp_path, "<mj-section></mj-column></mj-section>").message
    )
    unclosed = fault(tmp_path, "<mj-section><mj-column><mj-text>x</mj-text></mj-section>").message
    assert "<mj-column> is not closed before </mj-section>" in unclosed


@pytest.mark.parametrize("name", ["masthead.mjml.j2", "footer.mjml.j2"])
@pytest.mark.parametrize(
    ("source", "line", "says"),
    [
        ("<mj-section>\n<mj-column>\n<mj-text>x</mj-text></mj-section>", 3, "<mj-column> is not closed"),
        ("<mj-section>\n<mj-column>{% if true %}words{% endif %}</mj-column></mj-section>", 2, "words stand bare"),
        ("{# a\nb #}\n{% for n in [1] %}<mj-text>x</mj-text>{% endfor %}", 3, "<mj-text> cannot stand in"),
        ("<mj-section><mj-column>\n<mj-text>a\n <b>x</mj-text></mj-column></mj-section>", 3, "<b> is never closed"),
    ],
)
def test_what_shows_only_in_the_whole_document_is_named_by_the_line_that_wrote_it(
    tmp_path: Path, name: str, source: str, line: int, says: str
) -> None:
    said = fault(tmp_path, source, name).message
    assert said.startswith(f"{tmp_path / 'issue/editorial' / name}, line {line}: ")
    assert says in said


def test_a_component_among_words_is_refused(tmp_path: Path) -> None:
    source = "<mj-section><mj-column><mj-text><mj-button>x</mj-button></mj-text></mj-column></mj-section>"
    assert "<mj-text> cannot hold <mj-button>" in fault(tmp_path, source).message


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (
            "<mj-section><mj-text>x</mj-text></mj-section>",
            "<mj-text> cannot stand in <mj-section>, only in <mj-column> or",
        ),
        ("<mj-column></mj-column>", "<mj-column> cannot stand in <mj-body>, only in <mj-section> or <mj-group>"),
        ("<mj-section><mj-column><mj-section/></mj-column></mj-section>", "<mj-section> cannot stand in <mj-column>"),
        ("<mj-social-element>x</mj-social-element>", "cannot stand in <mj-body>, only in <mj-social>"),
        ("<mj-spacer />", "<mj-spacer> cannot stand in <mj-body>"),
    ],
)
def test_a_component_in_the_wrong_place_is_refused(tmp_path: Path, source: str, says: str) -> None:
    assert says in fault(tmp_path, source).message


def test_words_outside_a_component_are_refused(tmp_path: Path) -> None:
    assert "words stand bare in <mj-body>" in fault(tmp_path, "words").message


def test_templates_see_nothing_of_the_machine(tmp_path: Path) -> None:
    for name in ("config", "environ", "lipsum", "cycler", "namespace"):
        assert "undefined" in fault(tmp_path, "{{ " + name + ".x }}").message


def test_a_users_part_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    source = "<mj-section><mj-column><mj-text>Our own head</mj-text></mj-column></mj-section>"
    with_part(tmp_path, "masthead.mjml.j2", source)
    html = render_issue(sample.issue(), sample.NEWSLETTER, language="en", templates=tmp_path).html
    assert "Our own head" in html
    assert "Thursday, 10 August" in html


def test_an_unknown_theme_is_refused_by_name() -> None:
    for theme in ("baroque", "../../etc"):
        with pytest.raises(TemplateError, match="theme"):
            render_issue(sample.issue(), replace(sample.NEWSLETTER, theme=theme), language="en")


def test_a_bottomless_document_is_refused_before_mrml_sees_it() -> None:
    with pytest.raises(TemplateError, match="deeper than"):
        convert(page("<mj-text>" + "<b>" * 20_000 + "</b>" * 20_000 + "</mj-text>"), file="x")


def test_include_is_refused() -> None:
    with pytest.raises(TemplateError, match=r"no component <mj-include>: {% include %} does that"):
        convert(page('<mj-include path="/etc/passwd"/>'), file="x")


def test_words_go_round_mrml() -> None:
    hardened = harden('<mj-button href="/é" color=red>\n<b>a</b>\n <i>b</i></mj-button><mj-text></mj-text>')
    assert hardened.frame.components == '<mj-button href="@~0;" color="red">@~1;</mj-button><mj-text></mj-text>'
    assert hardened.frame.words == ("/é", "\n<b>a</b>\n <i>b</i>")


def test_no_words_pass_for_others() -> None:
    html = convert(page("<mj-text>@~1; @~~0;</mj-text><mj-text>words</mj-text>"), file="x")
    assert "@~1; @~~0;" in html
    assert html.count("words") == 1


def test_variants_that_differ_in_words_share_a_layout() -> None:
    """mrml is asked once for all languages that are read in one direction."""
    newsletter = replace(sample.NEWSLETTER, theme="plain")
    _laid_out.cache_clear()
    pages = {language: render_issue(sample.issue(), newsletter, language=language).html for language in ("en", "de")}
    assert (_laid_out.cache_info().misses, _laid_out.cache_info().hits) == (1, 1)
    for language, html in pages.items():
        _laid_out.cache_clear()
        assert render_issue(sample.issue(), newsletter, language=language).html == html


def test_attributes_that_mrml_reads_are_quoted_and_spelt_in_ascii() -> None:
    hardened = harden("<mj-text font-family='a\u200cb \"c\" \\ é\nf' height=5 />")
    assert hardened.frame.components == '<mj-text font-family="a&#x200c;b &#x22;c&#x22; &#x5c; &#xe9; f" height="5"/>'


def test_a_padding_of_nought_gets_its_unit() -> None:
    assert harden('<mj-text padding="0 10px 0 20px"/>').frame.components == '<mj-text padding="0px 10px 0px 20px"/>'


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        ("<b>a</b>\n<i>b</i>", "<b>a</b>\n<i>b</i>"),
        ("é/> <b>x</b>", "é/> <b>x</b>"),
        ("<IMG alt='a\">b' src=x><br/><hr />", "<IMG alt='a\">b' src=x><br/><hr />"),
        ("<td width=1/><p class='a' />x", "<td width=1></td><p class='a'></p>x"),
        ("<!-- </b> <mj-text> --><b>x</b>", "<!-- </b> <mj-text> --><b>x</b>"),
    ],
)
def test_words_come_out_as_they_went_in_but_for_what_closes_itself(words: str, sent: str) -> None:
    assert f">{sent}</div>" in convert(page(f"<mj-text>{words}</mj-text>"), file="x")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("<mj-text>\n <b>x</mj-text>", "line 2, column 2: <b> is never closed, near ' <b>x</mj-text>"),
        ("<mj-text>\n<b>x</i></b></mj-text>", "line 2, column 5: </i> closes nothing"),
        ("<mj-text>1 < 2</mj-text>", "a < that begins no tag is written &lt;"),
        ('<mj-text><a href="x>y</a></mj-text>', "a < that begins no tag is written &lt;"),
        ("<mj-text><a href='x>y</a></mj-text>", "a < that begins no tag is written &lt;"),
        ("\n<p>x</p>", "line 2, column 1: <p> cannot stand in <mj-column>"),
        ("<mj-text><b><mj-raw></b></mj-text>", "<mj-text> cannot hold <mj-raw>"),
        ("<mj-text>x", "<mj-text> is not closed before </mj-column>"),
    ],
)
def test_broken_words_are_named_with_their_place(words: str, says: str) -> None:
    with pytest.raises(TemplateError) as caught:
        convert(page(words), file="x")
    assert says in caught.value.message


def test_a_title_is_text_alone() -> None:
    with pytest.raises(TemplateError, match="only text can stand in <mj-title>"):
        harden("<mjml><mj-head><mj-title>a <b>b</b></mj-title></mj-head></mjml>")


def test_a_panic_of_mrml_is_an_error_of_the_template() -> None:
    with pytest.raises(TemplateError, match=r"x: MJML cannot be rendered: .* char boundary"):
        convert(page("<mj-social>é/> x</mj-social>"), file="x")


def test_a_style_element_keeps_its_angles() -> None:
    assert "<style>.a>b{c:d}</style>" in convert(page("<mj-raw><style>.a>b{c:d}</style></mj-raw>"), file="x")


def test_an_attribute_of_a_style_sheet_is_checked(tmp_path: Path) -> None:
    error = fault(tmp_path, '<mj-head>\n<mj-style inline="inline">a > b{}</mj-style></mj-head>', "head.mjml.j2")
    assert "line 2, column 11: <mj-style> has no attribute inline" in error.message

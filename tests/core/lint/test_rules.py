"""Each rule finds what it is for, in a mail that has no other fault, and nothing in one that has none."""

import re
import time
import tracemalloc

import pytest
from tests.core.lint.samples import BROKEN_HTML, BROKEN_MESSAGES, HTML, changed, message, styled
from tests.make_lint import MARK, PAGE, rules_page

from digest.actions.sample_preview import preview_sample
from digest.core.lint.linter import MOST, RULES, lint
from digest.core.lint.mail import NotAMail, read_html, read_message
from digest.render.catalogues import languages
from digest.render.notice import Notice, NoticeKind, render_notice
from digest.render.sample import sample_newsletter
from digest.render.templates import theme_names

ALONG = {"html-size": {"html-heavy"}, "form": {"html-element"}, "alternative": set(), "one-h1": set()}
"""Rules that are broken along with one, because it is a part of the other."""


def test_every_rule_has_a_sample() -> None:
    assert BROKEN_HTML.keys() | BROKEN_MESSAGES.keys() == RULES.keys()


def test_a_good_mail_has_no_findings() -> None:
    assert lint(read_html(HTML)) == ()
    assert lint(read_message(message())) == ()


@pytest.mark.parametrize("rule", BROKEN_HTML)
def test_a_rule_finds_what_it_is_for(rule: str) -> None:
    found = lint(read_html(BROKEN_HTML[rule]))
    assert {one.rule for one in found} - ALONG.get(rule, set()) == {rule}
    assert lint(read_html(BROKEN_HTML[rule]), ignore={rule, *ALONG.get(rule, ())}) == ()
    in_message = {one.rule for one in lint(read_message(message(BROKEN_HTML[rule])))}
    assert (rule in in_message) is (rule != "list-unknown"), (
        "in a message, too; but its headers tell whether it goes to a list"
    )


@pytest.mark.parametrize("rule", BROKEN_MESSAGES)
def test_a_rule_of_messages_finds_what_it_is_for(rule: str) -> None:
    assert {one.rule for one in lint(read_message(BROKEN_MESSAGES[rule]))} == {rule}


def test_an_empty_title_has_its_place() -> None:
    (empty,) = lint(read_html(BROKEN_HTML["title"]))
    assert (empty.said, empty.element, empty.line) == ("the title is empty", "title", 2)
    (none,) = lint(read_html(changed("<title>Four posts</title>", "")))
    assert (none.said, none.line) == ("there is no title", 1)


def test_a_charset_is_the_one_that_is_said() -> None:
    """What decodes to something else was lost before the linter saw it: the bytes tell."""
    lossy = message().replace(b"Four posts\r\n\r\nhttps://blog", b"F\xfcnf=FC\r\n\r\nhttps://blog", 1)
    (found,) = lint(read_message(lossy))
    assert (found.rule, found.said) == ("charset", "the text part says utf-8, and has bytes that are not")
    for meta in ('<meta charset="latin1">', '<meta http-equiv="content-type" content="text/html; charset=latin1">'):
        (found,) = lint(read_html(changed('<meta charset="utf-8">', meta)))
        assert (found.rule, found.said, found.element) == ("meta-charset", "a meta element says latin1", "meta")
    assert (
        lint(read_html(changed('<meta charset="utf-8">', '<meta http-equiv="x" content="text/html; charset=UTF-8">')))
        == ()
    )


def test_a_finding_says_where_why_and_how_to_mend_it() -> None:
    (found,) = lint(read_html(BROKEN_HTML["img-size"]))
    line = HTML.splitlines().index(next(each for each in HTML.splitlines() if each.startswith("<img"))) + 1
    assert (found.line, found.column, found.element, found.severity) == (line, 1, "img", "warning")
    assert found.said == "beans.jpg has the width '536px'"
    assert "Outlook" in found.why
    assert "width=" in found.mend


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("theme", theme_names())
def test_our_own_mails_have_no_findings(theme: str, language: str) -> None:
    issue = preview_sample(theme, language)
    assert [one for one in lint(read_message(issue.envelope.message)) if one.severity != "note"] == []
    for kind in NoticeKind:
        notice = Notice(kind=kind, address="anna@example.org", action_url="https://news.example/x")
        html = render_notice(notice, sample_newsletter(theme, language=language), language=language).html
        assert [one for one in lint(read_html(html, to_list=False)) if one.severity != "note"] == []


@pytest.mark.parametrize(
    "html",
    [
        changed("Unsubscribe", "Abbestellen"),
        changed("<h2>Friday</h2>", "<h2>Friday</h2><table><tr><th>Sort</th></tr><tr><td>Beans</td></tr></table>"),
        changed("<h2>Friday</h2>", '<h2>Friday</h2><a href="https://x.example"><img src="https://x.example/a.png" alt="X" width="9"></a>'),
        changed("<h2>Friday</h2>", '<h2>Friday</h2><img src="https://x.example/a.gif" alt="" width="1" height="1">'),
        changed("<h2>Friday</h2>", "<h2>Friday</h2><!--[if mso]><table><tr><td>{{ x }}<![endif]-->"),
        changed("<h2>Friday</h2>", '<h2>Friday</h2><a href="https://xn--bcher-kva.example:8443/a%20b?c=d#e">A book</a>'),
        changed("<h2>Friday</h2>", '<h2>Friday</h2><a href="tel:+4912345">+49 123 45</a>'),
        changed("<h2>Friday</h2>", '<h2 style="position:relative;opacity:1;animation:none">Friday</h2>'),
        changed("<h2>Friday</h2>", '<h2 style="columns:minmax(1px,2px)">Friday</h2>'),
        changed("<style>h1", "<style>.moz-text-html .pad{width:50%}\nh1"),
        changed("<style>h1", "<style>.not-here,.pad button{width:50%;transition:all 1s}\nh1"),
        changed("<style>h1", "<style>td.pad,[dir=ltr] .pad{width:50%}\nh1").replace('<td class="pad"', '<td class="pad" width="50%"'),
        changed("<style>h1", "<style>.pad{display:block}\nh1").replace('<td class="pad"', '<td class="pad" style="display:block"'),
        changed("<style>h1", "<style>.pre{display:none;opacity:0;visibility:hidden;transition:none}\nh1").replace("<div style", '<div class="pre" style'),
        changed('<div style="display:none">', '<div style="max-height: 0; overflow: hidden">').replace("overflow: hidden", "mso-hide:all"),
    ],
)  # fmt: skip
def test_what_is_right_is_left_alone(html: str) -> None:
    assert lint(read_html(html)) == ()


NO_WAY_OUT = changed('<a href="https://news.example/leave/1">Unsubscribe</a>', "Bye")
NO_LIST: dict[str, str | None] = {"List_Unsubscribe": None, "List_Unsubscribe_Post": None, "Precedence": None}


@pytest.mark.parametrize("headers", [{}, {"Auto_Submitted": "auto-generated"}, {"Feedback_ID": "1:service:any"}])
def test_mail_to_one_person_needs_no_way_to_leave(headers: dict[str, str]) -> None:
    assert lint(read_message(message(NO_WAY_OUT, **NO_LIST | headers))) == ()


def test_html_without_a_way_to_leave_may_be_to_one_person() -> None:
    assert [(one.rule, one.severity) for one in lint(read_html(NO_WAY_OUT))] == [("list-unknown", "note")]
    assert lint(read_html(NO_WAY_OUT, to_list=False)) == ()
    assert [one.rule for one in lint(read_html(NO_WAY_OUT, to_list=True))] == ["unsubscribe"]


def test_who_can_leave_by_a_link_is_on_a_list() -> None:
    no_address = changed("Weekly, Plot 14, Lower Mill Lane, Millbrook", "Weekly")
    assert [one.rule for one in lint(read_html(no_address))] == ["postal-address"]
    assert lint(read_html(no_address, to_list=False)) == ()
    assert [one.rule for one in lint(read_message(message(**NO_LIST)))] == ["one-click"]
    assert lint(read_message(message(**NO_LIST), to_list=False)) == ()
    assert lint(read_message(message(**NO_LIST, In_Reply_To="<1@x.example>"))) == (), "it quotes one"


@pytest.mark.parametrize("words", ["Cancelar la reserva", "Trabajar con nosotros", "Cancella la prenotazione"])
def test_other_words_are_no_way_to_leave(words: str) -> None:
    html = changed(
        '<a href="https://news.example/leave/1">Unsubscribe</a>', f'<a href="https://x.example/">{words}</a>'
    )
    assert [one.rule for one in lint(read_html(html, to_list=True))] == ["unsubscribe"]


LAID_OUT_BY_TH = (
    '<table><tr><th class="large-6 columns">Beans</th><th class="expander"></th></tr></table>',
    '<table><tr><th><table role="presentation"><tr><td>Beans</td></tr></table></th><td>Peas</td></tr></table>',
)
WITH_DATA = (
    "<table><tr><th>Sort</th></tr><tr><td>Beans</td></tr></table>",
    "<table><tr><th scope='row'>Sort</th></tr></table>",
    "<table><caption>Sorts</caption><tr><td>Beans</td></tr></table>",
    "<table><thead><tr><td>Sort</td></tr></thead></table>",
)


def test_heads_of_cells_alone_make_no_table_of_data() -> None:
    for table in LAID_OUT_BY_TH:
        (found,) = lint(read_html(changed("<h2>Friday</h2>", f"<h2>Friday</h2>{table}")))
        assert found.rule == "table-role"
    for table in WITH_DATA:
        assert lint(read_html(changed("<h2>Friday</h2>", f"<h2>Friday</h2>{table}"))) == ()


HIDDEN = '<div style="display:none">'


@pytest.mark.parametrize(
    ("css", "attributes"),
    [
        (".pre{display:none}", 'class="x pre"'),
        ("div.pre , p.pre { font-size:1px; DISPLAY : none !important }", "class=pre"),
        ("#pre{visibility:hidden}", 'id="pre"'),
        (".pre{max-height:0;overflow:hidden}", "class=pre"),
        ("", "hidden"),
        ("", 'style="height:0px; overflow: hidden"'),
        ("", 'style="opacity:0.0"'),
    ],
)
def test_a_preheader_may_be_hidden_in_many_ways(css: str, attributes: str) -> None:
    html = styled(css).replace(HIDDEN, f"<div {attributes}>")
    assert [one for one in lint(read_html(html)) if one.severity != "note"] == []


@pytest.mark.parametrize(
    ("css", "attributes"),
    [
        (".pre{color:#fff}", 'class="pre"'),
        ("p.pre{display:none}", 'class="pre"'),
        (".pre{display:none}.pre{display:block}", 'class="pre"'),
        (".pre{display:none}", 'class="pre" style="display:block"'),
        ("@media (max-width:480px){.pre{display:none}}", 'class="pre"'),
        ("/* .pre{display:none} */", 'class="pre"'),
        ("", 'style="opacity:0.9"'),
    ],
)
def test_what_is_seen_is_no_preheader(css: str, attributes: str) -> None:
    found = lint(read_html(styled(css).replace(HIDDEN, f"<div {attributes}>")))
    assert [one.said for one in found if one.rule == "preheader"] == [
        "there is no preheader: the body begins with what everybody sees"
    ]


def test_what_stands_after_words_that_everybody_sees_is_no_preheader() -> None:
    html = changed(HIDDEN, f"<p>Hello</p>{HIDDEN}")
    assert [one.rule for one in lint(read_html(html))] == ["preheader"]


@pytest.mark.parametrize(
    ("rule", "css", "place"),
    [
        ("css-layout", "/* a */\nh2{\n  margin:0;\n  display: grid}", (4, 3)),
        ("css-look", "h2{margin:0;transition:all 1s}", (1, 13)),
        ("style-layout", 'h2::after{content:"}"}\n .pad{margin:0; width:9px}', (2, 17)),
        ("style-range", "h2{margin:0}\n@media (width <= 480px){.x{margin:0}}", (2, 1)),
        ("style-nested", "@media screen{\n @media print{.x{margin:0}}}", (2, 2)),
        ("style-url", ".x{margin:0;\n background:url(a;b})}", (2, 13)),
        ("style-import", "\n@import url(x.css);", (2, 1)),
        ("style-font", "h2{margin:0} @font-face{font-family:x}", (1, 14)),
    ],
)
def test_a_finding_in_a_style_sheet_has_the_place_of_the_declaration(
    rule: str, css: str, place: tuple[int, int]
) -> None:
    (found,) = lint(read_html(styled(css)))
    first = HTML[: HTML.index("<style>")].count("\n")
    line, column = place
    assert (found.rule, found.line, found.column, found.element) == (
        rule, first + line, column + (len("<style>") if line == 1 else 0), "style",
    )  # fmt: skip


def test_a_finding_in_a_style_attribute_has_the_place_of_the_declaration() -> None:
    tag = '<h2 title="display: none"\n style="margin:0; display : grid">'
    (found,) = lint(read_html(changed("<h2>", tag)))
    line = HTML[: HTML.index("<h2>")].count("\n") + 2
    assert (found.rule, found.line, found.column, found.element) == ("css-layout", line, 19, "h2")


@pytest.mark.parametrize("opening", ["<div>", "<table><tr><td>", "<span>", "<a href='https://x.example/'>"])
def test_a_document_takes_the_memory_that_its_length_takes(opening: str) -> None:
    """Text is kept once, not in each element round it: here 480 times."""
    html = opening * (480 // opening.count("<")) + "beans and compost " * 6_000
    tracemalloc.start()
    try:
        assert lint(read_html(html))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 25 * len(html)


@pytest.mark.parametrize(
    "raw",
    [
        b"Subject: =?utf-8?q?broken?\r\nContent-Type: text/html; charset=klingon\r\n\r\n<p>\xff\xfe",
        b"List-Unsubscribe: <<<,,>\r\nSubject: a\r\nContent-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n"
        + b"<div>" * 20_000,
        b"A: b\r\nContent-Type: text/html\r\n\r\n" + b"<a href='x" * 5_000,
        b"A: b\r\nContent-Type: text/html\r\n\r\n<style>" + b"@media{" * 5_000,
        b"A: b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
        b"A: b\r\nContent-Type: text/html\r\n\r\n" + b"<table>" * 3_000 + b"<th>" * 3_000,
    ],
)
def test_broken_mail_is_linted_in_bounded_time(raw: bytes) -> None:
    began = time.process_time()
    assert lint(read_message(raw))
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    "html",
    [
        "<a " * 100_000,
        "<!--" * 100_000,
        "<p>&#" + "9" * 5000 + ";",
        "<!--" * 100_000 + ">",
        "<style>" + "/* " * 100_000,
    ],
)
def test_html_that_never_ends_is_linted_in_bounded_time(html: str) -> None:
    began = time.process_time()
    assert lint(read_html(html))
    assert time.process_time() - began < 5


def test_many_links_in_a_long_text_are_looked_up_and_not_searched_for() -> None:
    """1.5 million characters, searched once for each of 15,000 links, took half a minute."""
    links = [f"https://news.example/{'x' * 80}/{number}" for number in range(15_000)]
    html = changed("</h2>", "</h2>" + "".join(f'<a href="{link}">{link[-9:]}</a>' for link in links))
    text = "\n".join(["https://news.example/other", *(f"({link})." for link in links[1:])])
    mail = read_message(message(html, text=text))
    began = time.process_time()
    assert f"{links[0]} is not in the text part" in [hit.said for hit in RULES["links-in-text"].find(mail)]
    assert time.process_time() - began < 2


def test_what_is_no_mail_is_said() -> None:
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (each, each) for each in range(1500))
    with pytest.raises(NotAMail, match="nested too deeply"):
        read_message(nested)
    with pytest.raises(NotAMail, match="no headers"):
        read_message(b"just words\n")


def test_what_one_outlook_does_not_know_is_told() -> None:
    (found,) = lint(read_html(changed("<h2>", '<h2 style="display:flex">')))
    assert (found.rule, found.said) == ("css-layout", "display: flex does not work in Outlook for Windows")


@pytest.mark.parametrize("width", ["auto", "536px", "", "half"])
def test_a_width_is_a_number(width: str) -> None:
    found = lint(read_html(changed('width="536"', f'width="{width}"')))
    assert [one.rule for one in found] == ["img-size"]


def test_many_findings_of_one_rule_are_counted() -> None:
    html = changed("<h2>Friday</h2>", "<h2>Friday</h2>" + '<img src="https://x.example/a.png" width="9">' * 50)
    found = lint(read_html(html))
    assert len(found) == MOST
    assert found[-1].said.endswith("; and 30 more")


def test_the_page_lists_the_rules() -> None:
    assert PAGE.read_text(encoding="utf-8").partition(MARK)[1:] == (MARK, rules_page().removeprefix(MARK)), (
        "run: python -m tests.make_lint"
    )
    for page in ("README.md", "CHANGELOG.md"):
        assert f"{len(RULES)} rules" in (PAGE.parents[1] / page).read_text(encoding="utf-8"), page
    assert not [one.id for one in RULES.values() if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", one.id)]

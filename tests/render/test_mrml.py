"""What mrml does wrong, and we work around: the day that it stops, a test says so and the work-around may go."""

import re
import subprocess
import sys

import pytest
from mjml import mjml2html
from tests.render.test_markup import page

DEEP = (
    "from mjml import mjml2html; "
    "mjml2html('<mjml><mj-body><mj-section><mj-column><mj-text>' + '<b>' * 50_000 + '</b>' * 50_000 + "
    "'</mj-text></mj-column></mj-section></mj-body></mjml>', fonts={})"
)


@pytest.mark.parametrize(
    ("mjml", "fault"),
    [
        ("<mj-text><b>a</b>\n<i>b</i></mj-text>", "<b>a</b><i>b</i>"),
        ('<mj-image alt="a\u200cb" src="https://x.example/"/>', "\\u{200c}"),
        ('<mj-frob wat="x"/><mj-text>x</mj-text>', "x"),
    ],
)
def test_mrml_still_does_what_we_work_around(mjml: str, fault: str) -> None:
    assert fault in mjml2html(page(mjml), fonts={})


@pytest.mark.parametrize(
    ("mjml", "fault"),
    [
        ('<mj-image alt="a\\b" src="x"/>', 'alt="a\\\\b"'),
        ('<mj-image alt="\u2764\ufe0f" src="x"/>', "\\u{fe0f}"),
        ('<mj-image alt="a\u00a0b" src="x"/>', "\\u{a0}"),
        ('<mj-image alt="e\u0301" src="x"/>', "\\u{301}"),
        ('<mj-image alt="a\nb" src="x"/>', 'alt="a\\nb"'),
        ('<mj-image alt=\'a" onload="b\' src="x"/>', '\\" onload'),
        ('<mj-image alt="" padding="0 32px" src="x"/>', "width:600px;"),
        ('<mj-button href="\ue000">x</mj-button>', "\\u{e000}"),
    ],
)
def test_mrml_still_writes_attributes_in_debug_form(mjml: str, fault: str) -> None:
    assert fault in mjml2html(page(mjml), fonts={}), "mrml has mended this: markup.harden may let it go"


def test_mrml_still_lets_these_pass() -> None:
    """Each is refused or avoided by us (schema.py, convert.py); where one is mended, the refusal may go."""
    sheet = "<mjml><mj-head><mj-style{}>{}</mj-style></mj-head><mj-body></mj-body></mjml>"
    assert "<style" in mjml2html(sheet.format(' inline="inline"', ".frob{color:red}"), fonts={}), "it inlines now"
    assert "&gt;" in mjml2html(sheet.format("", ".a &gt; .frob{color:red}"), fonts={}), "it reads references now"
    assert "fonts.googleapis.com" in mjml2html(page('<mj-text font-family="Lato">x</mj-text>')), "fonts={} may go"
    plain = page("<mj-text>x</mj-text>")
    wide = plain.replace("<mj-section>", '<mj-section full-width="false">')
    assert mjml2html(wide, fonts={}) != mjml2html(plain, fonts={}), "full-width is read by its value now"
    with pytest.raises(ValueError, match="unexpected element"):
        mjml2html("<mjml><mj-head><mj-html-attributes></mj-html-attributes></mj-head></mjml>", fonts={})


@pytest.mark.parametrize("place", ["<mjml><mj-body>é/></mj-body></mjml>", page("<mj-text>é/> <b>x</b></mj-text>")])
def test_mrml_still_panics_at_a_stray_angle(place: str) -> None:
    """A panic is a BaseException: `except Exception` lets it through, to the top of a daemon."""
    with pytest.raises(BaseException, match="char boundary") as caught:
        mjml2html(place, fonts={})
    assert not isinstance(caught.value, Exception), "panics are Exceptions now: convert may catch those only"


def test_mrml_still_kills_the_process_by_deep_nesting() -> None:
    killed = subprocess.run([sys.executable, "-c", DEEP], capture_output=True, check=False, timeout=60)
    assert killed.returncode < 0, "deep nesting is bearable now: harden.DEEPEST may go"


def test_mrml_still_leaves_these_to_put_right() -> None:
    """Each is mended by put_right.py."""
    html = mjml2html(
        page('<mj-image src="x" width="100.5px" height="33.6px" alt="a&#x200c;b"/><mj-image src="x"/>'), fonts={}
    )
    assert 'alt="a&#x200c;b"' in html, "references come out as characters now"
    assert 'height="33.6"' in html, "heights are whole now"
    assert 'width="100.5"' in html, "widths are whole now"
    assert 'height="auto"' in html, "a height that is unknown is left out now"
    assert re.search(r"height:33.6px;width:100%", html), "a picture's height follows its width now"
    assert "<![endif]--><!--[if mso | IE]>" in html, "conditional comments are merged now"
    assert "a { padding: 0; }" in html, "styles are minified now"
    long = mjml2html(page("<mj-text>x</mj-text>" * 30), fonts={})
    assert max(map(len, long.splitlines())) > 998, "lines are short now"

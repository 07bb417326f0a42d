"""mrml's HTML as it is sent: the same page, in characters, whole pixels, few comments and short lines."""

import re
from functools import cache

import pytest
from mjml import mjml2html
from selectolax.lexbor import LexborHTMLParser
from tests.render.test_markup import page

from digest.actions.sample_preview import preview_sample
from digest.render.convert import convert
from digest.render.put_right import LONGEST_LINE, in_lines, put_right
from digest.render.templates import theme_names

sample_of = cache(preview_sample)
MEETING = re.compile(r"<!\[endif\]-->\s*<!--\[if mso \| IE\]>")


def made(words: str) -> str:
    return convert(page(words), file="x")


def test_references_are_characters_again_but_those_that_html_needs() -> None:
    words = "\u200c ❤\ufe0f \u00a0 é \\ 👩\u200d🌾"
    html = made(f'<mj-image src="https://x.example/" alt=\'{words} "q" &lt;b&gt; &amp;#xe9; &#x85;\'/>')
    assert f'alt="{words} &#x22;q&#x22; &lt;b&gt; &amp;#xe9; &#x85;"' in html


def test_sizes_are_whole_pixels_and_a_height_gives_way_on_a_phone() -> None:
    html = made('<mj-image src="x" width="100.5px" height="33.6px"/><mj-image src="y"/>')
    assert '<img height="34" src="x" width="100"' in html.replace("\n", " ")
    assert "height:auto;width:100%" in html
    assert 'height="auto"' not in html
    assert 'width="550"' in html


def test_conditional_comments_that_meet_are_one() -> None:
    mjml = page("<mj-text>x</mj-text>")
    before = mjml2html(mjml, fonts={})
    after = put_right(before)
    assert MEETING.search(before)
    assert not MEETING.search(after)
    expanded = [re.sub(r"<!--\[if mso \| IE\]>|<!\[endif\]-->|\s", "", html) for html in (before, after)]
    assert expanded[0].partition("<body")[2] == expanded[1].partition("<body")[2], "Outlook reads the same"


def test_styles_are_minified_and_what_is_quoted_stays() -> None:
    style = put_right("""<style type="text/css">
        /* a note */ a , b :first-child { color : red ;  content: "a ; b  :c" }
        @media only screen and (max-width: 480px) { .x > y { margin: 0  1px; } }</style>""")
    assert style == (
        '<style type="text/css">a,b :first-child{color :red;content:"a ; b  :c"}\n'
        "@media only screen and (max-width:480px){.x > y{margin:0 1px}\n}</style>"
    )


@pytest.mark.parametrize("theme", theme_names())
def test_lines_are_short_and_the_page_is_the_same(theme: str) -> None:
    html = sample_of(theme, "fa").rendered.html
    assert max(len(line.encode()) for line in html.split("\n")) <= LONGEST_LINE
    assert "  " not in html.partition("</style>")[0]


def test_long_words_break_between_words_and_never_inside_a_tag_or_a_pre() -> None:
    words = "some words and more " * 200
    quoted = "x " * 600
    whole = f'<p title="{quoted}">{words}</p>'
    cut = in_lines(whole)
    assert max(map(len, in_lines(f"<p>{words}</p>").split("\n"))) <= LONGEST_LINE
    assert cut.replace("\n", " ") == whole
    assert LexborHTMLParser(cut).css_first("p").attributes["title"] == quoted
    assert in_lines(f"<pre>{words}</pre>") == f"<pre>{words}</pre>"
    assert in_lines("漢字" * 900) == "漢字" * 900, "a newline would show as a space"

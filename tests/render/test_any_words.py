"""Whatever a stranger writes comes out as the words that they wrote."""

from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser
from tests.render import sample_issue as sample

from digest.core import merge
from digest.core.model import AlsoIn, Card, EditorNote, IssueGroup, Picture
from digest.render.clean import clean_line, clean_link
from digest.render.columns import width_of, wrap
from digest.render.issue import render_issue

MARKUP = (
    "<b>",
    "</mj-text>",
    "{{ x }}",
    "{% if %}",
    "%%" + sample.KEY + ":address%%",
    "&amp;",
    '"',
    "'",
    "\\",
    "<!--",
    "]]>",
)
WORDS = st.lists(
    st.one_of(st.text(st.characters(), max_size=8), st.sampled_from([*MARKUP, "\n", "\u200c", "❤️", "\u00a0"])),
    max_size=8,
).map("".join)


def shown(text: str) -> str:
    return " ".join(text.split())


@settings(max_examples=80, deadline=None)
@given(WORDS, WORDS, WORDS)
@example("\u00a0\u200c", "", "")
def test_any_words_survive_in_every_field(one: str, two: str, three: str) -> None:
    link = "https://a.example/" + two
    card = Card(
        title=one,
        title_made=len(three) % 2 == 1,
        link=link,
        author=two,
        topics=(three, one),
        lead=two,
        quote=three,
        language="en",
        pictures=(
            Picture(src="https://a.example/1.png", alt=one, caption=two),
            Picture(src=link, alt=two, caption=three + "!"),
        ),
    )
    post = replace(sample.ROOF, card=card, source=three, also_in=(AlsoIn(source=two, link=link),))
    content = replace(
        sample.CONTENT,
        newsletter=one,
        groups=(IssueGroup(kind="topic", label=two, posts=(post, sample.SWAP)),),
        more=(post,),
        note=EditorNote(text=three, html=three, author=one),
    )
    rendered = render_issue(sample.issue(content), sample.NEWSLETTER, language="en")
    tree = LexborHTMLParser(rendered.html)
    headings = [shown(node.text()) for node in tree.css("h3")]
    title = shown(clean_line(one, key=sample.KEY)) or "Untitled"
    assert headings[1] == "Seed swap: Saturday <2 pm>"
    assert headings[0] == title or card.title_made
    assert len(tree.css("img")) == 1 + bool(clean_link(link, key=sample.KEY) and "!" in three + "!")
    assert rendered.html.count(merge.token(sample.KEY, "address")) == 1
    assert rendered.text.count(merge.token(sample.KEY, "address")) == 1
    rendered.html.encode()
    rendered.text.encode()


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(), max_size=200), st.integers(min_value=8, max_value=72))
def test_wrapping_keeps_the_words_and_the_width(text: str, columns: int) -> None:
    lines = wrap(text, columns).split("\n")
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(width_of(line) <= columns or " " not in line for line in lines)

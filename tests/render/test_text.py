"""The text part: good enough to be read alone, in every language."""

import re
from dataclasses import replace
from html import unescape

import pytest
from selectolax.lexbor import LexborHTMLParser

from digest.actions.sample_preview import preview_sample
from digest.core.model import Rendered
from digest.render.catalogues import languages
from digest.render.columns import COLUMNS, width_of, wrap
from digest.render.issue import render_issue
from digest.render.sample import sample_issue, sample_newsletter
from digest.render.templates import theme_names

SAMPLES = [(theme, language) for theme in theme_names() for language in languages()]
JAPANESE = (
    "「豆は朝に採る」と祖父は言った。けれど、いつ採っても味は同じだと思っていた（それはまちがいだった）。きゅうりもトマトも、"
    "ちょっとした時間の違いで甘さが変わってしまう！「ほんとうだろうか」と思うなら、一度ためしてみてほしい。『野菜の時間』という本も、"
    "そう書いている……らしい。コンポスト、トマト、キャベツ：どれも同じ。"
)


def with_lead(lead: str, language: str = "en", **card) -> str:
    issue = sample_issue(language)
    first, *rest = issue.content.groups
    post = first.posts[0]
    changed = replace(post, card=replace(post.card, lead=lead, **card))
    content = replace(issue.content, groups=(replace(first, posts=(changed,)), *rest))
    return render_issue(replace(issue, content=content), sample_newsletter("editorial"), language=language).text


@pytest.fixture(scope="module", params=SAMPLES, ids="-".join)
def rendered(request: pytest.FixtureRequest) -> Rendered:
    return preview_sample(*request.param).rendered


def test_its_lines_are_72_columns_or_one_link(rendered: Rendered) -> None:
    for line in rendered.text.split("\n"):
        assert width_of(line) <= COLUMNS or re.fullmatch(r"\s*\S+://\S+", line), line
        assert line == line.rstrip() or line == "-- ", "no space at the end, but the signature's own"
        assert not line.startswith(("From ", ".", "。", "、", "」"))
    assert "\n\n\n\n" not in rendered.text


def test_every_link_of_the_html_stands_alone_on_a_line(rendered: Rendered) -> None:
    lines = {line.strip() for line in rendered.text.split("\n")}
    linked = {unescape(one.attributes["href"] or "") for one in LexborHTMLParser(rendered.html).css("a")}
    assert linked - lines == set()
    assert {line for line in rendered.text.split("\n") if "://" in line and " " in line.strip()} == set()


def test_every_word_of_a_post_is_in_it_in_order(rendered: Rendered) -> None:
    flat = re.sub(r"\s+", "", rendered.text)
    place = 0
    for heading in LexborHTMLParser(rendered.html).css("h3"):
        words = re.sub(r"\s+", "", heading.text())
        assert words in flat[place:]
        place = flat.index(words, place)


@pytest.mark.parametrize("columns", range(8, 40))
def test_japanese_breaks_where_japanese_may(columns: int) -> None:
    lines = wrap(JAPANESE, columns).split("\n")
    assert "".join(lines) == JAPANESE
    assert all(width_of(line) <= columns for line in lines)
    assert [line for line in lines if line[0] in "、。」』）！？：…ー々っゃゅょッャュョ"] == []
    assert [line for line in lines[:-1] if line[-1] in "「『（"] == []


def test_a_run_of_closing_signs_is_broken_all_the_same() -> None:
    assert all(width_of(line) <= COLUMNS for line in wrap("豆" + "。" * 100 + "「" * 100).split("\n"))


def test_arabic_is_counted_without_its_marks_and_broken_at_spaces_only() -> None:
    words = "نَسْقِيهِ فِي الصَّبَاحِ البَاكِرِ مِنَ الأَسْفَلِ لَا مِنَ الأَعْلَى وَنَتْرُكُ التُّرْبَةَ تَجِفُّ قَلِيلًا بَيْنَ مَرَّةٍ وَأُخْرَى"
    lines = wrap(words).split("\n")
    assert " ".join(lines) == words
    assert len(lines) == 2
    assert all(width_of(line) <= COLUMNS for line in lines)


def test_a_long_link_is_whole_and_a_long_word_is_cut() -> None:
    link = "https://lowermillplots.blogspot.com/2017/08/" + "a-very-long-name-" * 12
    lines = with_lead("Antidis" * 20, link=link).split("\n")
    assert link in lines
    assert "".join(line for line in lines if line.startswith("Antidis") or "disAntidis" in line) == "Antidis" * 20


@pytest.mark.parametrize("word", ["From ", ".net "])
def test_no_line_begins_as_a_mailbox_or_a_relay_would_change_it(word: str) -> None:
    text = with_lead(word + "here to there. " + (("x" * 60 + " ") + word + "y ") * 3)
    assert not [line for line in text.split("\n") if line.startswith(word.rstrip() + " ")]
    assert text.count(word.strip()) == 4

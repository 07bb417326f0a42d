"""The budget: an issue of any size fits under what Gmail shows, and nothing that fits is shortened."""

import re
from dataclasses import replace
from itertools import cycle
from typing import Any

import pytest
from tests.render import sample_issue as sample

from digest.core.model import IssueContent, Picture, Rendered
from digest.render.budget import LIMIT, transferred
from digest.render.catalogues import languages
from digest.render.issue import render_issue
from digest.render.templates import theme_names

LEAD = "A heap that was steaming in June had dropped to eleven degrees, and I could not see why. "


def content(posts: int, **card: Any) -> IssueContent:
    """An issue of equal posts, numbered in their titles."""
    given = {
        "lead": LEAD * 3,
        "pictures": (
            Picture(src="https://a.example/1.jpg", width=1200, height=800, alt="A heap", caption="Eleven degrees"),
        ),
        "topics": ("compost",),
        **card,
    }
    made = tuple(
        sample.post(n, sample.ROOF.at, title=f"T{n}T", link=f"https://a.example/{n}", **given)
        for n in range(1, posts + 1)
    )
    return replace(sample.CONTENT, groups=(sample.day("2017-08-11", *made),))


def render(posts: int, *, theme: str = "editorial", language: str = "en", **card: Any) -> Rendered:
    newsletter = replace(sample.NEWSLETTER, theme=theme)
    return render_issue(sample.issue(content(posts, **card)), newsletter, language=language)


def numbers(text: str) -> list[int]:
    """The posts whose titles are there, in order of their first appearance behind the list of contents."""
    return list(dict.fromkeys(int(number) for number in re.findall(r"T(\d+)T", text)))


# Every theme and every language with every size: pairs by turns, since each of them alone decides nothing else.
CASES = [
    (count, theme, language)
    for (count, theme), language in zip(
        [(count, theme) for count in (1, 2, 20, 45, 130, 500) for theme in theme_names()],
        cycle(languages()),
        strict=False,
    )
]


@pytest.mark.parametrize(("count", "theme", "language"), CASES)
def test_an_issue_of_any_size_fits_and_keeps_its_order(count: int, theme: str, language: str) -> None:
    rendered = render(count, theme=theme, language=language)
    fitted = rendered.fitted
    assert transferred(rendered.html) <= LIMIT
    assert fitted.full + fitted.without_pictures + fitted.lines == count
    kept = numbers(rendered.text.partition("* * *")[2])
    assert kept == list(range(1, count - fitted.left_out + 1))
    assert set(numbers(rendered.html)) == set(kept)
    assert rendered.html.count("https://a.example/1.jpg") <= fitted.full, "only those in full have pictures"


def test_nothing_that_fits_is_shortened_and_the_first_that_does_not_loses_little() -> None:
    found = {count: render(count).fitted for count in range(20, 44, 3)}
    whole = [count for count, fitted in found.items() if not fitted.is_shortened]
    shortened = [count for count in found if count not in whole]
    assert whole == [count for count in found if count < shortened[0]], "all up to a size, none beyond"
    first = found[shortened[0]]
    assert first.lines == first.left_out == 0
    assert 0 < first.without_pictures <= 5


def test_full_posts_come_first_then_words_then_lines_then_a_number() -> None:
    rendered = render(70)
    fitted = rendered.fitted
    assert min(fitted.full, fitted.without_pictures) > 0
    crowded = render(500, lead="é" * 280)
    assert crowded.fitted.full == 0
    assert crowded.fitted.lines > crowded.fitted.without_pictures > 0
    assert f"and {crowded.fitted.left_out} more on the web" in crowded.text
    assert crowded.fitted.left_out > 0
    assert "é" * 280 in crowded.html, "the first keeps its words"


def test_the_same_issue_is_always_shortened_the_same() -> None:
    assert render(130) == render(130)

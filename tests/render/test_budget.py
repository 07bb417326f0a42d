"""The budget: an issue of any size fits under what Gmail shows, and nothing that fits is shortened."""

import re
from bisect import bisect_left
from dataclasses import replace
from typing import Any

import pytest
from tests.render import sample_issue as sample

from digest.core.model import Fitted, Issue, IssueContent, Picture, Rendered
from digest.render.budget import LIMIT, describe, fits, shrink, steps, transferred
from digest.render.catalogues import languages
from digest.render.compose_view import compose_view
from digest.render.issue import _html, render_issue
from digest.render.look import look_of
from digest.render.sample import sample_issue
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


def spoken(count: int, language: str) -> IssueContent:
    """The same in the words of a language: what is two bytes a letter takes six on the way."""
    posts = (post.card for group in sample_issue(language).content.groups for post in group.posts)
    card = next(card for card in posts if card.language == language)
    picture = Picture(src="", width=1200, height=800, alt=card.title, caption=card.title)
    made = tuple(
        sample.post(
            n, sample.ROOF.at, title=f"T{n}T {card.title}", link=f"https://a.example/{n}", lead=card.lead * 2,
            language=language, pictures=(replace(picture, src=f"https://a.example/{n}.jpg"),),
        ) for n in range(1, count + 1)
    )  # fmt: skip
    return replace(sample.CONTENT, language=language, groups=(sample.day("2017-08-11", *made),))


# Every theme in every language; each theme with every size, each language with four of them.
SIZES = (1, 2, 20, 45, 130, 250, 500)
CASES = [
    (SIZES[(2 * row + column) % len(SIZES)], theme, language)
    for row, theme in enumerate(theme_names())
    for column, language in enumerate(languages())
]


@pytest.mark.parametrize(("count", "theme", "language"), CASES)
def test_an_issue_of_any_size_fits_and_is_shortened_no_more_than_it_must(count: int, theme: str, language: str) -> None:
    issue = sample.issue(spoken(count, language))
    rendered = render_issue(issue, replace(sample.NEWSLETTER, theme=theme), language=language)
    fitted = rendered.fitted
    assert transferred(rendered.html) <= LIMIT
    assert fitted.full + fitted.without_pictures + fitted.lines == count
    told = rendered.text.partition("* * *")[2] if count > 1 else rendered.subject  # the title of one is the issue's
    kept = numbers(told)
    assert kept == list(range(1, count - fitted.left_out + 1))
    assert set(numbers(rendered.html)) == set(kept)
    assert rendered.html.count("https://a.example/1.jpg") <= fitted.full, "only those in full have pictures"
    if fitted.is_shortened:
        assert not fits(html_of_one_step_less(issue, theme, language, fitted))


def gone(fitted: Fitted) -> tuple[int, int, int]:
    return fitted.left_out, fitted.lines, -fitted.full


def html_of_one_step_less(issue: Issue, theme: str, language: str, fitted: Fitted) -> str:
    look = look_of(theme, {})
    width = look.theme.picture_width or look.theme.inner
    view = compose_view(
        issue.content, replace(sample.NEWSLETTER, theme=theme), key=issue.merge_key, language=language, width=width,
        tallest=look.theme.image_ratio,
    )  # fmt: skip
    step = bisect_left(
        range(steps(view) + 1), gone(fitted), key=lambda step: gone(describe(shrink(view, step), full=len(view.posts)))
    )
    assert describe(shrink(view, step), full=len(view.posts)) == fitted
    return _html(shrink(view, step - 1), look, None)


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

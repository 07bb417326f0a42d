"""How long rendering takes: `python -m tests.bench.rendering [--json] [--npm FOLDER]`. Results: docs/benchmarks.md.

An issue of twenty posts in the editorial theme, in English and then in German. All figures are CPU milliseconds of one
process after a warm-up: the least and the median of the rounds. What is kept from an issue's first variant to the next
(render/convert.py) is forgotten before each round; before a further variant the first one is compiled, which is not counted. Words
are new in each round. Beside them npm's mjml, given the same MJML.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from mjml import mjml2html

from digest.core.cut import Limits
from digest.core.model import Issue, Variant
from digest.core.variants import content_for
from digest.render import issue as rendering
from digest.render.compose_view import compose_view
from digest.render.convert import _laid_out, convert
from digest.render.harden import harden
from digest.render.inner import _mended
from digest.render.issue import HTML_TEMPLATE, TEXT_TEMPLATE, render_issue
from digest.render.layout import Kinds
from digest.render.look import Look, look_of
from digest.render.view import IssueView
from tests.npm_mjml import NoMjml, NpmMjml, find_mjml
from tests.render import sample_issue as sample

POSTS = 20
WEB = "https://news.lowermill.example/1"
_WORD = "Compost"  # in titles, alt texts and words of the posts


@dataclass(frozen=True)
class Spent:
    """CPU milliseconds of a piece of work."""

    least: float
    median: float


def twenty_posts() -> Issue:
    """Four days of the sample's five posts, by two blogs, with pictures, quotes and topics."""
    week = (sample.BEANS, sample.COMPOST, sample.SWAP, sample.LADYBIRDS, sample.ROOF)
    days = []
    for day in range(POSTS // len(week)):
        posts = [
            replace(
                post, post_id=day * len(week) + place, source=f"Blog {place % 2}",
                card=replace(post.card, title=post.card.title if post.card.title_made else f"{post.card.title} {day}"),
            )
            for place, post in enumerate(week, 1)
        ]  # fmt: skip
        days.append(sample.day(f"2017-08-{10 - day:02}", *posts))
    return sample.issue(replace(sample.CONTENT, groups=tuple(days)))


def without(issue: Issue, left_out: slice) -> Issue:
    """As it is for who has chosen some topics."""
    assert issue.content is not None
    posts = issue.content.posts
    shown = frozenset(post.post_id for post in posts) - {post.post_id for post in posts[left_out]}
    variant = Variant(id=0, issue_id=issue.id, key="", language="en", shown=shown)
    return replace(issue, content=content_for(issue.content, variant, limits=Limits(most=POSTS)))


def forget() -> None:
    """What is kept of the documents before; tags without words in them are kept for ever."""
    _laid_out.cache_clear()
    _mended.cache_clear()


def _with_new_words(mjml: str, turn: int) -> str:
    """Of another issue: its words, links and pictures."""
    return mjml.replace(_WORD, f"{_WORD} {turn}").replace("https://", f"https://issue-{turn}.")


def spend(work: Callable[[str], object], rounds: int, *, given: Callable[[int], str] = str) -> Spent:
    """What one turn of the work takes with what it is `given`, after three to warm up."""
    times = []
    for turn in range(rounds + 3):
        argument = given(turn)
        before = time.process_time()
        work(argument)
        if turn >= 3:
            times.append((time.process_time() - before) * 1000)
    return Spent(least=round(min(times), 2), median=round(statistics.median(times), 2))


def measure(rounds: int) -> tuple[dict[str, Spent], str]:
    """Each step and the whole, and the MJML that was compiled."""
    issue, newsletter = twenty_posts(), sample.NEWSLETTER
    look = look_of(newsletter.theme, newsletter.theme_variables)

    def filled(issue: Issue, language: str = "en") -> str:
        return look.fill(HTML_TEMPLATE, rendering._values(_view(issue, look, language)))

    def after(first: str | None, then: str) -> Callable[[int], str]:
        """The second, as in a new issue of this round, of which the first has been compiled, and nothing else."""

        def prepared(turn: int) -> str:
            forget()
            if first:
                convert(_with_new_words(first, turn), file="bench")
            return _with_new_words(then, turn)

        return prepared

    mjml, values = filled(issue), rendering._values(_view(issue, look, "en"))
    sheet = Kinds(harden(mjml)).sheet()
    compiles = {
        "compile": after(mjml, mjml),
        "variant_of_language": after(mjml, filled(issue, "de")),
        "variant_of_half": after(mjml, filled(without(issue, slice(None, None, 2)))),
        "variant_of_most": after(mjml, filled(without(issue, slice(4, 5)))),
        "variant_unseen": after(None, mjml),
    }
    steps: dict[str, Callable[[str], object]] = {
        "render": lambda _: render_issue(issue, newsletter, language="en", web_url=WEB, archive_url=WEB),
        "theme": lambda _: look_of(newsletter.theme, newsletter.theme_variables),
        "view": lambda _: _view(issue, look, "en"),
        "html_template": lambda _: look.fill(HTML_TEMPLATE, values),
        "text_template": lambda _: look.fill(TEXT_TEMPLATE, values),
        "mrml": lambda _: mjml2html(sheet, fonts={}),
        "mrml_whole": lambda _: mjml2html(mjml, fonts={}),
    }
    spent = {name: spend(work, rounds, given=_forgetting) for name, work in steps.items()}
    return spent | {
        name: spend(lambda text: convert(text, file="bench"), rounds, given=given) for name, given in compiles.items()
    }, mjml


def _forgetting(_turn: int) -> str:
    forget()
    return ""


def measure_npm(npm: NpmMjml, mjml: str, rounds: int) -> dict[str, float | str | None]:
    """npm's mjml on the same input, in a process of its own."""
    made = npm.compile(mjml, rounds=rounds)
    return {"version": npm.version, "first": round(made.first_ms, 1), "warm": made.warm_ms and round(made.warm_ms, 1)}


def _view(issue: Issue, look: Look, language: str) -> IssueView:
    assert issue.content is not None
    width = look.theme.picture_width or look.theme.inner
    return compose_view(
        issue.content, sample.NEWSLETTER, key=issue.merge_key, language=language, width=width,
        tallest=look.theme.image_ratio, web_url=WEB, archive_url=WEB,
    )  # fmt: skip


ROWS = {
    "render": "**an issue of 20 posts**: content to final HTML and text",
    "theme": "of it: the theme, as it is in memory",
    "view": "of it: the view (cleaned words, links, dates)",
    "html_template": "of it: the HTML template (Jinja)",
    "variant_unseen": "of it: the compile, MJML to final HTML; nothing like it was compiled before",
    "text_template": "of it: the text template (Jinja)",
    "mrml": "of the compile: mrml alone, which gets one of each kind and no words",
    "variant_of_language": "**the compile of a further variant**: the same posts in another language",
    "variant_of_half": "**the compile of a further variant**: half of the posts",
    "variant_of_most": "**the compile of a further variant**: all posts but one",
    "compile": "for comparison: the same once more",
    "mrml_whole": "for comparison: mrml alone, given all, before checks and mends",
}


def print_table(steps: dict[str, Spent], npm: dict[str, float | str | None] | str) -> None:
    """The figures for a person."""
    print("| CPU milliseconds | least | median |\n|---|---|---|")
    for name, said in ROWS.items():
        print(f"| {said} | {steps[name].least:.2f} | {steps[name].median:.2f} |")
    if isinstance(npm, str):
        print(f"\nnpm's mjml was not measured: {npm}", file=sys.stderr)
        return
    print(f"| npm's {npm['version']}, warm, on the same MJML | | {npm['warm']:.1f} |")
    print(f"| npm's, the first time in a process | | {npm['first']:.1f} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100, help="how often each step is done (default: 100)")
    parser.add_argument("--npm", type=Path, metavar="FOLDER", help="where npm's mjml is installed")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    steps, mjml = measure(options.rounds)
    npm: dict[str, float | str | None] | str
    try:
        npm = measure_npm(find_mjml(options.npm), mjml, max(options.rounds // 5, 5))
    except (NoMjml, RuntimeError) as error:
        npm = str(error)
    if options.json:
        known = {"python": platform.python_version(), "posts": POSTS, "mjml_characters": len(mjml)}
        found = npm if isinstance(npm, dict) else {"missing": npm}
        print(json.dumps(known | {"steps": {name: asdict(one) for name, one in steps.items()}, "npm": found}, indent=2))
    else:
        print_table(steps, npm)


if __name__ == "__main__":
    main()

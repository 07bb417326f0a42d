"""How long rendering takes: `python -m tests.bench.rendering [--json] [--npm FOLDER]`. Results: docs/benchmarks.md.

An issue of twenty posts in the editorial theme, in English and then in German. All figures are CPU milliseconds of one
process after a warm-up: the least and the median of the rounds. A layout that is kept from an issue's first variant to the next
(render/convert.py) is forgotten before each round, unless the row says that it is there; and words are new in each round of
a variant. Beside them npm's mjml, given the same MJML.
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

from digest.core.model import Issue, Variant
from digest.core.variants import content_for
from digest.render import issue as rendering
from digest.render.compose_view import compose_view
from digest.render.convert import _laid_out, convert
from digest.render.harden import harden
from digest.render.issue import HTML_TEMPLATE, TEXT_TEMPLATE, render_issue
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


def half_of(issue: Issue) -> Issue:
    """As it is for who has chosen some topics: every other post."""
    assert issue.content is not None
    shown = frozenset(post.post_id for post in issue.content.posts[::2])
    variant = Variant(id=0, issue_id=issue.id, key="", language="en", shown=shown)
    return replace(issue, content=content_for(issue.content, variant, most=POSTS))


def spend(work: Callable[[], object], rounds: int, *, forget: Callable[[], None]) -> Spent:
    """What one turn of the work takes, after three to warm up."""
    times = []
    for turn in range(rounds + 3):
        forget()
        before = time.process_time()
        work()
        if turn >= 3:
            times.append((time.process_time() - before) * 1000)
    return Spent(least=round(min(times), 2), median=round(statistics.median(times), 2))


def measure(rounds: int) -> tuple[dict[str, Spent], str]:
    """Each step and the whole, and the MJML that was compiled."""
    issue, newsletter = twenty_posts(), sample.NEWSLETTER
    look = look_of(newsletter.theme, newsletter.theme_variables)
    view, german = (_view(issue, look, language) for language in ("en", "de"))
    mjml, other = (look.fill(HTML_TEMPLATE, rendering._values(each)) for each in (view, german))
    fewer = look.fill(HTML_TEMPLATE, rendering._values(_view(half_of(issue), look, "en")))
    fewer_posts = (fewer.replace(_WORD, f"{_WORD} {turn}") for turn in range(rounds + 3))
    components = harden(mjml).components
    texts = rendering._values(view)
    variants = (other.replace(_WORD, f"{_WORD} {turn}") for turn in range(2 * rounds + 6))
    steps: dict[str, Callable[[], object]] = {
        "render": lambda: render_issue(issue, newsletter, language="en", web_url=WEB, archive_url=WEB),
        "theme": lambda: look_of(newsletter.theme, newsletter.theme_variables),
        "view": lambda: _view(issue, look, "en"),
        "html_template": lambda: look.fill(HTML_TEMPLATE, texts),
        "text_template": lambda: look.fill(TEXT_TEMPLATE, texts),
        "compile": lambda: convert(mjml, file="bench"),
        "mrml": lambda: mjml2html(components, fonts={}),
        "mrml_whole": lambda: mjml2html(mjml, fonts={}),
        "variant_of_topics": lambda: convert(next(fewer_posts), file="bench"),
        "variant_of_posts": lambda: convert(next(variants), file="bench"),
        "variant_of_language": lambda: convert(next(variants), file="bench"),
    }
    keeping = {"variant_of_language": lambda: None}
    return {
        name: spend(work, rounds, forget=keeping.get(name, _laid_out.cache_clear)) for name, work in steps.items()
    }, mjml


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
    "compile": "of it: the compile, MJML to final HTML",
    "text_template": "of it: the text template (Jinja)",
    "mrml": "of the compile: mrml alone, which gets no words",
    "variant_of_language": "**the compile of a further variant**: the same posts in another language",
    "variant_of_topics": "**the compile of a further variant**: half of the posts, a layout of its own",
    "variant_of_posts": "the compile of twenty other posts, whose layout nobody has seen yet",
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

"""`digest issue stats`: what became of an issue, in numbers. It joins `cli/issue`."""

import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli import issue_page
from digest.cli.clocks import Clocks
from digest.cli.context import open_app
from digest.cli.options import AsJson, Newsletter
from digest.cli.output import note, print_facts, print_json, print_table

if TYPE_CHECKING:
    from digest.actions.stats import IssueStats

app = issue_page.app

WIDEST = 30
"""Characters of a bar."""


@app.command()
def stats(
    context: typer.Context,
    number: Annotated[int | None, typer.Argument(metavar="NUMBER", min=1, help="Its number; else the newest.")] = None,
    newsletter: Newsletter = None,
    as_json: AsJson = False,
) -> None:
    """Show what became of an issue, in numbers.

    Deliveries by outcome; who left and who complained from then until the next issue; and clicks per post, where the newsletter
    counts them (newsletter edit --measure-clicks). There is nothing about single persons in it.

    Example: digest issue stats 12
    """
    from digest.actions.choose_issue import choose_issue, newest_issue
    from digest.actions.choose_newsletter import choose_newsletter
    from digest.actions.stats import issue_stats
    from digest.errors import NotFound

    with open_app(context).database.read() as session:
        owner = choose_newsletter(session, newsletter)
        issue = newest_issue(session, owner) if number is None else choose_issue(session, owner, number)
        if issue is None:
            raise NotFound(f"{owner.slug} has no issue yet", next_step="digest plan shows when the first is due")
        found = issue_stats(session, issue, owner)
    if as_json:
        print_json(asdict(found))
        return
    _print(found, Clocks([owner]))


def _print(found: "IssueStats", clocks: Clocks) -> None:
    print_facts(clocks.shown(
        {"newsletter": found.newsletter, "number": found.number, "sent": found.sent_at, "next issue": found.until,
         "deliveries": found.made, "left": sum(found.leaves.values()), "of them came back": found.came_back,
         "complained": found.complaints}
    ))  # fmt: skip
    print_table(_charted(found.deliveries.items()), head=_head("outcome", "deliveries"))
    if found.leaves:
        print_table(_charted(found.leaves.items()), head=_head("left by", "readers"))
    if found.reasons:
        print_table(_charted(found.reasons.items()), head=_head("reason given", "readers"))
    if test := found.subjects:
        halves = [("first", test.readers[0], test.clicks[0]), ("second", test.readers[1], test.clicks[1])]
        print_table(halves, head=("subject", "readers", "clicks"))
        note(
            f"the others got the {test.chosen}"
            if test.chosen
            else f"the others wait until {clocks.say(test.until, found.newsletter)}"
        )
    if found.clicks:
        chart = _bars([post.clicks + post.also for post in found.clicks])
        rows = [
            (post.post_id, post.source, post.title, post.clicks, post.also, *bar)
            for post, bar in zip(found.clicks, chart, strict=True)
        ]
        print_table(rows, head=_head("id", "source", "post", "clicks", "also in"))
    elif not found.is_measured:
        note("clicks are not counted", next_step=f"digest newsletter edit {found.newsletter} --measure-clicks")


def _charted(counts: Iterable[tuple[str, int]]) -> list[tuple[str | int, ...]]:
    pairs = list(counts)
    return [(str(name), number, *bar) for (name, number), bar in zip(pairs, _bars([n for _, n in pairs]), strict=True)]


def _bars(numbers: list[int]) -> list[tuple[str, ...]]:
    """A bar for each, on a terminal; in a pipe there is no such column."""
    if not sys.stdout.isatty():
        return [() for _ in numbers]
    most = max([*numbers, 1])
    return [("█" * max(round(number / most * WIDEST), 1 if number else 0),) for number in numbers]


def _head(*names: str) -> tuple[str, ...]:
    return (*names, "") if sys.stdout.isatty() else names

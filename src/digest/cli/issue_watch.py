"""`digest issue watch`: follow an issue while another process sends it. It joins `cli/issue`."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from digest.cli import issue_sending
from digest.cli.clocks import Clocks
from digest.cli.context import open_app
from digest.cli.issue_sending import Chosen, choose
from digest.cli.options import AsJson, Newsletter
from digest.cli.output import print_json_line

if TYPE_CHECKING:
    from digest.actions.follow import Follower, Look

app = issue_sending.app

PARTLY = 3
LOOK_EVERY, TELL_EVERY = 1.0, 5.0
MOST_OF_THE_TIME = 20
"""A look that takes long, over a million rows, is taken less often: a twentieth of the time at most."""


@app.command()
def watch(
    context: typer.Context,
    number: Chosen = None,
    newsletter: Newsletter = None,
    *,
    once: Annotated[bool, typer.Option("--once", help="Look once and stop.")] = False,
    as_json: AsJson = False,
) -> None:
    """Follow an issue while another process sends it.

    Counts, messages a second over the last minute, and the time left: a live display on a terminal, else a line every
    few seconds while something changes; with --json each is a document of one line. Ends with the issue: with 0 when it
    is done and everybody has it, with 3 when somebody does not, or it is paused or cancelled.

    Example: digest issue watch 12
    """
    from digest.actions.follow import Follower
    from digest.core.states import IssueState

    opened = open_app(context)
    with opened.database.read() as session:
        owner, issue = choose(session, newsletter, number, IssueState.SENDING, which="is going out")
    follower = Follower(opened.database, issue, newsletter=owner.slug, clock=opened.clock)
    with _display(Clocks([owner]), as_json=as_json) as shown:
        for last in _looks(follower, once=once):
            shown.show(last, is_last=once or last.is_over)
    if last.is_partial:
        raise typer.Exit(PARTLY)


def _looks(follower: "Follower", *, once: bool) -> "Iterator[Look]":
    while True:
        began = time.monotonic()
        look = follower.look()
        took = time.monotonic() - began
        yield look
        if once or look.is_over:
            return
        time.sleep(max(LOOK_EVERY, MOST_OF_THE_TIME * took))


def words_of(look: "Look", clocks: Clocks) -> str:
    """One line: `weekly 12 sending: 340 of 1,000; 338 accepted, 2 refused, 660 queued; 42.0/s, 16 s left`."""
    counts = ", ".join(f"{count:,} {state}" for state, count in look.counts.items())
    head = f"{look.newsletter} {look.number} {look.state}"
    if look.expected is None:
        return f"{head}: its deliveries are not made yet" + (f"; {look.reason}" if look.reason else "")
    speed = "" if look.is_over else f"; {look.rate:,.1f}/s{time_left(look.seconds_left)}"
    if look.next_wave:
        speed += f"; {look.later:,} wait for their hour, the next at {clocks.say(look.next_wave, look.newsletter)}"
    return f"{head}: {look.settled:,} of {look.expected:,}; {counts or 'nobody'}{speed}" + (
        f"; {look.reason}" if look.reason else ""
    )


def time_left(seconds: int | None) -> str:
    """`, 16 s left`; nothing where it is unknown."""
    if seconds is None:
        return ""
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    told = f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"
    return f", {told} left"


class _Display(Protocol):
    def show(self, look: "Look", *, is_last: bool) -> None:
        """The issue as it stands."""


class _Lines:
    """A line where something has changed, every few seconds, and at the end."""

    def __init__(self, clocks: Clocks, *, as_json: bool) -> None:
        self.clocks, self.as_json = clocks, as_json
        self._told: Any = None
        self._at = 0.0

    def show(self, look: "Look", *, is_last: bool) -> None:
        facts = (look.state, look.reason, look.expected, dict(look.counts))
        if not is_last and (facts == self._told or time.monotonic() - self._at < TELL_EVERY):
            return
        self._told, self._at = facts, time.monotonic()
        if self.as_json:
            print_json_line(look)
        else:
            typer.echo(words_of(look, self.clocks))


@contextmanager
def _display(clocks: Clocks, *, as_json: bool) -> "Iterator[_Display]":
    if as_json or not sys.stdout.isatty():
        yield _Lines(clocks, as_json=as_json)
        return
    from rich.console import Group
    from rich.live import Live
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    class _Live:
        def show(self, look: "Look", *, is_last: bool) -> None:
            del is_last  # every look is drawn
            bar = ProgressBar(total=look.expected or 1, completed=look.settled, width=60)
            live.update(Group(bar, Text(words_of(look, clocks))), refresh=True)

    with Live(auto_refresh=False) as live:
        yield _Live()

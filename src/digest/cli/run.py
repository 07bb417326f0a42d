"""`digest run`: one turn, for a cron line."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.context import open_app
from digest.cli.options import AsJson, DryRun
from digest.cli.output import note, print_json, print_table, progress

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, Mapping

    from digest.actions.deliver import DeliverReport
    from digest.actions.holds import Held
    from digest.actions.issue_run import IssueReport
    from digest.actions.notices import NoticeReport
    from digest.app import App, Report
    from digest.cli.output import Progress
    from digest.store.database import Database

HEAD = ("step", "what", "result")
PARTLY = 3


def run(
    context: typer.Context,
    *,
    no_gather: Annotated[bool, typer.Option("--no-gather", help="Leave the sources alone.")] = False,
    dry_run: DryRun = False,
    clock_is_right: Annotated[
        bool, typer.Option("--clock-is-right", help="Publish what is held because the clock seems to have jumped.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what went wrong, or waits for you.")] = False,
    as_json: AsJson = False,
) -> None:
    """Gather, publish and deliver what is due, once.

    Made for a cron line, every five minutes or so. Safe to repeat, to overlap and to kill: nobody gets an issue twice. Exits with 0 when it did something, 4 when
    nothing was due, 3 when some of it failed and is listed, 75 when the mail server cannot take messages now.

    Example: digest --config /srv/digest/digest.toml run --quiet
    """
    from digest.actions.holds import list_holds
    from digest.errors import NothingToDo

    app = open_app(context)
    if dry_run:
        _show_forecast(app, with_gather=not no_gather, as_json=as_json)
        return
    _set_up_logs(app, quiet=quiet)
    report = _turn(app, with_gather=not no_gather, hold=not clock_is_right)
    slugs = _slugs(app)
    if as_json:
        print_json(describe(report, slugs))
    elif rows := rows_of(report, slugs, only_failed=quiet):
        print_table(rows, head=HEAD)
    holds = list_holds(app.database, now=app.clock())
    _remark_waiting(app, report, holds, slugs)
    _remark(app, report, slugs, quiet=quiet)
    if report.delivered.problem:
        raise report.delivered.problem
    if report.is_empty and report.stopped:
        raise KeyboardInterrupt
    if any(held.broken for held in holds):
        raise typer.Exit(PARTLY)
    if report.is_empty and quiet:  # cron mails whatever is said
        raise typer.Exit(NothingToDo.exit_code)
    if report.is_empty:
        raise NothingToDo("nothing is due", next_step="digest plan shows what comes")
    if report.is_partial:
        raise typer.Exit(PARTLY)


def _set_up_logs(app: "App", *, quiet: bool) -> None:
    """On a terminal there is a bar; elsewhere lines tell how the sending goes."""
    from digest.logs import set_up_logs, tell_of

    set_up_logs("debug" if app.settings.logs.level == "debug" else "error", app.settings.logs.format)
    tell_of("digest.actions.watcher", wanted=not (quiet or sys.stderr.isatty()))


def describe(report: "Report", slugs: "Mapping[int, str]") -> dict[str, Any]:
    """The report as plain values: `gathered`, `issues`, `delivered`."""
    gathered, delivered = report.gathered, report.delivered
    return {
        "gathered": None if gathered is None else {
            "polled": len(gathered.polled), "new": gathered.new, "edited": gathered.edited,
            "failed": [{"source": one.title or one.url, "problem": one.problem} for one in gathered.failed],
        },
        "issues": [
            {"id": issue.id, "newsletter": slugs[issue.newsletter_id], "number": issue.number, "slot": issue.slot_key,
             "state": issue.state, "reason": issue.reason} for issue in report.issues
        ],
        "delivered": {
            "accepted": delivered.accepted, "issues": delivered.issues, "requeued": delivered.requeued,
            "held": delivered.held, "problem": delivered.problem.message if delivered.problem else None,
        },
        "notices": {
            "signups": report.notices.decided, "accepted": report.notices.accepted, "deferred": report.notices.deferred,
            "refused": report.notices.refused + report.notices.expired, "uncertain": report.notices.uncertain,
            "problem": report.notices.problem.message if report.notices.problem else None,
        },
    }  # fmt: skip


def rows_of(report: "Report", slugs: "Mapping[int, str]", *, only_failed: bool = False) -> list[tuple[str, str, str]]:
    """The report as rows of a table: all of it, or what `is_partial` is about."""
    rows = []
    if report.gathered:
        for one in report.gathered.failed if only_failed else report.gathered.polled:
            words = one.problem or f"{one.new} new, {one.edited} edited"
            rows.append(("gather", one.title or one.url, words))
    for issue in report.unrendered if only_failed else report.issues:
        which = str(issue.number) if issue.number else f"slot {issue.slot_key}"
        rows.append(
            (
                "publish",
                f"{slugs[issue.newsletter_id]} {which}",
                f"{issue.state}: {issue.reason}" if issue.reason else str(issue.state),
            )
        )
    if report.notices.has_failed if only_failed else report.notices.touched:
        rows.append(("notices", "", _notice_words(report.notices)))
    rows += [
        ("deliver", f"{one.newsletter} {one.number}", _words(one))
        for one in report.delivered.issues
        if (one.has_failed if only_failed else one.touched)
    ]
    return rows


def _notice_words(report: "NoticeReport") -> str:
    counts = {
        "sign-ups": report.decided,
        "accepted": report.accepted,
        "deferred": report.deferred,
        "refused": report.refused,
        "given up": report.expired,
        "uncertain": report.uncertain + report.held,
        "not wanted any more": report.skipped,
    }
    told = [f"{number} {name}" for name, number in counts.items() if number]
    return ", ".join([*told, *([report.problem.message] if report.problem else [])])


def _words(one: "IssueReport") -> str:
    counts = {
        "accepted": one.accepted,
        "deferred": one.deferred,
        "refused": one.refused,
        "given up": one.expired,
        "uncertain": one.uncertain,
        "turned away": one.turned_away,
    }
    told = ", ".join(f"{number} {name}" for name, number in counts.items() if number) or "nothing was due"
    return f"{told} of {one.expected}" + (
        f"; paused: {one.paused}" if one.paused else f"; {one.stopped}" if one.stopped else "; done" if one.done else ""
    )


def _remark_paused(delivered: "DeliverReport") -> None:
    if delivered.problem:  # says it already
        return
    for one in delivered.issues:
        if one.paused:
            step = one.cure or f"digest issue resume {one.number} --newsletter {one.newsletter} sends it all the same"
            note(f"issue {one.number} of {one.newsletter} is paused: {one.paused}", next_step=step)


def _remark_closed(app: "App", delivered: "DeliverReport") -> None:
    from digest.cli.clocks import clocks_of

    with app.database.read() as session:
        clocks = clocks_of(session)
    for one in delivered.issues:
        if one.waits_until:
            note(f"issue {one.number} of {one.newsletter} waits for its sending window, which opens"
                 f" {clocks.say(one.waits_until, one.newsletter)}")  # fmt: skip
        elif one.next_wave and not one.paused:
            note(f"issue {one.number} of {one.newsletter} goes on at {clocks.say(one.next_wave, one.newsletter)}, when it is"
                 " time for its next readers")  # fmt: skip


def _slugs(app: "App") -> dict[int, str]:
    from digest.store.newsletters import list_newsletters

    with app.database.read() as session:
        return {one.id: one.slug for one in list_newsletters(session, removed=True)}


def _turn(app: "App", *, with_gather: bool, hold: bool) -> "Report":
    import asyncio

    from digest.app import turn
    from digest.errors import Interrupted
    from digest.event_loop import run_async

    async def once() -> "Report":
        stop = asyncio.Event()
        _stop_on_signals(stop)
        with progress("gathering" if with_gather else "sending") as bar:
            watch = _Watch(bar)
            return await turn(
                app,
                with_gather=with_gather,
                hold=hold,
                stop=stop,
                on_progress=watch.sent,
                on_issue=watch.began,
                on_gather=watch.gathered,
            )

    try:
        return run_async(once())
    except (KeyboardInterrupt, asyncio.CancelledError) as broken:
        raise Interrupted("interrupted; what was sent is recorded", next_step="run it again to go on") from broken


class _Watch:
    """One bar for all: sources that an issue waits for, messages, then the other sources."""

    def __init__(self, bar: "Progress") -> None:
        self.bar = bar
        self.done = self.waiting = 0
        self.is_sending = False

    def gathered(self, done: int, total: int) -> None:
        if self.is_sending:
            self.bar.begin("gathering")
            self.is_sending, self.done = False, 0
        self.bar.advance(done - self.done, total=total)
        self.done = done

    def began(self, done: int, total: int) -> None:
        self.bar.begin("sending", done=done, total=total)
        self.is_sending, self.waiting = True, 0

    def sent(self, rested: int, waiting: int) -> None:
        self.bar.advance(rested)
        if waiting:
            self.waiting += waiting
            self.bar.describe(f"sending, {self.waiting:,} to be tried again" if self.waiting else "sending")


def _stop_on_signals(stop: "asyncio.Event") -> None:
    """The first Ctrl-C or SIGTERM finishes the messages in hand; the second breaks off."""
    import asyncio
    import signal
    from contextlib import suppress

    loop, main = asyncio.get_running_loop(), asyncio.current_task()

    def heed() -> None:
        if stop.is_set() and main is not None:
            main.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # not on Windows
            loop.add_signal_handler(number, heed)


def _show_forecast(app: "App", *, with_gather: bool, as_json: bool) -> None:
    from digest.actions.forecast import forecast
    from digest.errors import NothingToDo

    rows = forecast(app.database, now=app.clock(), with_gather=with_gather).rows
    if as_json:
        print_json([dict(zip(HEAD, row, strict=True)) for row in rows])
    elif rows:
        print_table(rows, head=HEAD)
    if not rows:
        raise NothingToDo("nothing is due", next_step="digest plan shows what comes")


def _remark_waiting(app: "App", report: "Report", holds: "tuple[Held, ...]", slugs: "Mapping[int, str]") -> None:
    """What does not go out, and what never did."""
    from digest.actions.stuck import list_stuck
    from digest.core.period import is_missed

    for held in holds:
        note(f"{held.newsletter} ({held.cadence}) is held: {held.reason}", next_step=held.next_step)
    told = {(one.newsletter, one.number) for one in report.delivered.issues if one.paused}
    waiting = list_stuck(app.database, now=app.clock(), pace=app.settings.pace.limits())
    for stuck in (one for one in waiting if (one.newsletter, one.number) not in told):
        note(f"issue {stuck.newsletter} {stuck.number} does not move: {stuck.reason}", next_step=stuck.next_step)
    for issue in report.issues:
        if is_missed(issue.reason):
            note(f"the slot {issue.slot_key} of {slugs[issue.newsletter_id]} was {issue.reason}")


def _remark(app: "App", report: "Report", slugs: "Mapping[int, str]", *, quiet: bool) -> None:
    for source in report.gathered.alarms if report.gathered else ():
        note(f"warning: {source.title} {source.alarm}", next_step=source.alarm_step)
    if report.gathered and report.gathered.unfinished:
        note(
            f"time was up before {len(report.gathered.unfinished)} sources were read", next_step="the next run goes on"
        )
    for issue in report.unrendered:
        which = f"issue {issue.number} of {slugs[issue.newsletter_id]}"
        note(f"{which} is {issue.reason}", next_step="mend that; the next run tries again")
    for issue in report.issues:
        if issue.state == "draft":
            slug = slugs[issue.newsletter_id]
            step = f"digest issue approve {issue.number} --newsletter {slug}"
            note(f"issue {issue.number} of {slug} waits for approval", next_step=step)
    delivered = report.delivered
    _remark_paused(delivered)
    if not quiet:
        _remark_closed(app, delivered)
    if delivered.accepted and not quiet and app.settings.mail.transport == "maildir":
        folder = app.settings.path(app.settings.mail.maildir)
        note(
            f"the mail is in the folder {folder}: no mail server is set up",
            next_step='set mail.transport = "smtp" and [smtp] in digest.toml',
        )
    unknown = delivered.held + sum(issue.uncertain for issue in delivered.issues)
    if unknown:
        note(f"of {unknown} messages nobody knows whether they arrived; they are held, not sent again",
             next_step="; ".join(steps_for_unknown(app.database, slugs)))  # fmt: skip


def steps_for_unknown(database: "Database", slugs: "Mapping[int, str]") -> "Iterator[str]":
    """The commands that list what is held, one for each issue: a dead process does not tell which it was at.

    None where somebody has settled the last of them in this very moment.
    """
    from digest.store.held import issues_with_uncertain

    with database.read() as session:
        for newsletter_id, slug in slugs.items():
            for number in issues_with_uncertain(session, newsletter_id):
                yield f"digest delivery list {number} --newsletter {slug} --uncertain"
    yield "docs/delivery.md says what to do"

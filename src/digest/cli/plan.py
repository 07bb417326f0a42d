"""`digest plan`: when the next issues go out."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.context import open_app
from digest.cli.options import AsJson, OnlyNewsletter
from digest.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from datetime import datetime

    from digest.actions.next_issue import Ticket
    from digest.core.cadence import Slot
    from digest.core.model import CadenceLine, Newsletter
    from digest.core.plan import PlannedSlot
    from digest.store.database import Database
    from digest.store.waves import ReaderClock

MOST_ROWS = 1000


def plan(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=3660, help="How far to look.")] = 30,
    newsletter: OnlyNewsletter = None,
    reader: Annotated[
        str | None, typer.Option("--as", metavar="ADDRESS", help="Only what this reader gets, and when.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show when the next issues are due.

    The coming slots in local time and UTC, marked where the clocks change, and what is due already. Where readers' own
    clocks or sending windows count: when the first reader gets it, when it is time by the newsletter's own clock, and
    when the last one gets it.

    Example: digest plan --days 90 --as anna@example.org
    """
    app = open_app(context)
    now = app.clock()
    plans = _plans(app.database, newsletter, reader)
    lines = [(one.newsletter, one.line) for one in plans]
    rows = sorted(
        (row for one in plans for row in _planned(one, now, now + timedelta(days=days))),
        key=lambda row: (row["utc"], row["newsletter"], row["cadence"]),
    )
    for each, line in lines:
        _tell_what_is_due(each, line, now)
    if as_json:
        print_json(rows)
        return
    waves = [name for name in ("first", "own", "last", "theirs") if any(row[name] for row in rows)]
    names = ("newsletter", "cadence", "local", "offset", "utc", *waves, "remark")
    print_table([[row[name] for name in names] for row in rows[:MOST_ROWS]], head=names)
    if len(rows) > MOST_ROWS:
        note(f"{len(rows) - MOST_ROWS} more are not shown", next_step="fewer --days, or --json")
    if not rows:
        step = f"--days {days * 4}" if lines else f"digest explain {reader}" if reader else "digest newsletter add SLUG"
        note(f"nothing goes out{' to them' if reader else ''} within {days} days", next_step=step)


@dataclass(frozen=True)
class _Plan:
    """A cadence, and whose clocks count for it."""

    newsletter: "Newsletter"
    line: "CadenceLine"
    clocks: "tuple[ReaderClock, ...]"
    ticket: "Ticket | None"


def _plans(database: "Database", slug: str | None, reader: str | None) -> list[_Plan]:
    from digest.actions.next_issue import find_ticket
    from digest.store.newsletters import get_newsletter, list_cadences, list_newsletters
    from digest.store.recipients import reader_clocks

    found = []
    with database.read() as session:
        for each in (get_newsletter(session, slug),) if slug else list_newsletters(session):
            ticket = find_ticket(session, reader, each) if reader else None
            for line in list_cadences(session, each.id):
                if reader is None or (ticket and ticket.line.id == line.id):
                    clocks = reader_clocks(session, newsletter_id=each.id, cadence_id=line.id)
                    found.append(_Plan(each, line, clocks, ticket))
    return found


def _planned(plan: _Plan, now: "datetime", until: "datetime") -> list[dict[str, Any]]:
    from digest.core.period import dues_of
    from digest.core.plan import plan_slots

    newsletter, line = plan.newsletter, plan.line
    if dues_of(newsletter, line, now=now).broken:
        return []  # told as held
    return [
        {
            "newsletter": newsletter.slug,
            "cadence": line.name,
            "slot": planned.slot.key,
            "local": f"{planned.local:%a %Y-%m-%d %H:%M}",
            "zone": line.zone,
            "offset": f"{'-' if planned.offset < 0 else '+'}{abs(planned.offset) // 60:02}:{abs(planned.offset) % 60:02}",
            "utc": planned.slot.at,
            "clock_change_minutes": planned.shift,
            **_waves(plan, planned.slot),
            "remark": _remark(planned),
        }
        for planned in plan_slots(line, now=now, until=until)
    ]


def _waves(plan: _Plan, slot: "Slot") -> dict[str, Any]:
    """When its issue reaches readers; nothing where all of them get it as soon as it is made."""
    from digest.actions.next_issue import due_for, waves_of_slot
    from digest.core.waves import Waves

    waves = waves_of_slot(Waves.of(plan.newsletter, plan.line.rule), slot, plan.clocks)
    theirs = due_for(plan.ticket, plan.newsletter, slot) if plan.ticket else None
    if waves is None or plan.ticket:
        return {"first": None, "own": None, "last": None, "theirs": theirs}
    return {"first": waves.first, "own": waves.own, "last": waves.last, "theirs": None}


def _remark(planned: "PlannedSlot") -> str:
    parts = []
    if planned.shift:
        way = "forward" if planned.shift > 0 else "back"
        parts.append(f"clocks went {way} {abs(planned.shift)} min since the slot before")
    if planned.skipped:
        parts.append(f"{planned.slot.wall:%H:%M} does not exist that day")
    if planned.twice:
        parts.append(f"{planned.slot.wall:%H:%M} happens twice that day, this is the first")
    return "; ".join(parts)


def _tell_what_is_due(newsletter: "Newsletter", line: "CadenceLine", now: "datetime") -> None:
    """Slots that a turn would deal with now, and why it would not."""
    from digest.actions.holds import as_held
    from digest.core.period import dues_of

    dues = dues_of(newsletter, line, now=now)
    name = f"{newsletter.slug} ({line.name})"
    if held := as_held(newsletter, line, dues):
        note(f"{name} is held: {held.reason}", next_step=held.next_step)
    for due in dues.slots:
        note(f"{name}: the slot of {due.slot.key} is due: {due.reason or 'digest run will publish it'}")

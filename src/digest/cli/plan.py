"""`digest plan`: when the next issues go out."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.context import open_app
from digest.cli.options import AsJson, OnlyNewsletter
from digest.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from digest.actions.next_issue import Ticket
    from digest.actions.outlook import Outlook
    from digest.core.cadence import Slot
    from digest.core.model import CadenceLine, Newsletter
    from digest.core.plan import PlannedSlot
    from digest.store.database import Database, Session
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
    when the last one gets it. Of one reader: when they get it, by their own clock, their topics and language, and how
    many posts, as things stand, of issues that are made and of the next one; or why nothing is sent to them.

    Example: digest plan --days 90 --as anna@example.org
    """
    app = open_app(context)
    now = app.clock()
    plans = _plans(app.database, newsletter, reader, now)
    until = now + timedelta(days=days)
    rows = sorted(
        (row for one in plans for row in (*_made(one), *_planned(one, now, until))),
        key=lambda row: (row["utc"], row["newsletter"], row["cadence"]),
    )
    for each in plans:
        _tell_what_is_due(each, now)
    if as_json:
        print_json(rows)
        return
    waves = [name for name in ("first", "own", "last", "theirs") if any(row[name] for row in rows)]
    theirs = ("topics", "language", "gets") if reader else ()
    zones = {one.newsletter.slug: one.newsletter.zone for one in plans}
    names = ("newsletter", "cadence", "local", "offset", "utc", *waves, *theirs, "remark")
    print_table([[_shown(row, name, zones) for name in names] for row in rows[:MOST_ROWS]], head=names)
    if len(rows) > MOST_ROWS:
        note(f"{len(rows) - MOST_ROWS} more are not shown", next_step="fewer --days, or --json")
    if not rows:
        step = f"--days {days * 4}" if plans else f"digest explain {reader}" if reader else "digest newsletter add SLUG"
        note(f"nothing goes out{' to them' if reader else ''} within {days} days", next_step=step)


@dataclass(frozen=True)
class _Plan:
    """A cadence, and whose clocks count for it."""

    newsletter: "Newsletter"
    line: "CadenceLine"
    clocks: "tuple[ReaderClock, ...]"
    ticket: "Ticket | None" = None
    made: "tuple[tuple[Outlook, CadenceLine], ...]" = ()  # for this reader, each with the cadence that made it
    coming: "Outlook | None" = None
    is_held: bool = False  # nothing is published before an admin says so


def _plans(database: "Database", slug: str | None, reader: str | None, now: "datetime") -> list[_Plan]:
    from digest.actions.next_issue import find_ticket
    from digest.store.newsletters import get_newsletter, list_cadences, list_newsletters
    from digest.store.recipients import reader_clocks

    found = []
    with database.read() as session:
        for each in (get_newsletter(session, slug),) if slug else list_newsletters(session):
            if reader and (ticket := find_ticket(session, reader, each)):
                found.append(_plan_for(session, each, ticket, now))
            for line in list_cadences(session, each.id) if reader is None else ():
                clocks = reader_clocks(session, newsletter_id=each.id, cadence_id=line.id)
                found.append(_Plan(each, line, clocks))
    return found


def _plan_for(session: "Session", newsletter: "Newsletter", ticket: "Ticket", now: "datetime") -> _Plan:
    from digest.actions.holds import as_held
    from digest.actions.outlook import list_coming, look_ahead
    from digest.core.period import dues_of
    from digest.store.newsletters import get_cadence

    line = ticket.line
    dues = dues_of(newsletter, line, now=now)
    held = as_held(newsletter, line, dues) is not None
    made = list_coming(session, newsletter, ticket, now=now)
    coming = None if dues.broken else look_ahead(session, newsletter, line, ticket.person, now=now)
    if coming and coming.is_due(now):
        made, coming = (*made, coming), None
    lines = [line if one.issue.cadence_id == line.id else get_cadence(session, one.issue.cadence_id) for one in made]
    return _Plan(newsletter, line, (), ticket, made=tuple(zip(made, lines, strict=True)), coming=coming, is_held=held)


def _made(plan: _Plan) -> list[dict[str, Any]]:
    """Issues that are still to reach this reader and are made, or will be by the next turn."""
    from digest.core.zones import find_zone, local_wall, offset_minutes

    rows, next_turn = [], "held" if plan.is_held else "digest run will publish it"
    for one, line in plan.made:
        place, issue = find_zone(line.zone), one.issue
        rows.append({
            "newsletter": plan.newsletter.slug, "cadence": line.name, "slot": issue.slot_key,
            "local": _wall(local_wall(issue.due_at, place)), "zone": line.zone,
            "offset": _offset(offset_minutes(issue.due_at, place)), "utc": issue.due_at, "clock_change_minutes": 0,
            "first": None, "own": None, "last": None, "theirs": one.due, **_what(plan, one),
            "remark": f"issue {issue.number}: {one.state if issue.id else next_turn}",
        })  # fmt: skip
    return rows


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
            "local": _wall(planned.local),
            "zone": line.zone,
            "offset": _offset(planned.offset),
            "utc": planned.slot.at,
            "clock_change_minutes": planned.shift,
            **_waves(plan, planned.slot),
            **_what(plan, _next_of(plan, planned.slot), planned.slot),
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


def _next_of(plan: _Plan, slot: "Slot") -> "Outlook | None":
    """What this reader gets at this slot; of those after the next nobody knows."""
    return plan.coming if plan.coming and plan.coming.issue.period_end == slot.at else None


def _what(plan: _Plan, outlook: "Outlook | None", slot: "Slot | None" = None) -> dict[str, Any]:
    """Which variant of an issue this reader gets: of a later one their choice alone is known, and whether they will have paused."""
    if plan.ticket is None:
        return {}
    from digest.actions.next_issue import why_not_this
    from digest.core.zones import zone_among

    why = why_not_this(plan.ticket, plan.newsletter, plan.line, slot) if slot else None
    offered = (plan.newsletter.language, *plan.newsletter.languages)
    spoken = plan.ticket.person.language
    chosen = spoken if spoken in offered else plan.newsletter.language
    return {
        "reader_zone": zone_among(plan.ticket.person.zone, plan.newsletter.zone),
        "topics": list(plan.ticket.tie.topics) or "all",
        "language": outlook.variant.language if outlook and outlook.variant else chosen,
        "posts": outlook.posts if outlook else None,
        "gets": outlook.words if outlook else f"nothing: {why}" if why else None,
    }


def _shown(row: dict[str, Any], name: str, zones: "Mapping[str, str]") -> Any:
    """For people: when a reader gets it by their own clock, when readers do by the newsletter's."""
    from digest.core.zones import say_local

    value = row[name]
    if name == "theirs" and value:
        return say_local(value, row["reader_zone"])
    if name in {"first", "own", "last"} and value:
        return say_local(value, zones[row["newsletter"]])
    return ", ".join(value) if isinstance(value, list) else value


def _wall(local: "datetime") -> str:
    return f"{local:%a %Y-%m-%d %H:%M}"


def _offset(minutes: int) -> str:
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


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


def _tell_what_is_due(plan: _Plan, now: "datetime") -> None:
    """Slots that a turn would deal with now, and why it would not."""
    from digest.actions.holds import as_held
    from digest.core.period import dues_of

    newsletter, line = plan.newsletter, plan.line
    dues = dues_of(newsletter, line, now=now)
    name = f"{newsletter.slug} ({line.name})"
    if held := as_held(newsletter, line, dues):
        note(f"{name} is held: {held.reason}", next_step=held.next_step)
    for due in dues.slots:
        note(f"{name}: the slot of {due.slot.key} is due: {due.reason or 'digest run will publish it'}")

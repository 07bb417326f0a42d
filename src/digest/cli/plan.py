"""`digest plan`: when the next issues go out."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.context import open_app
from digest.cli.options import AsJson, OnlyNewsletter
from digest.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from datetime import datetime

    from digest.core.model import CadenceLine, Newsletter
    from digest.core.plan import PlannedSlot
    from digest.store.database import Database

MOST_ROWS = 1000


def plan(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=3660, help="How far to look.")] = 30,
    newsletter: OnlyNewsletter = None,
    as_json: AsJson = False,
) -> None:
    """Show when the next issues are due.

    The coming slots in local time and UTC, marked where the clocks change, and what is due already.

    Example: digest plan --days 90 --newsletter week
    """
    app = open_app(context)
    now = app.clock()
    lines = _lines(app.database, newsletter)
    rows = sorted(
        (row for each, line in lines for row in _planned(each, line, now, now + timedelta(days=days))),
        key=lambda row: (row["utc"], row["newsletter"], row["cadence"]),
    )
    for each, line in lines:
        _tell_what_is_due(each, line, now)
    if as_json:
        print_json(rows)
        return
    names = ("newsletter", "cadence", "local", "offset", "utc", "remark")
    print_table([[row[name] for name in names] for row in rows[:MOST_ROWS]], head=names)
    if len(rows) > MOST_ROWS:
        note(f"{len(rows) - MOST_ROWS} more are not shown", next_step="fewer --days, or --json")
    if not rows:
        step = f"--days {days * 4}" if lines else "digest newsletter add SLUG"
        note(f"nothing goes out within {days} days", next_step=step)


def _lines(database: "Database", slug: str | None) -> list[tuple["Newsletter", "CadenceLine"]]:
    from digest.store.newsletters import get_newsletter, list_cadences, list_newsletters

    with database.read() as session:
        wanted = (get_newsletter(session, slug),) if slug else list_newsletters(session)
        return [(each, line) for each in wanted for line in list_cadences(session, each.id)]


def _planned(newsletter: "Newsletter", line: "CadenceLine", now: "datetime", until: "datetime") -> list[dict[str, Any]]:
    from digest.core.period import dues_of
    from digest.core.plan import plan_slots

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
            "remark": _remark(planned),
        }
        for planned in plan_slots(line, now=now, until=until)
    ]


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

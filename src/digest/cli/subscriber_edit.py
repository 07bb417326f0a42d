"""`digest subscriber edit`: what a person is called, reads, chooses, and until when they pause."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.bad_values import quoted
from digest.cli.context import open_app
from digest.cli.options import AsJson, Newsletter
from digest.cli.output import note, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.app import App
    from digest.core.model import Newsletter as Owner
    from digest.core.people import Subscriber


def edit(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="An email address, however it is written.")],
    *,
    newsletter: Newsletter = None,
    new_address: Annotated[str | None, typer.Option("--address", help="Their new address.")] = None,
    name: Annotated[str | None, typer.Option(help='How they are greeted; "" for none.')] = None,
    zone: Annotated[str | None, typer.Option(help='Their time zone; "" for the newsletter\'s.')] = None,
    language: Annotated[str | None, typer.Option(help='Their language; "" for the newsletter\'s.')] = None,
    cadence: Annotated[str | None, typer.Option(help="By which cadence they get the newsletter.")] = None,
    topic: Annotated[
        list[str] | None, typer.Option(metavar="SLUG", help='A topic they get; may be repeated; "": all of them.')
    ] = None,
    hour: Annotated[
        str | None,
        typer.Option(help='The hour at which it comes, by their clock, 0 to 23; "": at the issue\'s own time.'),
    ] = None,
    pause_until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Send them nothing before this day (YYYY-MM-DD).")
    ] = None,
    catch_up: Annotated[
        bool,
        typer.Option("--catch-up", help="With --pause-until: send what they missed with the first issue after it."),
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="End their pause now.")] = False,
    as_json: AsJson = False,
) -> None:
    """Change a person's address, name, choices, or pause.

    Consent and history stay. A pause ends by itself; what came out in it is not sent later, but for --catch-up. Who changes
    cadence gets each post once all the same.

    Example: digest subscriber edit anna@example.org --pause-until 2027-01-03
    """
    from digest.errors import NothingToDo, UsageError

    person = {"new_address": new_address, "name": name, "zone": zone, "language": language}
    tie = {"cadence": cadence, "topics": topic, "hour": hour, "pause_until": pause_until, "resume": resume or None,
           "catch_up": catch_up or None}  # fmt: skip
    for_person, for_tie = _given(person), _given(tie)
    if not for_person and not for_tie:
        step = "add --address, --name, --zone, --language, --cadence, --topic, --hour, --pause-until or --resume"
        raise UsageError("nothing to change was given", next_step=step)
    if pause_until and resume:
        raise UsageError("--pause-until and --resume were both given", next_step="give one of them")
    if catch_up and not pause_until:
        raise UsageError("--catch-up is about a pause", next_step="add --pause-until DATE")
    opened = open_app(context)
    changed = _edit_person(opened, address, **for_person)  # first: a pause ends by the zone that they have now
    is_new = bool(for_person)
    if for_tie:
        is_new = _edit_tie(opened, changed.address, newsletter, **for_tie) or is_new
    if language:
        tell_unoffered(opened, changed.address)
    if as_json:
        print_json(changed)
    if not is_new:
        raise typer.Exit(NothingToDo.exit_code)
    note(f"{changed.address} is changed")


def tell_unoffered(opened: "App", address: str) -> None:
    """Which newsletters they get in another language than the one they have just been given."""
    from digest.store.newsletters import list_newsletters
    from digest.store.subscribers import get_subscriber
    from digest.store.subscriptions import find_subscription

    with opened.database.read() as session:
        person = get_subscriber(session, address)
        for each in list_newsletters(session):
            tie = find_subscription(session, newsletter_id=each.id, subscriber_id=person.id)
            if tie and person.language not in {each.language, *each.languages}:
                offers = " ".join(f"--offer-language {one}" for one in (*each.languages, person.language))
                step = f"digest newsletter edit {each.slug} {offers}"
                note(f"{each.slug} does not come in {person.language}: they get it in {each.language}", next_step=step)


def _given(options: "Mapping[str, Any]") -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _edit_person(opened: "App", address: str, **given: Any) -> "Subscriber":
    from digest.actions.subscribe import edit_subscriber
    from digest.store.subscribers import get_subscriber

    if given:
        return edit_subscriber(opened.database, address, secret=opened.key, now=opened.clock(), **given)
    with opened.database.read() as session:
        return get_subscriber(session, address)


def _edit_tie(opened: "App", address: str, slug: str | None, **given: Any) -> bool:
    """Returns whether there was something to do: nobody comes back who was not away."""
    from digest.actions import choices
    from digest.actions.choose_newsletter import choose_newsletter
    from digest.core.zones import say_local
    from digest.errors import NotFound
    from digest.store.subscribers import get_subscriber
    from digest.store.subscriptions import find_subscription

    now = opened.clock()
    with opened.database.read() as session:
        chosen, person = choose_newsletter(session, slug), get_subscriber(session, address)
        tie = find_subscription(session, newsletter_id=chosen.id, subscriber_id=person.id)
        if tie is None:
            step = f"digest subscriber show {person.address} tells which newsletters they get"
            raise NotFound(f"{person.address} was never subscribed to {chosen.slug}", next_step=step)
    ids: dict[str, Any] = {"subscriber_id": person.id, "newsletter_id": chosen.id, "now": now}
    if given.keys() & {"cadence", "topics", "hour"}:
        topics = [slug for slug in given["topics"] if slug] if "topics" in given else None
        cadence_id = _find_cadence(opened, chosen, given["cadence"]) if "cadence" in given else None
        hour = _read_hour(given.get("hour"))
        choices.choose(opened.database, cadence_id=cadence_id, topics=topics, hour=hour, **ids)
        if hour is not None and not chosen.reader_zones:
            step = f"digest newsletter edit {chosen.slug} --reader-zones"
            note(f"an hour counts once {chosen.slug} goes by its readers' clocks", next_step=step)
    if "pause_until" in given:
        zone = person.zone or chosen.zone
        until = _read_day(given["pause_until"], zone=zone, now=now)
        choices.pause(opened.database, until=until, catch_up="catch_up" in given, **ids)
        note(f"nothing is sent before {say_local(until, zone)}")
    if "resume" not in given:
        return True
    if tie.is_paused(now):
        choices.resume(opened.database, **ids)
        return True
    note(f"{person.address} is not paused in {chosen.slug}: there was nothing to resume")
    return len(given) > 1


def _find_cadence(opened: "App", chosen: "Owner", name: str) -> int:
    from digest.errors import NotFound
    from digest.store.newsletters import list_cadences

    with opened.database.read() as session:
        lines = list_cadences(session, chosen.id)
    for line in lines:
        if line.name == name:
            return line.id
    raise NotFound(
        f"{chosen.slug} has no cadence {name!r}", next_step=f"it has: {', '.join(line.name for line in lines)}"
    )


def _read_hour(text: str | None) -> int | None:
    from digest.actions.choices import SLOTS_HOUR
    from digest.core.digits import number_of
    from digest.errors import UsageError

    if not text:
        return None if text is None else SLOTS_HOUR
    if (hour := number_of(text, most=24)) is None or hour > 23:
        raise UsageError(f"{quoted(text)} is no hour of a day", next_step="give one from 0 to 23")
    return hour


def _read_day(text: str, *, zone: str, now: datetime) -> datetime:
    from digest.core.choices import pause_until
    from digest.errors import UsageError

    step = "write a coming day like 2027-01-03"
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"no pause until {text!r}: that is no day", next_step=step) from None
    try:
        return pause_until(day, zone=zone, now=now)
    except ValueError as error:
        raise UsageError(f"no pause until {text!r}: {error}", next_step=step) from None

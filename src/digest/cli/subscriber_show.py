"""`digest subscriber show`: one person, and their whole story in order."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.context import open_app
from digest.cli.options import AsJson
from digest.cli.output import print_facts, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from digest.core.story import Happening
    from digest.store.people_story import Story


def show(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="An email address, however it is written.")],
    as_json: AsJson = False,
) -> None:
    """Show all that is known of one person.

    Who they are, and in order: how they agreed, what they chose, every issue and notice with what became of it, pauses, leaving.

    Example: digest subscriber show anna@example.org
    """
    from digest.actions.next_issue import next_due
    from digest.core.zones import say_local, zone_among
    from digest.errors import NotFound
    from digest.store.newsletters import list_cadences, list_newsletters
    from digest.store.people_story import tell_story

    opened = open_app(context)
    with opened.database.read() as session:
        story = tell_story(session, address, secret=opened.key, limit=None)
        cadences = {line.id: line.name for line in list_cadences(session, removed=True)}
        every = {one.slug: one.zone for one in list_newsletters(session, removed=True)}
        newsletters = list_newsletters(session) if story.subscriber and not story.suppression else ()
        due = {one.slug: next_due(session, address, one, now=opened.clock()) for one in newsletters}
    if story.subscriber is None and story.suppression is None:
        raise NotFound(f"nothing is known of {address}", next_step="digest subscriber list --search PART")
    if as_json:
        print_json(story)
        return
    own = story.subscriber.zone if story.subscriber else None
    zone = zone_among(own, *(every.get(slug) for slug in story.subscriptions))
    print_facts(dict(_facts(story, due, zone)))
    if lines := _lines(story, cadences, zone):
        rows = [(one.at and say_local(one.at, zone, weekday=False), one.newsletter, one.what) for one in lines]
        print_table(rows, head=("at", "newsletter", "what"))


def _facts(story: "Story", due: "Mapping[str, datetime | None]", zone: str) -> "Iterator[tuple[str, Any]]":
    from digest.core.zones import say_local

    if person := story.subscriber:
        yield from {"address": person.address, "name": person.name or None, "time zone": person.zone}.items()
        yield from {
            "language": person.language,
            "known since": person.created_at and say_local(person.created_at, zone, weekday=False),
        }.items()
    if found := story.suppression:
        note = f": {found.note}" if found.note else ""
        yield "suppressed", f"{found.reason}, {found.created_at:%Y-%m-%d}{note}"
    for slug, tie in story.subscriptions.items():
        ended = f" since {tie.ended_at:%Y-%m-%d}: {tie.ended_why}" if tie.ended_at else ""
        paused = f", paused until {say_local(tie.paused_until, zone)}" if tie.paused_until and not ended else ""
        topics = f", only {', '.join(tie.topics)}" if tie.topics else ""
        hour = f", at {tie.hour}:00 by their clock" if tie.hour is not None else ""
        coming = f", the next issue {say_local(at, zone)}" if (at := due.get(slug)) else ""
        yield slug, f"{tie.state}{ended}{paused}{topics}{hour}{coming}"


def _lines(story: "Story", cadences: dict[int, str], zone: str) -> "tuple[Happening, ...]":
    from digest.core.explain import explain_outcome
    from digest.core.states import DeliveryState
    from digest.core.story import Happening, in_order, tell_consent, tell_event

    slugs = {tie.newsletter_id: slug for slug, tie in story.subscriptions.items()}
    lines = [line for slug, tie in story.subscriptions.items() for line in tell_consent(slug, tie)]
    told = {(line.at, line.newsletter) for line in lines}
    events = [(event, tell_event(event, slugs, cadences, zone)) for event in story.events]
    said_better = {"subscription.begun", "subscription.ended"}  # by the subscription itself, where it is its newest
    lines += [one for event, one in events if event.kind not in said_better or (one.at, one.newsletter) not in told]
    for one in story.deliveries:
        answer = explain_outcome(
            DeliveryState(one.state),
            code=one.code,
            enhanced=one.enhanced,
            reason=one.reason,
            tries=one.tries,
            due=one.not_before,
            zone=zone,
        )
        lines.append(Happening(at=one.at, newsletter=one.newsletter, what=f"issue {one.number}: {answer}"))
    for notice in story.notices:
        why = f" ({notice.reason})" if notice.reason else ""
        what = f"notice {notice.kind}: {notice.state}{why}"
        lines.append(Happening(at=notice.settled_at, newsletter=slugs.get(notice.newsletter_id), what=what))
    return in_order(lines)

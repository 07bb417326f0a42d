"""`digest explain`: why somebody did or did not get an issue; why a post is or is not in one."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.clocks import Clocks
from digest.cli.context import open_app
from digest.cli.options import AsJson, OnlyNewsletter
from digest.cli.output import note, print_facts, print_json, print_table

if TYPE_CHECKING:
    from datetime import datetime

    from digest.app import App
    from digest.core.explain import Person
    from digest.core.model import Newsletter
    from digest.core.people import Subscription, Suppression
    from digest.store.database import Session
    from digest.store.explain import Sent
    from digest.store.people_story import Story
    from digest.store.places import FoundPost, Place


def explain(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="ADDRESS|POST", help="An address; or a post's id, link or title.")],
    *,
    newsletter: OnlyNewsletter = None,
    issue: Annotated[int | None, typer.Option(help="For an address: only the issue of this number.")] = None,
    reader: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="For a post: why it did or did not reach this reader.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="For an address: so many of the newest issues.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Say why somebody got an issue, or a post is in it.

    Or why not. Of an address it shows the subscriptions too, with the consent that made them.

    Example: digest explain anna@example.org --issue 12
    """
    from digest.errors import UsageError
    from digest.store.subscribers import find_subscriber

    opened = open_app(context)
    is_address = "@" in what and "/" not in what
    if is_address and reader:
        raise UsageError("--reader is about a post", next_step="digest explain POST --reader ADDRESS")
    with opened.database.read() as session:
        newsletters = _newsletters(session, newsletter)
        who = what if is_address else reader
        zones = Clocks(newsletters, reader=find_subscriber(session, who) if who else None)
        if is_address:
            facts, rows = _explain_person(session, opened, what, newsletters, zones, issue=issue, limit=limit)
        else:
            facts, rows = _explain_post(session, opened, what, newsletters, zones)
            rows = _explain_readings(session, opened, facts, newsletters, reader, rows) if reader else rows
    if as_json:
        print_json({**facts, "answers": rows})
        return
    ties = facts.pop("subscriptions", ())
    print_facts(zones.shown(facts))
    for table in filter(None, (ties, rows)):
        rows_shown = [list(zones.shown(row).values()) for row in table]
        print_table(rows_shown, head=[name.replace("_", " ") for name in table[0]])
    if is_address and not ties:
        note("subscribed to nothing" + (f" of {newsletter}" if newsletter else ""))
    if not rows:
        note(
            "no issue was due yet"
            if is_address
            else "no issue has it yet"
            if reader
            else "no newsletter reads its source"
        )


def _newsletters(session: "Session", slug: str | None) -> "tuple[Newsletter, ...]":
    from digest.store.newsletters import get_newsletter, list_newsletters

    return (get_newsletter(session, slug),) if slug else list_newsletters(session)


def _explain_person(
    session: "Session",
    opened: "App",
    address: str,
    newsletters: "tuple[Newsletter, ...]",
    zones: Clocks,
    *,
    issue: int | None,
    limit: int,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    from digest.actions.next_issue import next_due
    from digest.core.addresses import address_key
    from digest.core.explain import explain_delivery
    from digest.store.explain import issues_for

    story = _known(session, opened, address)
    rows = []
    for newsletter in newsletters:
        about = _person(session, story, newsletter)
        for sent in issues_for(
            session, newsletter_id=newsletter.id, address_key=address_key(address), number=issue, limit=limit
        ):
            answer = explain_delivery(sent.issue, sent.delivery, about)
            row = {"newsletter": newsletter.slug, "issue": sent.issue.number, "slot": sent.issue.slot_key}
            rows.append({**row, "posts": _posts(sent), "answer": answer})
    since = story.subscriber.created_at if story.subscriber else None
    facts = {
        "address": address,
        "known": "yes" if story.subscriber else "no: never added, or erased",
        "suppressed": _suppressed(story.suppression, zones.of()),
        **_troubles(session, story, address, zones.of()),
        "subscriptions": [
            _tie(newsletter.slug, story.subscriptions[newsletter.slug], since, zones.of(newsletter.slug))
            | {"next_issue": None if story.suppression else next_due(session, address, newsletter, now=opened.clock())}
            for newsletter in newsletters
            if newsletter.slug in story.subscriptions
        ],
    }
    return facts, rows


def _posts(sent: "Sent") -> str | None:
    """How much of the issue is for them."""
    if sent.delivery is None or sent.delivery.variant_id is None:
        return None
    of_it = "all" if sent.shown is None else f"{sent.shown} of it"
    return f"{of_it}, {sent.owed} owed from before" if sent.owed else of_it


def _person(session: "Session", story: "Story", newsletter: "Newsletter") -> "Person":
    from digest.core.explain import Person
    from digest.core.story import absences, cadences_chosen, pauses
    from digest.core.zones import zone_among
    from digest.store.newsletters import list_cadences

    lines = list_cadences(session, newsletter.id)
    return Person(
        subscription=story.subscriptions.get(newsletter.slug),
        suppression=story.suppression,
        first_cadence_id=lines[0].id if lines else None,
        pauses=pauses(story.events, newsletter.id),
        absences=absences(story.events, newsletter.id),
        chosen=cadences_chosen(story.events, newsletter.id),
        zone=zone_among(story.subscriber.zone if story.subscriber else None, newsletter.zone),
    )


def _explain_readings(
    session: "Session",
    opened: "App",
    facts: dict[str, Any],
    newsletters: "tuple[Newsletter, ...]",
    address: str,
    places: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Of a post and a reader: every issue that has it, and whether they have it from there; or where it stands in their cadence."""
    from digest.actions.next_issue import ticket_of
    from digest.actions.outlook import foretell
    from digest.core.addresses import address_key
    from digest.core.explain import explain_reading
    from digest.store.explain import readings_of

    story, rows = _known(session, opened, address), []
    for newsletter in newsletters:
        about = _person(session, story, newsletter)
        found = readings_of(
            session, newsletter_id=newsletter.id, address_key=address_key(address), post_id=facts["post"]
        )
        is_told = any(one.how for one in found)
        for one in found:
            answer = explain_reading(one, about, seen_at=facts["first_seen"], is_told=is_told)
            row = {"newsletter": newsletter.slug, "issue": one.issue.number, "slot": one.issue.slot_key}
            rows.append({**row, "answer": answer})
        ticket = ticket_of(session, story.subscriber, newsletter) if story.subscriber else None
        if ticket is None:
            continue
        coming = foretell(session, newsletter, ticket, facts["post"], now=opened.clock())
        here = [
            row["answer"]
            for row in places
            if (row["newsletter"], row["cadence"]) == (newsletter.slug, ticket.line.name)
        ]
        if coming or not found:
            rows += [
                {"newsletter": newsletter.slug, "issue": None, "slot": None, "answer": coming or one} for one in here
            ]
    return rows


def _suppressed(found: "Suppression | None", zone: str) -> str:
    from digest.core.zones import say_local

    if found is None:
        return "no"
    note = f" ({found.note})" if found.note else ""
    return f"since {say_local(found.created_at, zone)}: {found.reason}{note}"


def _troubles(session: "Session", story: "Story", address: str, zone: str) -> dict[str, str]:
    """What mail servers say of the address, or of its whole domain."""
    from digest.core.addresses import address_key, domain_of
    from digest.core.zones import say_local
    from digest.store.destinations import find_destination
    from digest.store.refusals import list_refusals

    troubles = {}
    if story.subscriber and not story.suppression and (refused := list_refusals(session, story.subscriber.id)):
        times = f"{len(refused)} times since" if len(refused) > 1 else "once, on"
        troubles["refused"] = f"{times} {refused[-1].at:%Y-%m-%d}; if that goes on, the address is suppressed"
    found = find_destination(session, domain_of(address_key(address)))
    if found and (until := found.standing.not_before):
        again = say_local(until, zone)
        troubles["its_domain"] = f"{found.domain} defers all mail ({found.answer}): tried again at {again}"
    return troubles


def _known(session: "Session", opened: "App", address: str) -> "Story":
    """What is known of an address.

    Raises:
        NotFound: nothing is.
    """
    from digest.errors import NotFound
    from digest.store.people_story import tell_story

    story = tell_story(session, address, secret=opened.key, limit=None)
    if story.subscriber is None and story.suppression is None:
        step = "digest subscriber list --search PART, or digest subscriber add"
        raise NotFound(f"nothing is known of {address}: never added, or erased", next_step=step)
    return story


def _tie(slug: str, tie: "Subscription", known_since: "datetime | None", zone: str) -> dict[str, Any]:
    """A subscription as a row: whether, since when as far as anybody knows, and by which consent."""
    from digest.core.zones import say_local

    ended = f" ({tie.ended_why})" if tie.ended_why else ""
    paused = f", paused until {say_local(tie.paused_until, zone)}" if tie.paused_until else ""
    consent = tie.consent
    return {
        "newsletter": slug,
        "state": f"{tie.state}{ended}{paused}",
        "since": tie.ended_at or consent.confirmed_at or consent.at or known_since,
        "consent": " ".join(filter(None, (consent.how, consent.origin and f"({consent.origin})"))),
        "words": consent.text,
    }


def _explain_post(
    session: "Session", opened: "App", words: str, newsletters: "tuple[Newsletter, ...]", zones: Clocks
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    from digest.actions.scores import score_of
    from digest.store.places import find_post, list_places

    post = find_post(session, words)
    slugs = {newsletter.slug for newsletter in newsletters}
    places = [place for place in list_places(session, post_id=post.id) if place.newsletter in slugs]
    topics = {one.slug: ", ".join(_topics(session, post, one)) or None for one in newsletters}
    rows = [
        {
            "newsletter": place.newsletter,
            "cadence": place.cadence,
            "state": str(place.state),
            "topics": topics[place.newsletter],
            "answer": _answer(session, opened, place, zones.of(place.newsletter)),
            "score": score_of(session, place, now=opened.clock()),
        }
        for place in places
    ]
    facts = {
        "post": post.id,
        "title": post.title,
        "link": post.link,
        "source": post.source,
        "counts_from": post.effective_at,
        "first_seen": post.seen_at,
    }
    return facts, rows


def _topics(session: "Session", post: "FoundPost", newsletter: "Newsletter") -> tuple[str, ...]:
    """The newsletter's topics that the post is of, by the rules as they are now."""
    from digest.core.topics import topics_of
    from digest.store.sources import get_source
    from digest.store.topics import list_rules

    rules = list_rules(session, newsletter.id)
    if not rules:
        return ()
    source = get_source(session, str(post.source_id))
    names = (source.title or source.shown, source.shown)
    return topics_of(rules, post_id=post.id, source_id=post.source_id, source=names, labels=post.card.topics)


def _answer(session: "Session", opened: "App", place: "Place", zone: str) -> str:
    from digest.core.explain import explain_claim
    from digest.store.places import find_post

    into = find_post(session, str(place.merged_into)) if place.merged_into else None
    return explain_claim(
        place.state,
        reason=place.reason,
        issue=f"issue {place.issue_number} of {place.newsletter} ({place.issue_state})" if place.issue_number else None,
        into=f"{into.title!r} (post {into.id})" if into else None,
        effective_at=place.effective_at,
        now=opened.clock(),
        zone=zone,
    )

"""Measuring, where a newsletter asks for it: which links of an issue were followed how often, and never by whom.

mail ─▶ /c/TOKEN ─▶ where the frozen issue's link leads
               └─▶ visit (a keyed hash, for minutes) ─▶ count per link; visits of clients that followed the canary are dropped
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.core.clicks import CANARY, SECOND, Place, click_url, places_of, plain, tagged
from digest.core.links import derive_key, keyed_hash
from digest.core.model import Issue, Newsletter
from digest.render.clean import clean_link
from digest.render.relink import Change, LinkRules
from digest.store import clicks as store
from digest.store.database import Database, Session
from digest.store.issues import get_issue
from digest.store.newsletters import newsletter_of_id

WAIT = timedelta(minutes=10)
"""How long a visit is kept before it becomes a number: a scanner has followed the canary by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a counted link leads."""

    url: str | None  # None for the canary, and for a link that the issue does not have
    is_counted: bool


def link_rules(
    issue: Issue, newsletter: Newsletter, *, base_url: str | None, link_key: bytes | None, second: bool = False
) -> LinkRules | None:
    """What becomes of the links of an issue's mail; None where they stay as they are.

    `second`: in mail under the second of two subjects, whose clicks are told apart.
    Without a `base_url` and a `link_key` no click can be counted. The text part's links stay readable and are not counted.
    """
    tag = _tag(issue, newsletter)
    if not (newsletter.measure_clicks and base_url and link_key and issue.content):
        return LinkRules(in_html=tag, in_text=tag) if newsletter.utm_source else None
    counted: dict[str, str] = {}
    for (post, number), url in places_of(issue.content).items():
        place = (post, number + SECOND if second else number)
        if clean := clean_link(url, key=issue.merge_key):
            counted.setdefault(clean, click_url(base_url, link_key, issue.id, place))
    canary = click_url(base_url, link_key, issue.id, CANARY)
    return LinkRules(in_html=lambda url: counted.get(url) or tag(url), in_text=tag, canary=canary)


def read_links(session: Session, issue_id: int) -> Mapping[Place, str]:
    """Where an issue's links lead: what it froze, so it never changes.

    Raises:
        NotFound: there is no such issue.
    """
    content = get_issue(session, issue_id).content
    if content is None:
        return {}
    return {place: clean for place, url in places_of(content).items() if (clean := clean_link(url))}


def find_target(session: Session, links: Mapping[Place, str], *, issue_id: int, place: Place) -> Target:
    """Where this link leads now, and whether its newsletter counts.

    Raises:
        NotFound: there is no such issue.
    """
    issue = store.issue_in_short(session, issue_id)
    newsletter = newsletter_of_id(session, issue.newsletter_id)
    url = links.get(plain(place))
    return Target(url=url and _tag(issue, newsletter)(url), is_counted=newsletter.measure_clicks)


def note_visit(
    database: Database, *, key: bytes, issue_id: int, place: Place, network: str, agent: str, now: datetime
) -> None:
    """Keep for some minutes that a client followed a link; the same client on the same link counts once in them.

    The client is a keyed hash of its network, its program's name and the issue: it cannot be followed from one issue to
    another, and nothing of it is left after an hour.
    """
    client = keyed_hash(derive_key(key, "visit"), f"{issue_id}\n{network}\n{agent}", size=16).hex()
    with database.write() as session:
        store.add_visit(session, client=client, issue_id=issue_id, place=place, at=now)


def settle_visits(database: Database, *, now: datetime) -> int:
    """Turn visits that have waited into counts, and forget them; how many links were counted."""
    with database.write() as session:
        return store.settle(session, before=now - WAIT)


def _tag(issue: Issue | store.IssueInShort, newsletter: Newsletter) -> Change:
    source = newsletter.utm_source
    if not source:
        return lambda url: url
    return lambda url: tagged(url, source=source, campaign=f"{newsletter.slug}-{issue.number}")

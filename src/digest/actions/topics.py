"""A newsletter's topics: add, remove, and which posts are of them. Readers choose among them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from digest.actions.close import name_topics
from digest.actions.newsletters import check_slug
from digest.core.lines import is_line
from digest.core.model import Newsletter, Topic, TopicRule
from digest.core.states import RuleKind
from digest.core.topics import is_pattern
from digest.errors import NotFound, UsageError
from digest.store import topics as store
from digest.store.candidates import pending_candidates
from digest.store.database import Database, Session
from digest.store.events import record
from digest.store.newsletters import list_cadences
from digest.store.places import find_post
from digest.store.sources import get_source

Rule = tuple[RuleKind, str]
"""What a rule looks at, and its pattern."""
_ANY_DAY = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicView:
    """A topic as its admin sees it."""

    slug: str
    name: str
    rules: tuple[TopicRule, ...]
    waiting: int  # posts that wait for an issue
    chosen_by: int


def view_topics(session: Session, newsletter: Newsletter) -> tuple[tuple[TopicView, ...], int, int]:
    """A newsletter's topics; how many posts wait, and how many of them are of no topic."""
    rules = store.list_rules(session, newsletter.id)
    posts = {
        one.post.id: one
        for line in list_cadences(session, newsletter.id)
        for one in pending_candidates(
            session, newsletter_id=newsletter.id, cadence_id=line.id, before=_ANY_DAY, lock=False
        )
        if not one.post.note
    }
    named = [one.topics for one in name_topics(posts.values(), rules)]
    chosen = store.count_choices(session, newsletter.id)
    views = tuple(
        TopicView(
            slug=topic.slug,
            name=topic.name,
            rules=tuple(rule for rule in rules if rule.topic == topic.slug),
            waiting=sum(topic.slug in topics for topics in named),
            chosen_by=chosen.get(topic.slug, 0),
        )
        for topic in store.list_topics(session, newsletter.id)
    )
    return views, len(named), sum(not topics for topics in named)


def find_rules(
    session: Session, *, sources: Iterable[str] = (), labels: Iterable[str] = (), posts: Iterable[str] = ()
) -> tuple[Rule, ...]:
    """Rules from what an admin names: sources and posts by whatever tells them apart; patterns, which have a *, as they are.

    Raises:
        NotFound: there is no such source or post.
        UsageError: a pattern is empty or not one printable line.
    """
    patterns = [(RuleKind.SOURCE, words) for words in sources if is_pattern(words)]
    patterns += [(RuleKind.LABEL, words.strip().casefold()) for words in labels]
    if wrong := [words for _, words in patterns if not is_line(words)]:
        raise UsageError(f"{wrong[0]!r} is no pattern", next_step="such as --label 'recipe*'")
    named = [(RuleKind.SOURCE, str(get_source(session, words).id)) for words in sources if not is_pattern(words)]
    named += [(RuleKind.POST, str(find_post(session, words).id)) for words in posts]
    return (*patterns, *named)


def map_topic(
    database: Database, newsletter: Newsletter, slug: str, rules: Iterable[Rule], *, wanted: bool, now: datetime
) -> int:
    """Add rules to a topic; what says the contrary of one goes. They count from the next issue on. How many are new.

    Raises:
        NotFound: there is no topic of this slug.
    """
    with database.write() as session:
        topic = store.get_topic(session, newsletter.id, slug)
        given = [
            rule
            for rule in rules
            if store.add_rule(session, topic, kind=rule[0], pattern=rule[1], wanted=wanted, now=now)
        ]
        if given:
            record(session, "topic.mapped", at=now, newsletter_id=newsletter.id, topic=slug, wanted=wanted,
                   rules=[[str(kind), pattern] for kind, pattern in given])  # fmt: skip
        return len(given)


def unmap_topic(database: Database, newsletter: Newsletter, slug: str, rules: Iterable[Rule], *, now: datetime) -> None:
    """Take rules of a topic away.

    Raises:
        NotFound: the topic has no such rule; then none is taken away.
    """
    with database.write() as session:
        topic = store.get_topic(session, newsletter.id, slug)
        for kind, pattern in rules:
            if not store.remove_rule(session, topic, kind=kind, pattern=pattern):
                raise NotFound(
                    f"{slug} has no rule for {kind} {pattern}", next_step=f"digest topic map {slug} lists them"
                )
            record(
                session, "topic.unmapped", at=now, newsletter_id=newsletter.id, topic=slug, rule=[str(kind), pattern]
            )


def add_topic(database: Database, newsletter: Newsletter, slug: str, *, name: str | None, now: datetime) -> Topic:
    """A new topic; without a name its slug is made one. Posts that are labelled with either are of it.

    Raises:
        UsageError: the slug cannot stand in a link, or the name is not one printable line.
        Conflict: there is one of this slug.
    """
    check_slug(slug)
    name = slug.replace("-", " ").capitalize() if name is None else name.strip()
    if not is_line(name):
        raise UsageError("the name is empty or not one printable line", next_step='give one like --name "Food"')
    with database.write() as session:
        topic = store.add_topic(session, newsletter.id, slug=slug, name=name, now=now)
        for label in dict.fromkeys((slug, name.casefold())):
            store.add_rule(session, topic, kind=RuleKind.LABEL, pattern=label, wanted=True, now=now)
        record(session, "topic.added", at=now, newsletter_id=newsletter.id, topic=slug)
        return topic


def remove_topic(database: Database, newsletter: Newsletter, slug: str, *, now: datetime) -> int:
    """Remove a topic; who had chosen it keeps their others, or gets all again. How many had chosen it.

    Raises:
        NotFound: there is none of this slug.
    """
    with database.write() as session:
        count = store.remove_topic(session, store.get_topic(session, newsletter.id, slug))
        record(session, "topic.removed", at=now, newsletter_id=newsletter.id, topic=slug, chosen_by=count)
        return count

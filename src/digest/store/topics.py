"""What a newsletter writes about: topics that its readers may choose. Rows in, frozen values out."""

from datetime import datetime

from sqlalchemy import Table, delete, select, update
from sqlmodel import Session

from digest.core.model import Topic, TopicRule
from digest.core.states import RuleKind
from digest.errors import Conflict, NotFound
from digest.store.people_tables import SubscriptionRow
from digest.store.statements import insert_if_new
from digest.store.tables import TopicRow, TopicRuleRow

_table: Table = TopicRow.__table__  # type: ignore[attr-defined]
_rule: Table = TopicRuleRow.__table__  # type: ignore[attr-defined]
_subscription: Table = SubscriptionRow.__table__  # type: ignore[attr-defined]


def add_topic(session: Session, newsletter_id: int, *, slug: str, name: str, now: datetime) -> Topic:
    """A new topic.

    Raises:
        Conflict: the newsletter has one of this slug.
    """
    values = {"newsletter_id": newsletter_id, "slug": slug, "name": name, "created_at": now}
    if not insert_if_new(session, _table, values):
        raise Conflict(f"the newsletter has a topic {slug!r} already", next_step="choose another slug")
    return get_topic(session, newsletter_id, slug)


def get_topic(session: Session, newsletter_id: int, slug: str) -> Topic:
    """The newsletter's topic of this slug.

    Raises:
        NotFound: there is none.
    """
    found = {topic.slug: topic for topic in list_topics(session, newsletter_id)}
    if slug not in found:
        if not found:
            raise NotFound("the newsletter has no topics", next_step="digest topic add SLUG adds one")
        raise NotFound(f"the newsletter has no topic {slug!r}", next_step=f"it has: {', '.join(found)}")
    return found[slug]


def list_topics(session: Session, newsletter_id: int) -> tuple[Topic, ...]:
    """A newsletter's topics, oldest first: the order in which readers see them."""
    query = select(_table.c.id, _table.c.newsletter_id, _table.c.slug, _table.c.name)
    rows = session.execute(query.where(_table.c.newsletter_id == newsletter_id).order_by(_table.c.id)).mappings()
    return tuple(Topic(**row) for row in rows)


def remove_topic(session: Session, topic: Topic) -> int:
    """Remove a topic, and its slug from every choice; who had chosen it alone gets all again. How many had chosen it."""
    session.execute(delete(_table).where(_table.c.id == topic.id))
    query = select(_subscription.c.id, _subscription.c.topics).where(
        _subscription.c.newsletter_id == topic.newsletter_id
    )
    chosen = [(row.id, row.topics) for row in session.execute(query) if topic.slug in row.topics]
    for tie, slugs in chosen:
        left = [slug for slug in slugs if slug != topic.slug]
        session.execute(update(_subscription).where(_subscription.c.id == tie).values(topics=left))
    return len(chosen)


def count_choices(session: Session, newsletter_id: int) -> dict[str, int]:
    """How many active subscriptions have chosen each topic; who chose none gets all and is not counted."""
    query = select(_subscription.c.topics).where(
        _subscription.c.newsletter_id == newsletter_id, _subscription.c.state == "active"
    )
    counts: dict[str, int] = {}
    for slugs in session.execute(query).scalars():
        for slug in slugs:
            counts[slug] = counts.get(slug, 0) + 1
    return counts


def list_rules(session: Session, newsletter_id: int) -> tuple[TopicRule, ...]:
    """Which posts are of a newsletter's topics, in the order of these."""
    query = (
        select(_rule.c.id, _table.c.slug.label("topic"), _rule.c.kind, _rule.c.pattern, _rule.c.wanted)
        .join(_table, _table.c.id == _rule.c.topic_id)
        .where(_table.c.newsletter_id == newsletter_id)
        .order_by(_table.c.id, _rule.c.id)
    )
    return tuple(TopicRule(**{**row, "kind": RuleKind(row["kind"])}) for row in session.execute(query).mappings())


def add_rule(session: Session, topic: Topic, *, kind: RuleKind, pattern: str, wanted: bool, now: datetime) -> bool:
    """A rule of a topic, in place of one that says the contrary; False where it has this one."""
    same = (_rule.c.topic_id == topic.id, _rule.c.kind == str(kind), _rule.c.pattern == pattern)
    session.execute(delete(_rule).where(*same, _rule.c.wanted != wanted))
    values = {"topic_id": topic.id, "kind": str(kind), "pattern": pattern, "wanted": wanted, "created_at": now}
    return insert_if_new(session, _rule, values)


def remove_rule(session: Session, topic: Topic, *, kind: RuleKind, pattern: str) -> bool:
    """Take a rule of a topic away, whichever it says; False where there is none."""
    same = (_rule.c.topic_id == topic.id, _rule.c.kind == str(kind), _rule.c.pattern == pattern)
    return session.execute(delete(_rule).where(*same).returning(_rule.c.id)).first() is not None

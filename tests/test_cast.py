"""The cast itself: whoever reads a test may trust what it says of its people."""

from sqlalchemy import func, select

from digest.store.base import Row
from digest.store.database import Database
from digest.store.people_tables import SubscriptionRow, SuppressionRow
from tests import cast


def test_the_cast_is_one_active_one_pending_one_suppressed_and_one_ended(database: Database) -> None:
    with database.write() as session:
        who = cast.assemble(session)
    with database.read() as session:
        query = select(SubscriptionRow.subscriber_id, SubscriptionRow.state)
        states = {subscriber: state for subscriber, state in session.execute(query)}  # noqa: C416 - rows are tuples, untyped
        assert states == {who.anna: "active", who.ben: "pending", who.carl: "active", who.dora: "ended"}
        assert session.execute(select(func.count()).select_from(SuppressionRow)).scalar() == 1


def test_everything_that_the_cast_can_add_fits_together(database: Database) -> None:
    with database.write() as session:
        who = cast.assemble(session)
        source = cast.add_source(session, who.newsletter)
        post = cast.add_post(session, source, "p1")
        cast.add_claim(session, who.cadence, post)
        issue = cast.add_issue(session, who)
        cast.add_variant(session, issue)
        cast.add_delivery(session, issue, who.anna)
    with database.read() as session:
        filled = {t.name for t in Row.metadata.sorted_tables if session.execute(select(t).limit(1)).first()}
    assert filled >= {"newsletter", "cadence", "newsletter_source", "post", "claim", "issue", "variant", "delivery"}

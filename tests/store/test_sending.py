"""Who gets an issue, when its deliveries are made."""

from tests import cast
from tests.cast import NOW

from digest.core.states import IssueState
from digest.store import newsletters
from digest.store.database import Database
from digest.store.sending import start_sending


def test_readers_of_no_named_cadence_get_the_first_that_is_left(database: Database) -> None:
    with database.write() as session:
        people = cast.assemble(session)
        second = cast.add_cadence(session, people.newsletter, "daily", rule="daily at 07:00")
        issue = cast.add_issue(session, people, cadence_id=second, state=IssueState.SENDING)
        other = cast.add_issue(session, people, 2, cadence_id=second, state=IssueState.SENDING)
        for one in (issue, other):
            cast.add_variant(session, one)
        assert start_sending(session, issue, now=NOW) == 0, "anna gets the first, which is the weekly one"
        newsletters.update_cadence(session, people.cadence, state="removed")
        assert start_sending(session, other, now=NOW) == 1

"""What is held is told, and an admin's word lets it go."""

from datetime import timedelta

import pytest
from tests import cast

from digest.actions.admit import admit_posts
from digest.actions.close import close_periods
from digest.actions.cutoff import closing_sources
from digest.actions.forecast import forecast
from digest.actions.holds import Held, list_holds
from digest.actions.newsletters import edit_newsletter
from digest.actions.publish import publish
from digest.core.states import ClaimState
from digest.store import claims, newsletters
from digest.store.database import Database
from digest.store.newsletters import close_period, list_newsletters


def test_a_jumped_clock_is_told_until_an_admin_says_that_it_is_right(database: Database) -> None:
    with database.write() as session:
        people = cast.assemble(session)
        close_period(session, people.cadence, slot_at=cast.NOW - timedelta(minutes=5), rollovers=0)
        (newsletter,) = list_newsletters(session)
    later = cast.NOW + timedelta(days=60)
    assert list_holds(database, now=cast.NOW + timedelta(days=8)) == ()
    (held,) = list_holds(database, now=later)
    assert held == Held(newsletter="weekly", cadence="weekly", reason=held.reason)
    assert "2017-08-21T00:00 has not been dealt with" in held.reason
    assert close_periods(database, newsletter, now=later) == []
    assert len(close_periods(database, newsletter, now=later, hold=False)) == 8
    assert list_holds(database, now=later) == ()


def test_a_clock_that_came_back_is_told_to_wait_and_not_to_say_what_changes_nothing(database: Database) -> None:
    with database.write() as session:
        people = cast.assemble(session)
        close_period(session, people.cadence, slot_at=cast.NOW + timedelta(days=9), rollovers=0)
        (newsletter,) = list_newsletters(session)
    (held,) = list_holds(database, now=cast.NOW)
    assert (held.behind, "--clock-is-right" in held.next_step) == (True, False)
    assert close_periods(database, newsletter, now=cast.NOW, hold=False) == []
    assert list_holds(database, now=cast.NOW + timedelta(days=9)) == ()


@pytest.mark.parametrize("fault", [{"zone": "Europe/Gone"}, {"rule": "when the cows come home"}])
def test_a_cadence_that_cannot_be_read_any_more_holds_up_no_other(database: Database, fault: dict[str, str]) -> None:
    now = cast.NOW
    with database.write() as session:
        broken, sound = cast.add_newsletter(session, "broken"), cast.add_newsletter(session, "sound")
        lines = [cast.add_cadence(session, each, started_at=now - timedelta(days=5)) for each in (broken, sound)]
        source = cast.add_source(session, broken, sound)
        cast.add_post(session, source, "one", effective_at=now - timedelta(hours=5))
        newsletters.update_cadence(session, lines[0], **fault)
        if "zone" in fault:
            newsletters.update_newsletter(session, broken, **fault)
        posts = claims.backlog(session, source_id=source)
        admit_posts(session, source_id=source, posts=posts, first_look=False, now=now)
        waiting = [claim.state for line in lines for claim in claims.list_claims(session, cadence_id=line)]
    assert waiting == [ClaimState.PENDING] * 2
    assert closing_sources(database, now=now) == {source}
    (held,) = list_holds(database, now=now)
    assert (held.newsletter, held.broken) == ("broken", True)
    assert "newsletter edit broken" in held.next_step
    assert any(row[2].startswith("is held") for row in forecast(database, now=now).rows)
    (issue,) = publish(database, now=now)
    assert issue.newsletter_id == sound
    assert publish(database, now=now, hold=False) == ()
    # Mended, it goes out as if nothing had been.
    mended = {"zone": "America/New_York"} if "zone" in fault else {"cadences": ["weekly=weekly on mon at 00:00"]}
    edit_newsletter(database, "broken", **mended, now=now)
    with database.write() as session:
        newsletters.update_cadence(session, lines[0], started_at=now - timedelta(days=5))
    assert [one.newsletter_id for one in publish(database, now=now)] == [broken]

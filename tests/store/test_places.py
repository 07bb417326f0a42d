"""Where posts stand, and what words name them, on both databases."""

import pytest
from tests import cast
from tests.cast import NOW

from digest.core.states import ClaimState, DeliveryState, IssueState
from digest.errors import NotFound, UsageError
from digest.store.database import Database
from digest.store.explain import issues_for
from digest.store.places import find_post, find_posts, list_places


def test_a_post_is_found_by_id_by_link_and_by_part_of_its_title(database: Database) -> None:
    with database.write() as session:
        source = cast.add_source(session)
        tea = cast.add_post(session, source, "tea", title="All about Tea, 100%")
        cast.add_post(session, source, "teapots", title="Teapots", canonical="https://canonical.example/pots")
        for words in (str(tea), "tea", "https://blog.example/tea", "about TEA", "100%"):
            assert find_post(session, words).id == tea
        assert find_post(session, "https://canonical.example/pots").title == "Teapots"
        assert len(find_posts(session, "TEA")) == 2
        with pytest.raises(UsageError, match="names several posts"):
            find_post(session, "Tea")
        for words in ("99", "%%", "https://blog.example/coffee"):
            with pytest.raises(NotFound):
                find_post(session, words)


def test_places_tell_of_active_cadences_with_the_issue_that_took_the_post(database: Database) -> None:
    with database.write() as session:
        people = cast.assemble(session)
        gone = cast.add_cadence(session, people.newsletter, "gone", state="removed")
        post = cast.add_post(session, cast.add_source(session, people.newsletter), "tea")
        issue = cast.add_issue(session, people, 3, state=IssueState.DONE)
        cast.add_claim(session, people.cadence, post, state=ClaimState.ISSUED, issue_id=issue)
        cast.add_claim(session, gone, post)
        (place,) = list_places(session, post_id=post)
        assert (place.issue_number, place.issue_state, place.source) == (3, IssueState.DONE, "A Blog")
        assert list_places(session, newsletter_id=people.newsletter, states=[ClaimState.PENDING]) == ()


def test_a_persons_issues_come_newest_first_with_their_delivery(database: Database) -> None:
    with database.write() as session:
        people = cast.assemble(session)
        first, second = (cast.add_issue(session, people, number) for number in (1, 2))
        cast.add_delivery(session, first, people.anna, state=DeliveryState.ACCEPTED)
        about = {"newsletter_id": people.newsletter, "address_key": "anna@example.org"}
        newest, oldest = issues_for(session, **about)
        assert (newest.issue.id, newest.delivery) == (second, None)
        assert (oldest.issue.id, oldest.delivery.state) == (first, DeliveryState.ACCEPTED)
        assert oldest.issue.due_at == NOW
        assert [sent.issue.id for sent in issues_for(session, **about, number=1)] == [first]

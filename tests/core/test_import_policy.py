"""The list's word against ours: ours wins."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from digest.core.import_policy import Known, Verdict, consent_of, decide
from digest.core.list_columns import Standing
from digest.core.states import SubscriptionState
from digest.core.subscriber_list import Entry

NOW = datetime(2017, 8, 14, tzinfo=UTC)
KNOWN = [
    Known(
        subscriber_id=1 if state or known else None, subscription_id=1 if state else None, state=state, suppressed=why
    )
    for state, why, known in product([None, *SubscriptionState], [None, "complaint"], [False, True])
]


def entry(standing=Standing.ACTIVE, **fields) -> Entry:
    return Entry(line=2, address="anna@example.org", standing=standing, why="unsubscribed", **fields)


@pytest.mark.parametrize("known", KNOWN, ids=str)
@pytest.mark.parametrize("standing", Standing)
def test_no_list_revives_anybody_and_no_list_makes_anybody_active_who_is_not(standing, known):
    step = decide(entry(standing), known)
    if known.state is not None or known.suppressed:
        assert step.subscribe is None
    if step.subscribe is SubscriptionState.ACTIVE:
        assert standing is Standing.ACTIVE


@pytest.mark.parametrize("known", KNOWN, ids=str)
@pytest.mark.parametrize("standing", Standing)
def test_what_is_unchanged_or_skipped_does_nothing(standing, known):
    step = decide(entry(standing), known)
    does = bool(step.subscribe or step.end or step.suppress or step.changes)
    assert does == (step.verdict in {Verdict.NEW, Verdict.CHANGED})
    assert step.reason or step.verdict is Verdict.UNCHANGED


def test_a_list_takes_people_off() -> None:
    active = Known(subscriber_id=1, subscription_id=1, state=SubscriptionState.ACTIVE)
    assert decide(entry(Standing.ENDED), active).end == "import: unsubscribed"
    assert decide(entry(Standing.SUPPRESSED), active).suppress


def test_an_old_goodbye_does_not_undo_a_newer_consent() -> None:
    active = Known(subscriber_id=1, subscription_id=1, state=SubscriptionState.ACTIVE, agreed=NOW)
    assert decide(entry(Standing.ENDED, left=NOW - timedelta(days=1)), active).verdict is Verdict.SKIPPED
    assert decide(entry(Standing.ENDED, left=NOW + timedelta(days=1)), active).verdict is Verdict.CHANGED


def test_an_empty_cell_erases_nothing() -> None:
    active = Known(
        subscriber_id=1, name="Anna", zone="Europe/Berlin", subscription_id=1, state=SubscriptionState.ACTIVE
    )
    assert decide(entry(), active).verdict is Verdict.UNCHANGED
    step = decide(entry(name="Anna Berg", zone="Europe/Berlin"), active)
    assert (dict(step.changes), step.reason) == ({"name": "Anna Berg"}, "name: Anna → Anna Berg")


def test_the_consent_says_what_the_list_proves() -> None:
    consent = consent_of(entry(agreed=NOW, origin="agreed from 192.0.2.1"), file="people.csv", text="Weekly digest")
    assert (consent.at, consent.how, consent.text) == (NOW, "import", "Weekly digest")
    assert consent.origin == "people.csv, agreed from 192.0.2.1"
    assert consent_of(entry(), file="people.csv", text=None).at is None

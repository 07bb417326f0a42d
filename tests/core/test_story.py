"""The order of a person's story."""

from tests.cast import NOW

from digest.core.people import Consent, Subscription
from digest.core.states import SubscriptionState
from digest.core.story import Happening, in_order, tell_consent


def test_what_nobody_dated_comes_first_and_what_has_not_ended_last() -> None:
    """An old list says that somebody agreed, and not when: that was before all that we have sent."""
    consent = Consent(at=None, how="import", text="the fair")
    tie = Subscription(id=1, newsletter_id=1, subscriber_id=1, state=SubscriptionState.ACTIVE, consent=consent)
    (agreed,) = tell_consent("week", tie)
    waits, sent = Happening(at=None, newsletter="week", what="waits"), Happening(at=NOW, newsletter="week", what="sent")
    assert in_order([waits, sent, agreed]) == (agreed, sent, waits)

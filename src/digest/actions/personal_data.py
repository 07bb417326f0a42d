"""Everything that is kept about one person, for them: on their page, and for the admin who answers a letter."""

from typing import Any

from digest.errors import NotFound
from digest.store.codec import encode
from digest.store.database import Session
from digest.store.people_story import tell_story


def personal_data(session: Session, address: str, *, secret: bytes) -> dict[str, Any]:
    """The person, their subscriptions with the consents, every delivery and every event, as JSON values.

    Raises:
        NotFound: nothing is known of the address.
    """
    story = tell_story(session, address, secret=secret, limit=None)
    if story.subscriber is None and story.suppression is None:
        raise NotFound(f"nothing is known of {address}", next_step="digest subscriber list --search PART")
    told: dict[str, Any] = encode(story)
    return told

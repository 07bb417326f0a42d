"""Verbs that come by mail: `unsubscribe TOKEN` as the subject of a mail, which List-Unsubscribe's mailto makes.

Reading the mailbox is not done here. Whoever reads it gives each subject to `obey`.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from digest.actions.readers import Reader, leave
from digest.core.links import Purpose, verify
from digest.store.database import Database

_VERB = re.compile(r"^\s*(?:(?:re|fw|fwd|aw|wg|sv|vs|rif)\s*:\s*)*unsubscribe\s+([\w.-]+)\s*$", re.IGNORECASE)
"""Mail programs put their Re: before it."""

LEFT_BY_MAIL = "unsubscribed"
"""The same as by the link, so that it can be taken back on the page."""


def obey(database: Database, subject: str, *, keys: Sequence[bytes], now: datetime) -> Reader | None:
    """Do what a mail's subject asks; None where it asks for nothing that a token of ours allows. Safe to repeat."""
    found = _VERB.match(subject)
    numbers = verify(keys, Purpose.UNSUBSCRIBE, found[1]) if found else None
    if not numbers:
        return None
    return leave(database, subscriber_id=numbers[0], newsletter_id=numbers[1], now=now, why=LEFT_BY_MAIL)

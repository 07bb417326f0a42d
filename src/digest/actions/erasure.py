"""Forgetting a person: their rows, and what was left of those in the database's files."""

import logging
from datetime import datetime

from digest.actions.subscribe import erase as erase_rows
from digest.core.addresses import address_key
from digest.errors import DigestError
from digest.store.database import Database
from digest.store.scrub import scrub
from digest.store.subscribers import get_subscriber

log = logging.getLogger(__name__)


def erase(database: Database, address: str, *, secret: bytes, now: datetime) -> bool:
    """Forget a person for good; a keyed hash stays, so that no import brings them back.

    Whether the files are known to be free of the address, too; else `tidy` does that when nobody uses the database.

    Raises:
        NotFound: there is no such person.
    """
    with database.read() as session:
        person = get_subscriber(session, address)
    erase_rows(database, address, secret=secret, now=now)
    try:
        clean = scrub(database, (person.address, address_key(person.address)))
    except DigestError as fault:  # they are erased; what is left is the files
        log.warning("erased, but the files could not be searched", extra={"problem": fault.message})
        return False
    if not clean and database.is_sqlite:
        log.warning("erased, but the file is in use: run digest db tidy", extra={"subscriber": person.id})
    return clean

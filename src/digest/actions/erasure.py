"""Forgetting a person: their rows, and what was left of those in the database's files."""

import logging
import threading
from collections.abc import Iterable
from datetime import datetime

from digest.actions.subscribe import erase as erase_rows
from digest.core.addresses import address_key
from digest.errors import DigestError
from digest.store.database import Database
from digest.store.scrub import scrub
from digest.store.subscribers import get_subscriber

log = logging.getLogger(__name__)


class Leftovers:
    """Words that SQLite's files may still hold, because others used them when somebody was erased. In memory alone."""

    def __init__(self) -> None:
        self._lock, self._words = threading.Lock(), set[str]()

    def add(self, words: Iterable[str]) -> None:
        """Look for these, too."""
        with self._lock:
            self._words |= set(words)

    def scrub(self, database: Database) -> bool:
        """Try again; whether nothing is left to look for.

        Raises:
            DatabaseError: the database refused.
        """
        with self._lock:
            words = frozenset(self._words)
        if words and scrub(database, tuple(words)):
            with self._lock:
                self._words -= words
            log.info("the files are free of who was erased")
        return not self._words


def erase(
    database: Database, address: str, *, secret: bytes, now: datetime, leftovers: Leftovers | None = None
) -> bool:
    """Forget a person for good; a keyed hash stays, so that no import brings them back.

    Whether the files are known to be free of the address, too; else that is tried again by whoever keeps `leftovers`, or
    `tidy` does it when nobody uses the database.

    Raises:
        NotFound: there is no such person.
    """
    with database.read() as session:
        person = get_subscriber(session, address)
    erase_rows(database, address, secret=secret, now=now)
    words = (person.address, address_key(person.address))
    try:
        clean = scrub(database, words)
    except DigestError as fault:  # they are erased; what is left is the files
        log.warning("erased, but the files could not be searched", extra={"problem": fault.message})
        clean = False
    if not clean and database.is_sqlite:
        if leftovers:
            leftovers.add(words)
        step = "it is searched again in a minute" if leftovers else "run digest db tidy"
        log.warning("erased, but the file is in use", extra={"subscriber": person.id, "next_step": step})
    return clean

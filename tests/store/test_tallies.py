"""Limits shared by processes: what is taken is counted once, whoever asks at the same moment."""

import threading
from datetime import timedelta

from sqlalchemy import text
from tests import cast

from digest.store.database import Database
from digest.store.tallies import forget_old, take

HOUR = timedelta(hours=1)


def ask(database: Database, minutes: float = 0, *, limit: int = 3, name: str = "a") -> timedelta | None:
    with database.write() as session:
        return take(session, name, limit=limit, per=HOUR, now=cast.NOW + timedelta(minutes=minutes))


def test_so_many_are_taken_and_who_is_refused_learns_when_to_come_back(database: Database) -> None:
    assert [ask(database, minute) for minute in (0, 10, 20)] == [None, None, None]
    assert ask(database, 30) == timedelta(minutes=30)
    assert ask(database, 59.9999) == timedelta(seconds=1)
    assert ask(database, 30, name="b") is None
    assert [ask(database, minute) for minute in (60, 61, 62)] == [None, None, None]
    assert ask(database, 63) == timedelta(minutes=57)


def test_none_is_given_of_nothing(database: Database) -> None:
    assert ask(database, limit=0) == HOUR


def test_a_clock_that_was_wrong_blocks_nobody(database: Database) -> None:
    assert ask(database, 100_000, limit=1) is None
    assert ask(database, 0, limit=1) is None
    assert ask(database, 1, limit=1) == timedelta(minutes=59)


def test_threads_that_ask_at_once_get_no_more_than_there_are(database: Database) -> None:
    given: list[timedelta | None] = []
    threads = [
        threading.Thread(target=lambda: given.extend(ask(database, limit=7) for _ in range(5))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert given.count(None) == 7
    assert len(given) == 20


def test_what_is_over_is_forgotten(database: Database) -> None:
    ask(database, 0, name="old")
    ask(database, 50, name="new")
    with database.write() as session:
        assert forget_old(session, now=cast.NOW + timedelta(minutes=61)) == 1
    with database.read() as session:
        assert session.execute(text("SELECT name FROM tally")).scalars().all() == ["new"]

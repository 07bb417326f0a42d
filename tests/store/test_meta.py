"""The database remembers which secret key it was made with."""

import pytest

from digest.errors import SettingsError
from digest.store.database import Database
from digest.store.meta import check_key, fingerprint, has_fingerprint


def test_the_first_key_is_remembered_and_accepted_again(database: Database) -> None:
    assert not has_fingerprint(database)
    check_key(database, b"one")
    assert has_fingerprint(database)
    check_key(database, b"one")


def test_another_key_is_refused_in_words(database: Database) -> None:
    check_key(database, b"one")
    with pytest.raises(SettingsError, match=r"the secret key is not the one that .* was made with") as caught:
        check_key(database, b"two")
    assert caught.value.next_step
    assert "put the old key back" in caught.value.next_step


def test_the_fingerprint_gives_nothing_of_the_key_away() -> None:
    assert fingerprint(b"one") != fingerprint(b"two")
    assert b"one".hex() not in fingerprint(b"one")
    assert len(fingerprint(b"one")) == 16

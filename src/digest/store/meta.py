"""Facts about this database: which secret key it was made with."""

import hashlib
import hmac

from sqlalchemy import select
from sqlmodel import Session

from digest.errors import SettingsError
from digest.store.database import Database
from digest.store.statements import insert_or_ignore
from digest.store.tables import MetaRow

_table = MetaRow.__table__  # type: ignore[attr-defined]
_FINGERPRINT = "key_fingerprint"


def fingerprint(key: bytes) -> str:
    """Tells keys apart and gives nothing of them away (HMAC-SHA-256, 64 bits)."""
    return hmac.new(key, b"digest: fingerprint of the secret key", hashlib.sha256).hexdigest()[:16]


def has_fingerprint(database: Database) -> bool:
    """Whether this database knows its secret key: then no new one may be made."""
    with database.read() as session:
        return _known(session) is not None


def check_key(database: Database, key: bytes) -> None:
    """Refuse another key than the one of the first opening, which this remembers.

    The hashes of suppressed and erased people, and the links in mails already sent, hang on the key.

    Raises:
        SettingsError: it is another key.
    """
    with database.read() as session:
        known = _known(session)
    if known is None:
        with database.write() as session:  # another process may be first, or at the same moment
            given = {"name": _FINGERPRINT, "value": fingerprint(key)}
            session.execute(insert_or_ignore(session, _table).values(given))
            known = _known(session) or fingerprint(key)
    if not hmac.compare_digest(known, fingerprint(key)):
        raise SettingsError(
            f"the secret key is not the one that {database.name} was made with",
            next_step="put the old key back, from the backup of secrets/secret_key (docs/operations.md says why)",
        )


def _known(session: Session) -> str | None:
    return session.execute(select(_table.c.value).where(_table.c.name == _FINGERPRINT)).scalar()

"""`digest notice`: what was sent to one person, and again what nobody knows of."""

import json
from pathlib import Path

from tests import cast
from tests.command import run_digest

from digest.core.states import DeliveryState, NoticeKind
from digest.store.database import Database
from digest.store.joining_tables import NoticeRow
from digest.store.meta import check_key


def test_an_admin_lists_notices_and_sends_one_again(sqlite_database: Database, tmp_path: Path) -> None:
    check_key(sqlite_database, cast.KEY)
    with sqlite_database.write() as session:
        people = cast.assemble(session)
        row = NoticeRow(
            kind=NoticeKind.CONFIRM, newsletter_id=people.newsletter, subscriber_id=people.ben, created_at=cast.NOW,
            state=DeliveryState.UNCERTAIN, tries=1,
        )  # fmt: skip
        session.add(row)
        session.flush()
        number = str(row.id)
    settings = {"DIGEST_DATABASE__URL": str(sqlite_database.url), "DIGEST_SECRET_KEY": cast.KEY.decode()}

    def digest(*words: str):
        return run_digest("notice", *words, cwd=tmp_path, env=settings)

    listed = digest("list", "--state", "uncertain")
    assert "ben@example.org" in listed.stdout
    again = digest("retry", number, "--yes", "--json")
    assert json.loads(again.stdout)["state"] == "queued"
    assert json.loads(digest("list", "--state", "uncertain", "--json").stdout) == []
    missing = digest("retry", "999", "--yes")
    assert (missing.returncode, "there is no notice 999" in missing.stderr) == (1, True)

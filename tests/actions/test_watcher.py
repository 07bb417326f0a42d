"""What the log tells of a long sending, and what it never tells."""

import asyncio
import logging

import pytest
from sqlalchemy import text
from tests import cast
from tests.actions.delivering import Scripted, prepare, run

from digest.store.database import Database

READERS = 12_000


class PausesNearTheEnd(Scripted):
    """So slow after ten thousand and a half that a look, once a second, falls between there and the end."""

    async def send(self, envelope, *, before_dot):
        if len(self.finished) > 10_500:
            self.pause = getattr(self, "pause", None) or asyncio.ensure_future(asyncio.sleep(2.5))
            await asyncio.shield(self.pause)
        return await super().send(envelope, before_dot=before_dot)


@pytest.mark.slow
def test_a_long_sending_is_told_at_its_start_every_ten_thousand_and_at_its_end(
    sqlite_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    issue = prepare(sqlite_database)
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :most)"
    with sqlite_database.write() as session:
        given = {"most": READERS - 1, "now": cast.NOW.replace(tzinfo=None).isoformat(" ", "microseconds")}
        session.execute(
            text(f"INSERT INTO subscriber (address, address_key, address_hash, name, created_at) {numbers} "
                 "SELECT 'r' || i || '@x.example', 'r' || i || '@x.example', i, '', :now FROM n"), given
        )  # fmt: skip
        session.execute(
            text("INSERT INTO subscription (newsletter_id, subscriber_id, state, consent_how, topics, created_at) "
                 "SELECT 1, id, 'active', 'import', '[]', :now FROM subscriber WHERE address LIKE 'r%@x.example'"), given
        )  # fmt: skip
    with caplog.at_level(logging.INFO, logger="digest"):
        report = run(sqlite_database, PausesNearTheEnd()).issues[0]
    assert (report.accepted, report.done) == (READERS, True)
    told = [record for record in caplog.records if record.name == "digest.actions.watcher"]
    assert [record.message for record in told][:: len(told) - 1] == ["sending", "delivered"]
    middle = told[1:-1]
    assert middle, "twelve thousand messages are more than ten"
    assert {record.message for record in middle} == {"still sending"}
    assert {record.issue for record in told} == {issue}
    assert 10_000 <= middle[0].accepted <= READERS
    assert middle[0].rate > 0
    assert "@" not in "".join(str(vars(record)) for record in told)

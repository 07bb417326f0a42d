"""When a message gets its final dot, everybody else can read in the database that it is in flight."""

from tests.actions.delivering import Scripted, counts, prepare, run

from digest.core.people import Envelope, Outcome
from digest.mail.transport import BeforeDot
from digest.store.database import Database


class Looking(Scripted):
    """A mail server that looks into the ledger, over a connection of its own, at every dot."""

    def __init__(self, database: Database, issue: int) -> None:
        super().__init__()
        self.other, self.issue, self.seen = database, issue, []

    async def send(self, envelope: Envelope, *, before_dot: BeforeDot) -> Outcome:
        async def and_look() -> bool:
            allowed = await before_dot()
            self.seen.append(counts(self.other, self.issue))
            return allowed

        return await super().send(envelope, before_dot=and_look)


def test_the_mark_is_committed_before_the_dot(database: Database) -> None:
    issue = prepare(database, people=4)
    other = Database(database.url.render_as_string(hide_password=False))
    server = Looking(other, issue)
    assert run(database, server, concurrency=1).accepted == 5
    other.close()
    assert [seen.get("inflight", 0) > 0 for seen in server.seen] == [True] * 5

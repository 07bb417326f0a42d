"""Messages are made some at a time: a fault of one is its own, and each reader gets their own."""

import asyncio
from email import message_from_bytes
from types import SimpleNamespace

from sqlalchemy import text
from tests.actions.delivering import Scripted, counts, prepare, run
from tests.mail.dkim_verifiers import SIGNER, dkimpy_says

from digest.actions.drafts import AT_ONCE, SIGNED_AT_ONCE, Drafts
from digest.core.people import Envelope, Pieces
from digest.errors import MessageError
from digest.store.database import Database

PEOPLE = 2 * 16 + 3


def test_an_address_that_no_header_can_hold_costs_no_other_reader_the_message(sqlite_database: Database) -> None:
    issue = prepare(sqlite_database, PEOPLE)
    with sqlite_database.write() as session:
        session.execute(text("UPDATE subscriber SET address = 'reader5' WHERE address = 'reader5@x.example'"))
    transport = Scripted()
    run(sqlite_database, transport, concurrency=5)
    with sqlite_database.read() as session:
        refused = session.execute(text("SELECT address, phase, reply FROM delivery WHERE state = 'refused'")).all()
    assert refused == [("reader5", "compose", "an address cannot stand in a message header")]
    assert counts(sqlite_database, issue) == {"accepted": PEOPLE, "refused": 1}
    assert readers(transport) == {f"Reader {number}" for number in range(PEOPLE) if number != 5} | {"Anna"}


def test_a_message_that_cannot_be_signed_costs_no_other_reader_theirs(sqlite_database: Database) -> None:
    def sign(message: Pieces, relaxed: Pieces | None) -> bytes:
        if b"reader7@x.example" in b"".join(message):
            raise MessageError("a message cannot be signed")
        return SIGNER(message, relaxed)

    issue = prepare(sqlite_database, PEOPLE)
    transport = Scripted()
    run(sqlite_database, transport, concurrency=5, signer=sign)
    assert counts(sqlite_database, issue) == {"accepted": PEOPLE, "refused": 1}
    assert readers(transport) == {f"Reader {number}" for number in range(PEOPLE) if number != 7} | {"Anna"}
    assert all(dkimpy_says(envelope.message) for envelope in transport.finished)


def test_who_is_cut_off_keeps_no_signature_from_others() -> None:
    waiting = [SimpleNamespace(id=number, variant_id=None, dated=None) for number in range(2 * AT_ONCE)]
    composed, asked = [], []

    def compose(delivery, *, dated) -> Envelope:
        composed.append(delivery.id)
        return Envelope("news@x.example", f"r{delivery.id}@x.example", ())

    def sign(envelopes: dict[int, Envelope]) -> asyncio.Future:
        asked.append((envelopes, asyncio.get_running_loop().create_future()))
        return asked[-1][1]

    async def take() -> None:
        queue = SimpleNamespace(peek=lambda number: waiting[1 : 1 + number])
        drafts = Drafts(SimpleNamespace(composers={0: compose}), queue, sign)
        cut, other = (asyncio.create_task(drafts.take(one)) for one in waiting[:2])
        await asyncio.sleep(0)
        assert composed == list(range(AT_ONCE)), "together"
        assert [len(envelopes) for envelopes, _ in asked] == [SIGNED_AT_ONCE] * (AT_ONCE // SIGNED_AT_ONCE)
        cut.cancel()
        await asyncio.sleep(0)
        asked[0][1].set_result(asked[0][0])
        assert (await other).recipient == "r1@x.example"

    asyncio.run(take())


def readers(transport: Scripted) -> set[str]:
    """Whom the messages greet, each of which went to that reader alone."""
    greeted = set()
    for envelope in transport.finished:
        message = message_from_bytes(envelope.message)
        name = message.get_payload(0).get_payload(decode=True).decode().splitlines()[0].removeprefix("Hi ")
        assert message["To"] == f"{name} <{envelope.recipient}>"
        assert name not in greeted
        greeted.add(name)
    return greeted

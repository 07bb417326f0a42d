"""10,000 messages of hostile names, addresses, subjects and bodies, each read back the same by two parsers."""

import email
import email.header
import email.message
import email.policy
import email.utils
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.headerregistry import HeaderRegistry
from functools import lru_cache

import pytest
from tests.core import hostile_mail
from tests.core.hostile_mail import MERGE, Mail, read_body, read_subject, template
from tests.reading import Message, read_mailbox, read_message, read_words

from digest.core.links import Purpose, sign
from digest.core.message import Skeleton, ascii_address, check_message, compose, lay_out, message_id
from digest.core.mime import clean_line
from digest.core.model import Newsletter, Rendered
from digest.core.people import Envelope, Recipient
from digest.core.relaxed import relax_body

KEY, BASE = b"key", "https://news.example/d"
WHEN = datetime(2017, 8, 14, 15, 5, tzinfo=UTC)
NEWSLETTER = Newsletter(
    id=7, slug="weekly", name="„Ünïcode“", sender_name="Ana: Böhm", sender_address="ana@news.example"
)
SEEDS, VARIANTS, READERS, AGAIN = 10, 25, 40, 5
POLICY = email.policy.SMTPUTF8.clone(header_factory=lru_cache(maxsize=256)(HeaderRegistry()))
"""A field that several messages share is parsed once: that is most of the time."""


@dataclass(frozen=True)
class Case:
    """One reader of one variant, and the message."""

    mail: Mail
    recipient: Recipient
    envelope: Envelope
    values: dict[str, str]

    @property
    def raw(self) -> bytes:
        return self.envelope.message


def make_cases(seed: int) -> Iterator[Case]:
    chance = random.Random(seed)
    for variant in range(VARIANTS):
        mail = hostile_mail.make_mail(chance)
        skeleton = lay_out_mail(mail, seed * VARIANTS + variant + 1)
        for number in range(READERS):
            reader = Recipient(
                delivery_id=1, subscriber_id=chance.randrange(1, 10**9), address=hostile_mail.make_address(chance),
                name=hostile_mail.make_name(chance),
            )  # fmt: skip
            envelope = compose_for(skeleton, reader)
            if number % AGAIN == 0:
                assert compose_for(skeleton, reader) == envelope, "the same bytes and Message-ID on every attempt"
            yield Case(mail, reader, envelope, values_of(reader))


def lay_out_mail(mail: Mail, issue: int) -> Skeleton:
    parts = {"subject": template(mail.subject), "text": template(mail.text), "html": template(mail.html)}
    rendered = Rendered(preheader="", **parts)
    return lay_out(rendered, newsletter=NEWSLETTER, issue_id=issue, merge_key=MERGE, language="en")


def compose_for(skeleton: Skeleton, reader: Recipient) -> Envelope:
    dated = WHEN + timedelta(seconds=reader.subscriber_id % 1000)
    return compose(skeleton, reader, key=KEY, base_url=BASE, dated=dated, to_sign=True)


def values_of(reader: Recipient) -> dict[str, str]:
    leave = sign(KEY, Purpose.UNSUBSCRIBE, reader.subscriber_id, NEWSLETTER.id)
    prefer = sign(KEY, Purpose.PREFERENCES, reader.subscriber_id)
    return {
        "name": clean_line(reader.name), "address": reader.address,
        "unsubscribe_url": f"{BASE}/unsubscribe/{leave}", "preferences_url": f"{BASE}/preferences/{prefer}",
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_thousand_messages_are_read_back_as_they_were_written(seed: int) -> None:
    checked = 0
    for case in make_cases(seed):
        ours, theirs = read_message(case.raw), email.message_from_bytes(case.raw, policy=POLICY)
        check_octets(case)
        check_head(case, ours, theirs)
        check_leaving(case, ours, theirs)
        check_parts(case, ours, theirs)
        # The pieces relaxed one by one are what a verifier will make of the whole.
        assert b"".join(case.envelope.relaxed) == relax_body(case.raw.partition(b"\r\n\r\n")[2])
        checked += 1
    assert checked == VARIANTS * READERS


def check_octets(case: Case) -> None:
    raw, lines = case.raw, case.raw.split(b"\r\n")
    check_message(raw)
    assert raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r")
    assert b"\x00" not in raw
    assert max(map(len, lines)) <= 998
    assert case.envelope.dotless
    body = lines[lines.index(b"") :]
    assert [line for line in lines if line.startswith((b".", b"From "))] == []
    assert [line for line in body if len(line) > 76 or not line.isascii()] == []
    assert sum(line.startswith(b"--=_") for line in body) == 3, "no boundary but our own"
    if ascii_address(case.recipient.address).isascii():
        assert raw.isascii()


def check_head(case: Case, ours: Message, theirs: email.message.EmailMessage) -> None:
    address, name = ascii_address(case.recipient.address), case.values["name"]
    subject = read_subject(case.mail.subject, case.values)
    assert not theirs.defects
    names = [name.lower() for name, _ in ours.headers]
    assert names == [name.lower() for name in theirs.keys()]  # noqa: SIM118 - a message lists a name once a field
    assert len(names) == len(set(names)) == 13
    assert case.envelope.recipient == address
    assert read_words(ours.one("Subject")) == theirs["Subject"] == subject
    assert read_mailbox(ours.one("To")) == (name, address)
    assert their_mailbox(theirs) == (name, address)
    issue = int(ours.one("Feedback-ID").partition(":")[0])
    wanted = message_id(NEWSLETTER, issue, case.recipient.subscriber_id, key=KEY)
    assert ours.one("Message-ID") == theirs["Message-ID"] == case.envelope.message_id == wanted


def their_mailbox(message: email.message.EmailMessage) -> tuple[str, str]:
    """By the older API: the newer one of Python 3.11 keeps the white space between encoded words."""
    (raw,) = (value for name, value in message.raw_items() if name == "To")
    value = raw.encode("ascii", "surrogateescape").decode("utf-8") if not raw.isascii() else raw
    name, address = email.utils.parseaddr(value.replace("\r\n", ""))
    return str(email.header.make_header(email.header.decode_header(name))), address


def check_leaving(case: Case, ours: Message, theirs: email.message.EmailMessage) -> None:
    """Octet for octet, folded only between the two ways."""
    token = case.values["unsubscribe_url"].rpartition("/")[2]
    https, mailto = f"<{BASE}/unsubscribe/{token}>,", f"<mailto:ana@news.example?subject=unsubscribe%20{token}>"
    one_click = "List-Unsubscribe=One-Click"
    fields = f"\r\nList-Unsubscribe: {https}\r\n {mailto}\r\nList-Unsubscribe-Post: {one_click}\r\n"
    assert case.raw.count(fields.encode()) == 1
    assert ours.one("List-Unsubscribe") == theirs["List-Unsubscribe"] == f"{https} {mailto}"
    assert ours.one("List-Unsubscribe-Post") == theirs["List-Unsubscribe-Post"] == one_click


def check_parts(case: Case, ours: Message, theirs: email.message.EmailMessage) -> None:
    assert [part.get_content_type() for part in theirs.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    pairs = zip((case.mail.text, case.mail.html), ours.parts, list(theirs.walk())[1:], strict=True)
    for pieces, mine, other in pairs:
        wanted = read_body(pieces, case.values)
        assert mine.body.replace("\r\n", "\n") == wanted
        assert other.get_payload(decode=True).decode("utf-8").replace("\r\n", "\n") == wanted
        assert not other.defects

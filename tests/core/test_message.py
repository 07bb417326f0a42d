"""Bytes of messages: what two independent readers make of them."""

import email
import email.header
import email.policy
import email.utils
from datetime import UTC, datetime
from html import unescape

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.reading import read_mailbox, read_message, read_words

from digest.core.merge import token
from digest.core.message import Skeleton, ascii_address, compose, lay_out, message_id
from digest.core.mime import clean_line
from digest.core.model import Newsletter, Rendered
from digest.core.people import Recipient
from digest.errors import MessageError

KEY, MERGE = b"key", "k3y"
WHEN = datetime(2017, 8, 14, 15, 5, tzinfo=UTC)
BASE = "https://news.example/d"
NEWSLETTER = Newsletter(
    id=7, slug="weekly", name="The Weekly, „Ünïcode“", sender_name="Ana: Böhm", sender_address="ana@news.example"
)

hostile = st.sampled_from(
    ["\r\nBcc: all@x.example", "\n.\r\nMAIL FROM:<>", '"\\', "=?utf-8?q?fake?=", "%%k3y:name%%", "%%", "<b>", "&amp;", "\x00", "\u2028", ". ", "From ", "\t", "=", "=3D", "é" * 40, "語" * 40, "👩‍👩‍👧" * 9]
)  # fmt: skip
words = st.lists(st.one_of(st.text(max_size=40), hostile), max_size=5).map("".join)
addresses = st.sampled_from(
    ["anna@example.org", "b+tag@sub.example.org", "o'neil@example.org", "jörg@example.org", "x@müller.example", "用户@例子.example", "=ab@example.org", "a" * 64 + "@" + "b" * 60 + ".example"]
)  # fmt: skip


def make_skeleton(subject: str, text: str, html: str) -> Skeleton:
    rendered = Rendered(subject=subject, preheader="", html=html, text=text)
    return lay_out(rendered, newsletter=NEWSLETTER, issue_id=12, merge_key=MERGE, language="en")


def build(name: str = "Anna", address: str = "anna@example.org", *, subject="Hello", text="Hi\n", html="<p>Hi</p>"):
    recipient = Recipient(delivery_id=1, subscriber_id=99, address=address, name=name)
    skeleton = make_skeleton(subject, text, html)
    return compose(skeleton, recipient, key=KEY, base_url=BASE, dated=WHEN).message


def lines_of(text: str) -> list[str]:
    return text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def utf8(text: str) -> str:
    """Lone surrogates are no text."""
    return text.encode("utf-8", "replace").decode("utf-8")


@settings(deadline=None, max_examples=400)
@given(words, addresses, words, words)
@example("", "anna@example.org", "", "")
@example("a" * 500, "anna@example.org", "b" * 2000, ".\n..\nFrom me\n" + "." * 200)
def test_two_readers_find_what_was_written(name: str, address: str, subject: str, body: str) -> None:
    subject, body = subject.replace("%%k3y:", "%%"), body.replace("%%k3y:", "%%")
    field = token(MERGE, "name")
    raw = build(name, address, subject=subject, text=f"{body}{field}{body}", html=f'<p title="{field}">{body}</p>')
    assert b"\x00" not in raw
    assert raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r")
    ours, theirs = read_message(raw), email.message_from_bytes(raw, policy=email.policy.SMTPUTF8)
    assert not theirs.defects
    shown = clean_line(name)
    assert read_words(ours.one("Subject")) == theirs["Subject"] == clean_line(subject)
    assert read_mailbox(ours.one("To")) == (shown, ascii_address(address))
    spec = theirs["To"].addresses[0].addr_spec.encode("utf-8", "surrogateescape").decode("utf-8")
    assert spec == ascii_address(address)
    # The older API for the name: the newer one of Python 3.11 keeps the white space between encoded words.
    if ascii_address(address).isascii():
        display, _ = email.utils.parseaddr(email.message_from_bytes(raw)["To"])
        assert str(email.header.make_header(email.header.decode_header(display))) == shown
    assert read_mailbox(ours.one("From")) == ("Ana: Böhm", "ana@news.example")
    wanted = lines_of(utf8(f"{body}{shown}{body}"))
    text, html = ours.parts
    assert lines_of(text.body)[: len(wanted)] == wanted
    assert lines_of(theirs.get_body(("plain",)).get_content())[: len(wanted)] == wanted
    assert unescape(html.body.split('"')[1]) == shown
    assert html.body == theirs.get_body(("html",)).get_content()
    assert [part.get_content_type() for part in theirs.walk()][1:] == ["text/plain", "text/html"]


@settings(deadline=None, max_examples=100)
@given(words)
def test_a_name_can_add_no_header_and_no_second_message(name: str) -> None:
    ours = read_message(build(name))
    names = [header.lower() for header, _ in ours.headers]
    assert len(names) == len(set(names))
    assert "bcc" not in names


def test_the_leaving_link_is_octet_identical_and_alone_on_its_line() -> None:
    raw = build()
    url = next(line for line in raw.split(b"\r\n") if line.startswith(b"List-Unsubscribe: "))
    assert url.startswith(b"List-Unsubscribe: <https://news.example/d/unsubscribe/63-7.")
    assert url.endswith(b">,")
    assert b"=?" not in url
    assert read_message(raw).one("List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"


def test_a_delivery_has_the_same_bytes_on_every_attempt() -> None:
    assert build("Ann") == build("Ann")


def test_the_message_id_is_keyed_and_differs_by_reader_and_issue() -> None:
    ids = {message_id(NEWSLETTER, issue, reader, key=KEY) for issue in (1, 2) for reader in (1, 2)}
    assert len(ids) == 4
    assert message_id(NEWSLETTER, 1, 1, key=b"other") not in ids
    assert f"Message-ID: {message_id(NEWSLETTER, 12, 99, key=KEY)}\r\n".encode() in build()


def test_fields_are_escaped_for_where_they_stand() -> None:
    field = token(MERGE, "name")
    raw = build('<b>"Ann & Bob"', text=f"Hi {field}!", html=f'<i title="{field}">{field}</i>', subject=f"For {field}")
    ours = read_message(raw)
    assert ours.parts[0].body == 'Hi <b>"Ann & Bob"!\r\n'
    safe = "&lt;b&gt;&quot;Ann &amp; Bob&quot;"
    assert ours.parts[1].body == f'<i title="{safe}">{safe}</i>\r\n'
    assert ours.one("Subject") == 'For <b>"Ann & Bob"'


@pytest.mark.parametrize(
    ("html", "wanted"),
    [
        ('<a href="https://x.example/?n=%s&amp;b=2">', "https://x.example/?n=Ann%20%26%20Bob%3F&amp;b=2"),
        ('<img alt="a" src="https://x.example/%s.png">', "https://x.example/Ann%20%26%20Bob%3F.png"),
        ("<a href='https://x.example/#%s'>", "https://x.example/#Ann%20%26%20Bob%3F"),
        ('<a href="%s">', "Ann%20%26%20Bob%3F"),
        ('<a href="https://x.example/" title="%s">', 'title="Ann &amp; Bob?"'),
        ('<a href="https://x.example/">href="%s', 'href="Ann &amp; Bob?'),
        ("<p>https://x.example/?n=%s", "?n=Ann &amp; Bob?"),
    ],
)
def test_a_field_in_a_link_of_the_html_is_written_as_links_are(html: str, wanted: str) -> None:
    assert wanted in read_message(build("Ann & Bob?", html=html % token(MERGE, "name"))).parts[1].body


def test_a_field_in_a_link_of_the_text_is_written_as_links_are() -> None:
    name, address = token(MERGE, "name"), token(MERGE, "address")
    raw = build("Ann & Bob?", "b+tag@example.org", text=f"https://x.example/?n={name}&a={address} {name}\n{address}")
    assert read_message(raw).parts[0].body == (
        "https://x.example/?n=Ann%20%26%20Bob%3F&a=b%2Btag@example.org Ann & Bob?\r\nb+tag@example.org\r\n"
    )


def test_a_link_that_is_a_field_stays_that_link_unless_it_stands_in_another() -> None:
    field = token(MERGE, "unsubscribe_url")
    raw = build(html=f'<a href="{field}">', text=f"{field}\nhttps://x.example/?next={field}\n")
    text, html = (part.body for part in read_message(raw).parts)
    assert html.startswith('<a href="https://news.example/d/unsubscribe/63-7.')
    assert text.startswith("https://news.example/d/unsubscribe/63-7.")
    assert "?next=https%3A%2F%2Fnews.example%2Fd%2Funsubscribe%2F63-7." in text


def test_a_field_of_another_issue_is_only_text() -> None:
    assert read_message(build(text="%%other:name%%")).parts[0].body == "%%other:name%%\r\n"


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(MessageError, match="unknown merge field 'password'"):
        build(text="%%k3y:password%%")


@pytest.mark.parametrize(
    "address", ["a\r\nb@x.example", "a>b@x.example", "@x.example", "nobody", "a b@x.example", "a@"]
)
def test_an_address_that_could_end_a_command_is_refused(address: str) -> None:
    with pytest.raises(MessageError, match="address"):
        build(address=address)


def test_a_domain_in_another_script_is_that_domain_and_no_other() -> None:
    assert ascii_address("info@straße.example") == "info@xn--strae-oqa.example"
    assert ascii_address("用户@例子.example") == "用户@xn--fsqu00a.example"

"""The demo, as a stranger runs it: twice, looking at what arrived."""

import json
import mailbox
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser
from tests.command import run_digest

from digest.core.gate import check_message

TITLES = {
    "Why the Compost Went Cold & What Fixed It",
    "Seed swap: Saturday <2 pm>",
    "Blackfly, and the ladybirds that came for it",
    "A new roof for the shed",
}
CAPTIONS = (
    "The first runner beans, picked at 6.40 this morning",
    "Eleven degrees. Eleven. Photo: M. Tull",
    "The shed book, page 61",
    "Felt down, battens on, kettle next",
)
DAYS = ["Friday, 11 August", "Thursday, 10 August", "Wednesday, 9 August", "Monday, 7 August"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "here"
    done = run_digest("demo", "--into", folder, cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    return folder


def messages(folder: Path) -> list[bytes]:
    box = mailbox.Maildir(folder / "mailbox")
    return [box.get_bytes(key) for key in box.iterkeys()]


def test_three_subscribers_get_one_valid_message_each(folder: Path) -> None:
    found = messages(folder)
    read = [message_from_bytes(message, policy=policy.default) for message in found]
    assert sorted(message["To"].addresses[0].addr_spec for message in read) == [
        "anna@example.org",
        "ben@example.org",
        "chloe@example.org",
    ]
    for message in found:
        # A Maildir stores lines with LF; the wire has CRLF.
        check_message(message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


def html(folder: Path) -> LexborHTMLParser:
    message = message_from_bytes(messages(folder)[0], policy=policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("html",))
    assert body is not None
    return LexborHTMLParser(body.get_content())


def test_the_issue_has_five_posts_under_four_days_of_the_blogs_zone(folder: Path) -> None:
    page = html(folder)
    headings = [" ".join(node.text().split()) for node in page.css("h2")]
    assert [text for text in headings if text in DAYS] == DAYS
    titles = {" ".join(node.text().split()) for node in page.css("h3")}
    assert len(titles) == 5
    assert titles > TITLES
    assert (titles - TITLES).pop().startswith("The beans have finally climbed")


def test_every_caption_is_in_both_parts(folder: Path) -> None:
    message = message_from_bytes(messages(folder)[0], policy=policy.default)
    assert isinstance(message, EmailMessage)
    text = message.get_body(("plain",))
    assert text is not None
    plain = " ".join(text.get_content().split())
    page = " ".join(html(folder).text().split())
    for caption in CAPTIONS:
        assert caption in page
        assert caption in plain


def test_the_preview_shows_the_pictures_from_beside_it(folder: Path) -> None:
    sources = [
        node.attributes["src"] for node in LexborHTMLParser((folder / "preview/issue.html").read_text()).css("img")
    ]
    assert len(sources) == 5
    assert all(source and (folder / "preview" / source).is_file() for source in sources)


def test_a_second_run_sends_nothing_more(folder: Path) -> None:
    before = sorted(messages(folder))
    done = run_digest("demo", "--into", folder, "--json", cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["sent_now"], told["accepted"], told["messages"], told["posts"]) == (0, 3, 3, 5)
    assert sorted(messages(folder)) == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run_digest("demo", "--into", tmp_path / "file", cwd=tmp_path)
    assert done.returncode == 1
    assert "file" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Errno" not in done.stderr


@pytest.mark.parametrize("file", ["digest.toml", "digest.db"])
def test_a_folder_of_somebodys_newsletter_is_left_alone(file: str, tmp_path: Path) -> None:
    """It would add invented people to a real database, and with [mail] transport "smtp" write to them."""
    (tmp_path / file).write_text("")
    done = run_digest("demo", "--into", tmp_path, cwd=tmp_path)
    assert done.returncode == 1
    assert f"{file} is not the demo's; nothing was changed" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [file]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DIGEST_MAIL__TRANSPORT", "smtp"),
        ("DIGEST_DATABASE__URL", "sqlite:///other.db"),
        ("DIGEST_MAIL__MAILDIR", "/tmp/box"),
    ],
)
def test_a_variable_does_not_lead_the_demo_out_of_its_folder(variable: str, value: str, tmp_path: Path) -> None:
    done = run_digest("demo", cwd=tmp_path, env={variable: value})
    assert done.returncode == 1
    assert f"next: unset {variable}" in done.stderr
    assert not (tmp_path / "other.db").exists()
    assert not (tmp_path / "digest-demo" / "mailbox").exists()

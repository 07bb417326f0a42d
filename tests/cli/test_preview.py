"""`digest preview` as an editor meets it: the real command, in its own process."""

import json
import re
import shutil
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.command import run_digest, start_digest
from tests.sample_week import MONDAY, add_week

from digest.actions.publish import publish
from digest.store.database import Database


@pytest.fixture
def home(sqlite_template: Path, tmp_path: Path) -> Path:
    """A folder with the sample week and its issue."""
    shutil.copyfile(sqlite_template, tmp_path / "digest.db")
    database = Database(f"sqlite:///{tmp_path}/digest.db")
    with database.write() as session:
        add_week(session)
    publish(database, now=MONDAY)
    database.close()
    return tmp_path


@contextmanager
def served(home: Path) -> Iterator[str]:
    process = start_digest("preview", "--issue", "1", "--serve", "0", cwd=home)
    try:
        line = process.stderr.readline()
        yield re.search(r"http://127\.0\.0\.1:\d+/", line)[0]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def load(url: str, **headers: str) -> str:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as reply:
        return reply.read().decode()


def test_preview_writes_four_files_and_says_what_they_hold(home: Path) -> None:
    done = run_digest("preview", "--issue", "1", "--out", "shown", cwd=home)
    assert done.returncode == 0, done.stderr
    assert "shown/issue.html" in done.stdout
    assert "A new roof for the shed" in done.stdout
    assert "2017-08-07 00:00 to 2017-08-14 00:00 America/Los_Angeles" in done.stdout
    assert sorted(file.name for file in (home / "shown").iterdir()) == [
        "issue.eml",
        "issue.html",
        "issue.txt",
        "page.html",
    ]


def test_preview_prints_json(home: Path) -> None:
    done = run_digest("preview", "--issue", "1", "--as", "nobody@example.org", "--json", cwd=home)
    told = json.loads(done.stdout)
    assert told["is_subscriber"] is False
    assert "nobody@example.org is no subscriber: this is what somebody without choices would get" in done.stderr
    assert told["subject"] == "Why the Compost Went Cold & What Fixed It, and 4 more"
    assert [len(group["posts"]) for group in told["content"]["groups"]] == [1, 2, 1, 1]
    assert told["files"]["eml"] == "preview/issue.eml"


def test_an_empty_next_issue_ends_with_four(home: Path) -> None:
    done = run_digest("preview", cwd=home)
    assert done.returncode == 4
    assert "no posts yet" in done.stderr


def test_a_broken_template_is_one_sentence_with_its_place(home: Path) -> None:
    own = home / "templates/issue/editorial"
    own.mkdir(parents=True)
    (own / "title.mjml.j2").write_text("<mj-section>\n  <mj-colum>", encoding="utf-8")
    database = Database(f"sqlite:///{home}/digest.db")
    with database.write() as session:
        session.connection().exec_driver_sql("update variant set html = null, text = null, subject = null")
    database.close()
    done = run_digest("preview", "--issue", "1", cwd=home)
    assert done.returncode == 1
    assert "title.mjml.j2, line 2, column 3: there is no component <mj-colum>" in done.stderr
    assert "did you mean mj-column?" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_page_is_served_on_loopback_and_to_no_other_name(home: Path) -> None:
    with served(home) as address:
        assert "A new roof for the shed" in load(address)
        assert "A new roof for the shed" in load(address + "issue.txt")
        with pytest.raises(urllib.error.HTTPError, match="403"):
            load(address, Host="evil.example")
        assert not list(home.glob("*.db-journal"))


def test_a_taken_port_is_a_usage_error(home: Path) -> None:
    with served(home) as address:
        port = address.rsplit(":", 1)[1].strip("/")
        done = run_digest("preview", "--issue", "1", "--serve", port, cwd=home)
    assert done.returncode == 2
    assert f"port {port} cannot be opened" in done.stderr


@pytest.mark.parametrize(("option", "says"), [("--out", "cannot be written"), ("--images", "cannot be read")])
def test_a_file_in_the_place_of_a_folder_is_told(home: Path, option: str, says: str) -> None:
    done = run_digest("preview", "--issue", "1", option, "digest.db", cwd=home)
    assert done.returncode == 1
    assert f"digest.db {says}" in done.stderr

"""`digest source check`: what was understood of a file, a folder or an address, without storing anything."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import run_digest
from tests.sources.scripted_server import ATOM, Answer, ScriptedServer, atom, serving

from digest.paths import sample

KEYS = set("id title title_made link published updated author topics language lead image minutes".split())  # noqa: SIM905


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScriptedServer]:
    """A site whose home page announces its feed; the folder's settings allow to fetch from it."""
    home = b'<!doctype html><link rel="alternate" type="application/atom+xml" href="/feed"><p>Hello'
    with serving() as server:
        server.script("/", Answer(body=home, headers={"Content-Type": "text/html"}))
        entry = ("tag:blog.test,2017:one", "One", "2017-08-11T10:00:00Z")
        server.script("/feed", Answer(body=atom(entry), headers={"Content-Type": ATOM}))
        settings = f'[fetch]\nports = [{server.port}]\nallow_private = ["127.0.0.0/8"]\n'
        (tmp_path / "digest.toml").write_text(settings, encoding="utf-8")
        yield server


def test_the_sample_feed_is_told_as_json_post_by_post(tmp_path: Path) -> None:
    done = run_digest("source", "check", sample("blogger-sample.atom"), "--json", cwd=tmp_path)
    told = json.loads(done.stdout)
    first = told["posts"][0]
    assert (done.returncode, done.stderr) == (0, "")
    assert told["title"] == "Notes from Lower Mill Allotments"
    assert set(first) == KEYS
    assert first["id"] == "tag:blogger.com,1999:blog-4839271650138842217.post-7710334958201147736"
    assert (first["published"], first["updated"]) == ("2017-08-11T14:42:00Z", "2017-08-11T14:42:24Z")
    assert (first["image"]["width"], first["image"]["height"]) == (320, 213)
    assert first["image"]["src"].endswith("/s320/first-runner-beans.jpg")
    assert first["title_made"] is True
    assert list(tmp_path.iterdir()) == []


def test_a_folder_names_its_broken_file_and_shows_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "posts"
    folder.mkdir()
    (folder / "good.md").write_text("---\ntitle: Good\n---\nText.", encoding="utf-8")
    (folder / "bad.md").write_text("---\ntitle: [a\n---\nText.", encoding="utf-8")
    done = run_digest("source", "check", folder, cwd=tmp_path)
    assert done.returncode == 0
    assert "Good" in done.stdout
    assert "bad.md, line" in done.stderr


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<html><p>Hi</p></html>", "is a web page, not a feed"),
        (b"", "is empty"),
        (b"x" * 6_000_000, "larger than 5 MiB"),
    ],
)
def test_what_is_no_feed_is_told_in_one_sentence_with_exit_code_one(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    (tmp_path / "file").write_bytes(content)
    done = run_digest("source", "check", "file", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr.splitlines()[0]
    assert "Traceback" not in done.stderr


def test_a_missing_file_and_an_unknown_zone_are_told(tmp_path: Path) -> None:
    assert run_digest("source", "check", "nowhere", cwd=tmp_path).returncode == 1
    done = run_digest("source", "check", "nowhere", "--zone", "Mars/Base", cwd=tmp_path)
    assert done.returncode == 2
    assert "no time zone" in done.stderr


def test_what_may_be_a_file_or_a_host_is_told_as_both(tmp_path: Path) -> None:
    done = run_digest("source", "check", "nosuch.invalid", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: there is no file nosuch.invalid, and there is no host named nosuch.invalid")


def test_an_address_is_fetched_and_a_home_page_names_its_feed(tmp_path: Path, server: ScriptedServer) -> None:
    site = f"http://127.0.0.1:{server.port}"
    done = run_digest("source", "check", f"{site}/feed", "--json", cwd=tmp_path)
    assert [post["title"] for post in json.loads(done.stdout)["posts"]] == ["One"]
    done = run_digest("source", "check", f"{site}/", cwd=tmp_path)
    assert done.returncode == 1
    assert "is a web page, not a feed" in done.stderr
    assert f"{site}/feed" in done.stderr

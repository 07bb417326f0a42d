"""`digest issue page`: the archive as files, for an admin without a web server."""

import json
import shutil
from pathlib import Path

import pytest
from tests.command import run_digest
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


def test_an_issue_is_written_as_a_page_of_its_own_twice_the_same(home: Path) -> None:
    words = ("issue", "page", "1", "--out", "site", "--base", "https://news.example", "--json")
    first, second = (run_digest(*words, cwd=home) for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    written = json.loads(first.stdout)
    file = home / written[0]["file"]
    assert file.parts[-4] == "archive"
    assert file.name == "index.html"
    html = file.read_text(encoding="utf-8")
    assert f'<link rel="canonical" href="{written[0]["url"]}">' in html
    assert written[0]["url"].startswith("https://news.example/archive/")
    assert "A new roof for the shed" in html


def test_without_an_address_it_says_so_and_with_a_file_in_the_way_it_cannot_write(home: Path) -> None:
    done = run_digest("issue", "page", "1", cwd=home)
    assert done.returncode == 0, done.stderr
    assert "--base URL" in done.stderr
    done = run_digest("issue", "page", "1", "--out", "digest.db", cwd=home)
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    done = run_digest("issue", "page", "7", cwd=home)
    assert done.returncode == 1
    assert "has no issue 7" in done.stderr

"""`digest links rotate`: a new key signs, and every link of an old mail goes on working."""

import shutil
from pathlib import Path

import pytest
from tests import cast
from tests.command import run_digest
from tests.web.served import served

from digest.core.links import Purpose, sign
from digest.core.states import IssueState
from digest.secret_files import read_keys
from digest.store.database import Database

ENV = {"DIGEST_SECRET_KEY": cast.KEY.decode()}


@pytest.fixture
def people(sqlite_template: Path, tmp_path: Path) -> cast.Cast:
    shutil.copyfile(sqlite_template, tmp_path / "digest.db")
    database = Database(f"sqlite:///{tmp_path}/digest.db")
    with database.write() as session:
        people = cast.assemble(session)
    database.close()
    return people


def test_a_site_that_runs_takes_the_new_key_and_links_of_old_mails_go_on_working(
    people: cast.Cast, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is served was opened before, and is not told; and no key of old mails is lost with its file."""
    database, file = Database(f"sqlite:///{tmp_path}/digest.db"), tmp_path / "secrets" / "link_keys"
    with served(database, tmp_path) as site:
        old = [sign(cast.KEY, Purpose.UNSUBSCRIBE, people.anna, people.newsletter)]
        for round_ in (1, 2):
            done = run_digest("links", "rotate", "--yes", cwd=tmp_path, env=ENV)
            assert done.returncode == 0, done.stderr
            assert "back up" in done.stderr
            keys = read_keys(file)
            assert site.app.link_keys == (*keys, cast.KEY)
            assert len(keys) == round_
            old.append(sign(keys[0], Purpose.UNSUBSCRIBE, people.anna, people.newsletter))
            assert [site.get(f"/unsubscribe/{token}").status for token in old] == [200] * len(old)
            assert keys[0].decode() not in done.stdout + done.stderr
        assert file.stat().st_mode & 0o077 == 0
        for spoil in (lambda: file.write_bytes(b"\xff\xfe"), lambda: file.write_bytes(b""), file.unlink):
            spoil()
            assert site.app.link_keys == (*keys, cast.KEY)
        assert len([one for one in caplog.records if "stay as they were" in one.message]) == 3
    database.close()


def test_it_is_refused_while_an_issue_is_on_its_way(people: cast.Cast, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/digest.db")
    with database.write() as session:
        for number in (7, 8):
            cast.add_issue(session, people, number, state=IssueState.SENDING, expected=1)
    database.close()
    done = run_digest("links", "rotate", "--yes", cwd=tmp_path, env=ENV)
    assert done.returncode == 1
    assert "issue 7 of weekly and issue 8 of weekly are on their way" in done.stderr
    assert "digest issue cancel 7 --newsletter weekly" in done.stderr
    assert not (tmp_path / "secrets" / "link_keys").exists()

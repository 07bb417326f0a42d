"""`digest lint`: the real command over files, stdin and an issue; and an issue that waits because of what it finds."""

import json
import shutil
from pathlib import Path

import pytest
from tests.command import run_digest
from tests.core.lint.samples import BROKEN_HTML, HTML, changed, message
from tests.sample_week import MONDAY, add_week

from digest.actions.publish import publish
from digest.core.states import IssueState
from digest.store import events
from digest.store.database import Database


def digest(*words: str | Path, cwd: Path, code: int = 0, **options) -> tuple[str, str]:
    done = run_digest(*words, cwd=cwd, **options)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout, done.stderr


def test_files_of_both_kinds_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "good.eml").write_bytes(message())
    (tmp_path / "bad.html").write_text(BROKEN_HTML["img-alt"])
    out, told = digest("lint", "good.eml", "bad.html", cwd=tmp_path, code=1)
    rows = [line.split("\t") for line in out.splitlines()]
    assert rows[0] == ["file", "severity", "rule", "place", "what", "mend"]
    assert [row[:3] for row in rows[1:]] == [["bad.html", "error", "img-alt"]]
    assert "2 looked at: 1 error, 0 warnings, 0 notes" in told
    found = json.loads(digest("lint", "bad.html", "--json", cwd=tmp_path, code=1)[0])
    assert found[0]["findings"][0]["rule"] == "img-alt"
    assert "no findings" not in digest("lint", "bad.html", "--ignore", "img-alt", cwd=tmp_path)[0]


def test_stdin_warnings_and_mail_to_one_person_end_well(tmp_path: Path) -> None:
    warned, _ = digest("lint", "-", cwd=tmp_path, input=BROKEN_HTML["link-words"])
    assert "link-words" in warned
    html = changed('<a href="https://news.example/leave/1">Unsubscribe</a>', "Bye")
    assert "list-unknown" in digest("lint", "-", cwd=tmp_path, input=html)[0]
    (tmp_path / "latin.html").write_bytes(HTML.replace("Friday", "Grüße").encode("latin-1"))
    assert "no UTF-8" in digest("lint", "latin.html", cwd=tmp_path, code=1)[0]
    digest("lint", "-", "--list", cwd=tmp_path, input=html, code=1)
    assert digest("lint", "-", "--transactional", cwd=tmp_path, input=html)[0] == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("lint",), "name files, or an issue"),
        (("lint", "words.eml"), "it has no headers"),
        (("lint", "empty.html"), "there is nothing in it"),
        (("lint", "good.html", "--ignore", "nonsense"), "there is no rule nonsense"),
        (("lint", "good.html", "--issue", "1"), "name files, or an issue"),
    ],
)
def test_what_cannot_be_linted_is_said(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    (tmp_path / "words.eml").write_text("just words\n")
    (tmp_path / "empty.html").write_text("\n \n")
    (tmp_path / "good.html").write_text(HTML)
    assert says in digest(*words, cwd=tmp_path, code=2)[1]
    assert "nowhere.eml cannot be read" in digest("lint", "nowhere.eml", cwd=tmp_path, code=1)[1]


def test_the_rules_are_listed(tmp_path: Path) -> None:
    assert "one-click\terror\t" in digest("lint", "--rules", cwd=tmp_path)[0]
    assert "one-click" in {one["rule"] for one in json.loads(digest("lint", "--rules", "--json", cwd=tmp_path)[0])}


@pytest.fixture
def held(sqlite_template: Path, tmp_path: Path) -> Path:
    """The sample week, in a theme whose pictures have no alt texts."""
    shutil.copyfile(sqlite_template, tmp_path / "digest.db")
    own = tmp_path / "templates" / "issue" / "editorial"
    own.mkdir(parents=True)
    (own / "title.mjml.j2").write_text(
        "<mj-section><mj-column><mj-text><h1>{{ issue.title }}</h1><img src='https://x.example/a.png' width='9'></mj-text>"
        "</mj-column></mj-section>"
    )
    database = Database(f"sqlite:///{tmp_path}/digest.db")
    with database.write() as session:
        add_week(session)
    (issue,) = publish(database, now=MONDAY, templates=tmp_path / "templates")
    assert issue.state is IssueState.DRAFT
    assert issue.reason.startswith("the linter has errors (img-alt): digest lint --issue 1")
    database.close()
    return tmp_path


def test_an_issue_with_errors_waits_until_they_are_allowed_by_name(held: Path) -> None:
    assert "img-alt" in digest("lint", "--issue", "1", cwd=held, code=1)[0]
    assert "img-alt" in digest("issue", "show", "1", cwd=held)[0]
    refused = digest("issue", "approve", "1", cwd=held, code=1)[1]
    assert "the linter has errors in issue 1: img-alt" in refused
    assert "--allow img-alt" in refused
    digest("issue", "approve", "1", "--allow", "img-alt", cwd=held)
    database = Database(f"sqlite:///{held}/digest.db")
    with database.read() as session:
        (linted,) = events.list_events(session, kind="issue.linted")
        (approved,) = events.list_events(session, kind="issue.approved")
    database.close()
    assert (linted.data, approved.data) == ({"rules": ["img-alt"]}, {"how": "command", "allowed": ["img-alt"]})


def test_all_that_a_preview_writes_may_be_named(tmp_path: Path) -> None:
    """Pictures beside its HTML are where the mail has them, and the page on the web is no mail."""
    digest("preview", "--sample", "--out", "preview", cwd=tmp_path)
    written = [f"preview/editorial/en/{name}" for name in ("issue.eml", "issue.html", "page.html")]
    assert 'src="images/' in (tmp_path / written[1]).read_text("utf-8")
    out, told = digest("lint", *written, "--json", cwd=tmp_path)
    found = {mail["file"]: {one["severity"] for one in mail["findings"]} for mail in json.loads(out)}
    assert set(found) == set(written[:2])
    assert not {"error", "warning"} & set().union(*found.values())
    assert "preview/editorial/en/page.html is left out: it is a page on the web, no mail" in told
    (tmp_path / "own.html").write_text('<img src="images/a.png" alt="">', encoding="utf-8")
    assert "img-https" in digest("lint", "own.html", cwd=tmp_path, code=1)[0]

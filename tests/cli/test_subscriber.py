"""`digest subscriber`, the real command: what it says, its exit codes, and that bad input changes nothing."""

import json
import os
import shutil
import signal
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests import cast
from tests.bench.import_subscribers import write_list
from tests.command import obey_permissions, run_digest, start_digest

from digest.cli.main import main
from digest.store.database import Database

ENV = {"DIGEST_SECRET_KEY": cast.KEY.decode()}


@pytest.fixture
def home(sqlite_template: Path, tmp_path: Path) -> Path:
    """A folder with a database that holds the cast."""
    shutil.copyfile(sqlite_template, tmp_path / "digest.db")
    database = Database(f"sqlite:///{tmp_path}/digest.db")
    with database.write() as session:
        cast.assemble(session)
    database.close()
    return tmp_path


@pytest.fixture
def digest(home, monkeypatch, capsys):
    """The command in this process, which spares the start of another: for what people do every day."""
    monkeypatch.chdir(home)
    for name in [name for name in os.environ if name.startswith("DIGEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DIGEST_SECRET_KEY", ENV["DIGEST_SECRET_KEY"])

    def digest(*arguments, code=0):
        monkeypatch.setattr(sys, "argv", ["digest", "subscriber", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        assert (ended.value.code or 0) == code, told.err + told.out
        return SimpleNamespace(stdout=told.out, stderr=told.err)

    return digest


@pytest.fixture
def process(home):
    """The command in a process of its own: for bad input and bad ends."""

    def process(*arguments, code=0, **options):
        done = run_digest("subscriber", *arguments, cwd=home, env=ENV, **options)
        assert done.returncode == code, done.stderr + done.stdout
        assert "Traceback" not in done.stderr
        return done

    return process


def dump(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "digest.db")) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [line for line in raw.iterdump() if "key_fingerprint" not in line]


@pytest.fixture
def refused(home, process):
    """The import of this content is refused in these words, with a next step, and changes nothing."""

    def refused(content: bytes, *arguments, words: str, next_step: str, code: int = 1, **options):
        (home / "people.csv").write_bytes(content)
        before = dump(home)
        done = process("import", "people.csv", *arguments, code=code, **options)
        told, then = done.stderr.splitlines()[-2:]
        assert words in told
        assert next_step in then
        assert dump(home) == before

    return refused


def test_a_person_from_the_first_day_to_the_last(digest, home):
    digest("add", "Emil@example.org", "--name", "Emil", "--consent", "at the reading", "--zone", "Europe/Berlin")
    assert "subscribed already" in digest("add", "emil@example.org", code=4).stderr
    shown = digest("show", "emil@example.org").stdout
    assert "at the reading" in shown
    assert "Europe/Berlin" in shown
    story = json.loads(digest("show", "EMIL@example.org", "--json").stdout)
    assert story["subscriptions"]["weekly"]["consent"]["how"] == "command"
    digest("edit", "emil@example.org", "--address", "emil@example.net", "--name", "")
    digest("end", "emil@example.net", "--why", "by letter")
    assert "add --again" in digest("add", "emil@example.net", code=1).stderr
    digest("add", "emil@example.net", "--again")
    assert "this needs --yes" in digest("erase", "emil@example.net", code=2).stderr
    digest("erase", "emil@example.net", "--yes")
    assert digest("show", "emil@example.net").stdout.startswith("suppressed  erased")
    assert "emil@" not in "".join(dump(home)).lower()


def test_a_suppression_comes_and_goes(digest):
    digest("suppress", "anna@example.org", "--note", "asked us")
    assert "suppressed already" in digest("suppress", "anna@example.org", code=4).stderr
    assert "asked us" in digest("show", "anna@example.org").stdout
    assert "(suppressed: admin)" in digest("unsuppress", "anna@example.org", code=2).stderr
    digest("unsuppress", "anna@example.org", "--yes")
    assert "not suppressed" in digest("unsuppress", "anna@example.org", code=4).stderr, "before it asks"


def test_a_language_that_is_none_is_refused_or_left_out(digest, home):
    assert "'xx-??' is no language tag" in digest("add", "emil@example.org", "--language", "xx-??", code=2).stderr
    told = digest("add", "emil@example.org", "--language", "pt_br").stderr
    assert "does not come in pt-BR: they get it in en" in told
    assert "--offer-language pt-BR" in told
    assert json.loads(digest("show", "emil@example.org", "--json").stdout)["subscriber"]["language"] == "pt-BR"
    assert "'zz' is no language" in digest("edit", "emil@example.org", "--language", "zz", code=2).stderr
    digest("edit", "emil@example.org", "--language", "")
    (home / "people.csv").write_text("email,language\nfrida@example.org,xx-yyyyy\ngina@example.org,DE\n")
    assert "1 row has no language tag that there is; left empty" in digest("import", "people.csv").stderr
    languages = [json.loads(digest("show", f"{who}@example.org", "--json").stdout) for who in ("frida", "gina")]
    assert [each["subscriber"]["language"] for each in languages] == [None, "de"]


def test_a_list_is_paged_and_filtered(digest):
    rows = [line.split("\t") for line in digest("list").stdout.splitlines()]
    assert rows[0] == ["id", "address", "name", "state", "since", "suppressed"]
    assert [(row[1], row[3], row[5]) for row in rows[1:]] == [
        ("anna@example.org", "active", "-"),
        ("ben@example.org", "pending", "-"),
        ("carl@example.org", "active", "complaint"),
        ("dora@example.org", "ended", "-"),
    ]
    done = digest("list", "--limit", "2", "--after", rows[1][0], "--json")
    assert [line["name"] for line in json.loads(done.stdout)] == ["Ben", "Carl"]
    assert "2 of 4 shown" in done.stderr
    assert len(digest("list", "--state", "ended").stdout.splitlines()) == 2


def test_an_unknown_newsletter_is_named_with_the_nearest(digest):
    assert "did you mean weekly?" in digest("list", "--newsletter", "wekly", code=1).stderr


def test_an_import_tells_what_it_did_and_a_second_that_there_was_nothing_to_do(digest, home):
    (home / "people.csv").write_text("email,name\nemil@example.org,Emil\nanna@example.org,Anna\n")
    first = digest("import", "people.csv", "--consent", "The form", "--json")
    report = json.loads(first.stdout)
    assert (report["new"], report["unchanged"], report["read_as"], first.stderr) == (1, 1, "CSV", "")
    assert "nothing to do" in digest("import", "people.csv", code=4).stderr


def test_a_dry_run_is_a_diff(digest, home):
    (home / "people.csv").write_text(
        "email,name\nemil@example.org,Emil\nanna@example.org,Anna B\ndora@example.org,\nx,\n"
    )
    before = dump(home)
    done = digest("import", "people.csv", "--dry-run", code=3)
    assert done.stdout.splitlines()[:4] == [
        "+  emil@example.org  Emil  active",
        "~  anna@example.org  Anna B  name: Anna → Anna B",
        "-  dora@example.org  has left; only they can come back",
        "!  line 5  An email address must have an @-sign",
    ]
    assert dump(home) == before
    assert not (home / "people.rejected.csv").exists()
    many = "".join(f"reader{number}@example.org\n" for number in range(60))
    (home / "people.csv").write_text(many)
    done = digest("import", "people.csv", "--dry-run")
    assert "and 10 more: --all shows them" in done.stderr
    assert len(digest("import", "people.csv", "--dry-run", "--all").stdout.splitlines()) > 60


def test_duplicate_and_invalid_addresses_and_one_who_left(process, home):
    text = "email\nemil@example.org\nEMIL@example.org\nnobody@\na b@example.org\ndora@example.org\ncarl@example.org\n"
    (home / "people.csv").write_text(text)
    done = process("import", "people.csv", "--json", code=3)
    report = json.loads(done.stdout)
    assert {name: report[name] for name in ("new", "skipped", "duplicates", "rejected")} == {
        "new": 1, "skipped": 2, "duplicates": 1, "rejected": 2,
    }  # fmt: skip
    assert "2 rows were rejected" in done.stderr
    assert [line.split(",")[0] for line in (home / "people.rejected.csv").read_text().splitlines()] == [
        "line",
        "4",
        "5",
    ]
    states = {line["address"]: line["state"] for line in json.loads(process("list", "--json").stdout)}
    assert states["dora@example.org"] == "ended"


def test_bad_files_are_refused_in_one_sentence(refused):
    refused(b"", words="people.csv: the list is empty", next_step="an address on each line")
    refused(b"email,name\n", words="a header and nobody under it", next_step="export it again")
    refused(
        b"Name,Kontakt\nAnna,anna@example.org\n",
        words="no column holds addresses; the columns are: Name, Kontakt",
        next_step="--map address=COLUMN",
    )
    refused(
        b"email,name\na@example.org,\xff\xfe\xfa\n", words="people.csv: line 2: broken encoding", next_step="--encod"
    )
    refused(
        b"email\nnobody\nnowhere\n",
        words="error: people.csv: none of its 2 rows can be used; line 2:",
        next_step="rejected.csv",
    )
    refused(b'email,name\na@example.org,"A\n', words="line 2: a quotation mark opens there", next_step="close it")
    refused(b"email\na@example.org\n", "--map", "name=nick", words="no column 'nick'", next_step="--map name=1", code=2)
    refused(b"email\na@example.org\n", "--map", "name", words="names no column", next_step="--map address", code=2)
    refused(b"email\na@example.org\n", "--encoding", "x", words="no encoding 'x'", next_step="cp1252", code=2)
    refused(
        b"email\na@example.org\nnobody\n", "--report", "nowhere/x.csv",
        words="nowhere/x.csv cannot be written", next_step="--report PATH",
    )  # fmt: skip
    refused(b"email\na@example.org\nnobody\n", "--report", ".", words="cannot be written", next_step="--report PATH")


def test_a_folder_a_missing_and_an_unreadable_file_are_refused(process, home):
    (home / "folder").mkdir()
    assert "folder is a folder, not a file" in process("import", "folder", code=1).stderr
    assert "/dev/null is not a regular file" in process("import", "/dev/null", code=1).stderr
    assert "there is no file missing.csv" in process("import", "missing.csv", code=1).stderr
    (home / "people.csv").write_text("anna@example.org\n")
    (home / "people.csv").chmod(0)
    done = process("import", "people.csv", code=1, preexec_fn=obey_permissions)
    assert "people.csv cannot be read: Permission denied" in done.stderr


@pytest.mark.parametrize(("blow", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_an_import_that_is_killed_or_interrupted_midway_leaves_no_trace_and_can_be_repeated(home, process, blow, code):
    write_list(home / "people.csv", 10_000)
    before = dump(home)
    with closing(sqlite3.connect(home / "digest.db")):  # keeps the write-ahead log in sight
        importing = start_digest("subscriber", "import", "people.csv", cwd=home, env=ENV)
        log, deadline = home / "digest.db-wal", time.monotonic() + 60
        while not (log.exists() and log.stat().st_size > 1 << 18):
            assert importing.poll() is None, importing.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.005)
        importing.send_signal(blow)
        _, told = importing.communicate(timeout=60)
    assert importing.returncode == code, told
    assert dump(home) == before
    report = json.loads(process("import", "people.csv", "--json", code=3).stdout)
    assert (report["new"], report["duplicates"], report["rejected"]) == (9_800, 100, 100)


def test_on_a_terminal_an_import_asks_for_the_words_that_they_agreed_to(process, digest, home):
    (home / "people.csv").write_text("emil@example.org\n")
    keyboard, terminal = os.openpty()
    os.write(keyboard, b"The form: weekly posts\n")
    done = process("import", "people.csv", stdin=terminal)
    os.close(keyboard)
    os.close(terminal)
    assert "Which words did they agree to?" in done.stderr
    assert "The form: weekly posts" in digest("show", "emil@example.org").stdout


def test_an_export_is_guarded_and_goes_to_a_file_or_a_pipe(digest, home):
    digest("add", "+emil@example.org", "--name", "=1+1")
    text = digest("export").stdout
    assert '"\'+emil@example.org","\'=1+1","active"' in text
    assert "5 people in out.csv" in digest("export", "--output", "out.csv").stderr
    assert (home / "out.csv").read_text() == text
    assert json.loads(digest("export", "--json").stdout)[4]["name"] == "=1+1"
    digest("import", "out.csv", code=4)

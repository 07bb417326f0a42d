"""Running turns and steering issues by command; and every way that mail cannot go out, told in one sentence."""

import json
import mailbox
import re
import shutil
import ssl
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from aiosmtpd.smtp import AuthResult
from sqlalchemy import text
from tests import cast
from tests.cli.terminal import type_to_digest
from tests.listening import MailController
from tests.processes import add_sending_issue, mail_server

from digest.cli.main import main
from digest.cli.run import steps_for_unknown
from digest.clock import system_clock
from digest.core.states import DeliveryState
from digest.store import sending
from digest.store.database import Database

Digest = Callable[..., tuple[int, str, str]]


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Digest:
    """The command by its real entry point: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIGEST_SECRET_KEY", cast.KEY.decode())

    def run(*words: str, **settings: object) -> tuple[int, str, str]:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["digest", *words])
            for name, value in settings.items():
                patch.setenv(f"DIGEST_{name}", str(value))
            code = 0
            try:
                main()
            except SystemExit as stop:
                code = int(stop.code or 0)
        done = capsys.readouterr()
        return code, done.out, done.err

    return run


@pytest.fixture
def home(tmp_path: Path, sqlite_template: Path) -> Iterator[Database]:
    """Issue 1 of `weekly` goes out to three readers."""
    shutil.copyfile(sqlite_template, tmp_path / "digest.db")
    database = Database(f"sqlite:///{tmp_path}/digest.db")
    add_sending_issue(database, 3)
    yield database
    database.close()


def smtp(port: int, **more: object) -> dict[str, object]:
    plain = {"MAIL__TRANSPORT": "smtp", "SMTP__HOST": "127.0.0.1", "SMTP__PORT": port, "SMTP__SECURITY": "plain"}
    return plain | more


def issue_row(database: Database) -> tuple[str, str | None]:
    with database.read() as session:
        return tuple(session.execute(text("SELECT state, reason FROM issue")).one())


def counts(database: Database) -> dict[DeliveryState, int]:
    with database.read() as session:
        return dict(sending.count_deliveries(session, 1))


def test_a_run_delivers_into_the_maildir_and_says_so_and_the_next_has_nothing_to_do(
    digest: Digest, home: Database, tmp_path: Path
) -> None:
    code, out, err = digest("run")
    assert code == 0, err
    assert "deliver\tweekly 1\t3 accepted of 3; done" in out
    assert f"the mail is in the folder {tmp_path}/mailbox: no mail server is set up" in err
    assert len(list(mailbox.Maildir(tmp_path / "mailbox", create=False))) == 3
    code, out, err = digest("run")
    assert (code, out) == (4, "")
    assert "nothing is due" in err


def test_a_run_says_of_which_newsletter_it_speaks(digest: Digest, home: Database) -> None:
    now = system_clock()
    with home.write() as session:
        for slug, approval in (("held-back", True), ("empty", False)):
            newsletter = cast.add_newsletter(session, slug, approval=approval)
            rule = f"daily at {now - timedelta(minutes=1):%H:%M}"
            cadence = cast.add_cadence(session, newsletter, rule=rule, zone="UTC", started_at=now - timedelta(hours=25))
            if approval:
                post = cast.add_post(session, cast.add_source(session, newsletter, state="paused"), "one")
                cast.add_claim(session, cadence, post)
    code, out, err = digest("run", "--no-gather")
    assert code == 0, err
    assert "publish\theld-back 1\tdraft" in out
    assert "issue 1 of held-back waits for approval\nnext: digest issue approve 1 --newsletter held-back" in err
    missed, closed = [line for line in out.splitlines() if line.startswith("publish\tempty slot ")]
    assert (missed.split(": ", 1)[1], closed.split(": ", 1)[1]) == (
        f"missed; its posts go with the slot of {closed.split()[3]}", "empty: nothing was published"
    )  # fmt: skip
    assert f"the slot {missed.split()[3]} of empty was missed" in err


def test_a_run_counts_what_it_does_on_a_terminal(digest: Digest, home: Database, tmp_path: Path) -> None:
    with home.write() as session:
        (tmp_path / "posts").mkdir()
        (tmp_path / "posts" / "one.md").write_text("# One\n\nA post.\n")
        cast.add_source(session, 1, url=str(tmp_path / "posts"), kind="folder")
    code, shown = type_to_digest("run", cwd=tmp_path, answers=[])
    assert (code, "3 accepted of 3; done" in shown) == (0, True), shown
    assert "gathering" in shown
    assert shown.index("gathering") < shown.index("sending")


def test_the_bar_of_a_run_has_rate_and_time_left_and_tells_what_waits_apart(
    digest: Digest, home: Database, tmp_path: Path
) -> None:
    with home.write() as session:
        for number in range(3, 40):
            cast.add_subscription(session, 1, cast.add_subscriber(session, f"reader{number}@x.example"))
    with mail_server(seconds=0.2) as (inbox, port):
        inbox.greylisted = ("reader3@x.example", "reader9@x.example")
        env = {f"DIGEST_{name}": str(value) for name, value in smtp(port).items()}
        code, shown = type_to_digest("run", "--no-gather", cwd=tmp_path, answers=[], env=env)
    assert (code, "38 accepted, 2 deferred of 40" in shown, len(inbox.log)) == (0, True, 38), shown
    shown = re.sub(r"\x1b\[[\d;]*m", "", shown)
    assert re.search(r"\d+/40 +[\d,]+\.\d/s +0:00:\d\d", shown), shown
    assert "sending, 2 to be tried again" in shown
    assert max(int(done) for done in re.findall(r"(\d+)/40", shown)) == 38, "a deferral is not done"
    assert "digest.actions" not in shown
    assert "issue=1" not in shown, "on a terminal there are no log lines"


def test_a_run_that_finds_nothing_due_says_what_does_not_move(digest: Digest, home: Database) -> None:
    with home.write() as session:
        (issue,) = sending.sending_issues(session)
        sending.start_sending(session, issue, now=datetime(2026, 1, 1, tzinfo=UTC))
        session.execute(
            text(
                "UPDATE delivery SET not_before = '2096-01-01 00:00:00', code = 452, tries = 1, "
                "settled_at = '2026-01-01 00:00:00.000000', trying_since = '2026-01-01 00:00:00.000000'"
            )
        )
    code, out, err = digest("run", "--quiet")
    assert (code, out) == (4, "")
    assert "issue weekly 1 does not move: no message has come through since 2025-12-31 16:00 America" in err
    assert "the mail server answers 452\nnext: digest delivery list 1 --newsletter weekly" in err


def test_a_run_tells_programs_in_json(digest: Digest, home: Database) -> None:
    code, out, _ = digest("run", "--json", "--no-gather")
    told = json.loads(out)
    assert (code, told["gathered"], told["delivered"]["accepted"]) == (0, None, 3)
    assert told["delivered"]["issues"][0]["newsletter"] == "weekly"


def test_a_dry_run_changes_nothing(digest: Digest, home: Database, tmp_path: Path) -> None:
    code, out, _ = digest("run", "--dry-run")
    assert (code, "deliver\tweekly 1\tits deliveries are made" in out) == (0, True)
    assert counts(home) == {}
    assert not (tmp_path / "mailbox").exists()


def test_a_closed_port_keeps_everything_queued_and_exits_with_try_later(digest: Digest, home: Database) -> None:
    with mail_server() as (_, port):
        pass
    code, _, err = digest("run", "--no-gather", **smtp(port))
    assert code == 75
    assert err.splitlines() == [
        f"error: 127.0.0.1:{port} cannot be reached: Connection refused", "next: check smtp.host and smtp.port"
    ]  # fmt: skip
    assert (issue_row(home), counts(home)) == (("sending", None), {DeliveryState.QUEUED: 3})


def test_plain_text_to_another_machine_is_a_mistake_in_the_settings(digest: Digest, home: Database) -> None:
    code, _, err = digest("run", "--no-gather", **smtp(25, SMTP__HOST="mail.example"))
    assert code == 1
    assert err.startswith("error: smtp.security is plain, but mail.example is another machine")
    assert counts(home) == {}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure_server(authority: trustme.CA) -> Iterator[int]:
    """STARTTLS and a login: ana, with the password `right`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    def check(server, session, envelope, mechanism, data) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"ana", b"right"), handled=False)

    with mail_server() as (inbox, port):
        pass
    options = {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": check}
    controller = MailController(inbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    yield port
    controller.stop()


def test_a_wrong_password_pauses_the_issue_and_the_right_one_sends_it(
    digest: Digest, home: Database, secure_server: int, authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets" / "smtp_password").write_text("wrong\n")
    settings = smtp(secure_server, SMTP__SECURITY="starttls", SMTP__CA_FILE="ca.pem", SMTP__USERNAME="ana")
    code, _, err = digest("run", "--no-gather", **settings)
    told, step = err.splitlines()
    assert code == 75
    assert told.startswith(f"error: 127.0.0.1:{secure_server} refused the user name or password: 535")
    assert told.endswith("issue weekly 1 is paused")
    assert step == "next: mend that, then run: digest issue resume 1 --newsletter weekly"
    assert issue_row(home)[0] == "paused"
    assert digest("run", "--no-gather", **settings)[0] == 4, "no further try with the wrong password"
    (tmp_path / "secrets" / "smtp_password").write_text("right\n")
    assert digest("issue", "resume", "1")[0] == 0
    assert digest("run", "--no-gather", **settings)[0] == 0
    assert counts(home) == {DeliveryState.ACCEPTED: 3}


def test_a_certificate_that_nobody_vouches_for_gets_no_mail(digest: Digest, home: Database, secure_server: int) -> None:
    code, _, err = digest("run", "--no-gather", **smtp(secure_server, SMTP__SECURITY="starttls"))
    assert code == 75
    assert f"127.0.0.1:{secure_server}: its certificate cannot be trusted" in err
    assert "smtp.ca_file" in err
    assert counts(home) == {DeliveryState.QUEUED: 3}


def test_an_issue_is_paused_resumed_and_cancelled_by_command(digest: Digest, home: Database) -> None:
    assert digest("issue", "pause", "1")[0] == 0
    assert issue_row(home) == ("paused", "by the admin")
    code, _, err = digest("issue", "pause", "1")
    assert (code, err.splitlines()[0]) == (
        1, "error: issue 1 is paused and cannot be paused: only one that is sending can be"
    )  # fmt: skip
    assert digest("issue", "resume", "1")[0] == 0
    assert digest("issue", "cancel", "1")[0] == 2, "not without a yes"
    assert issue_row(home) == ("sending", None)
    assert digest("issue", "cancel", "1", "--yes")[0] == 0
    assert issue_row(home)[0] == "cancelled"
    assert digest("run", "--no-gather")[0] == 4
    assert digest("issue", "pause", "9")[0] == 1


def test_without_a_number_the_only_issue_that_can_be_meant_is_taken(digest: Digest, home: Database) -> None:
    code, out, err = digest("issue", "pause", "--json")
    assert (code, json.loads(out)["state"], json.loads(out)["newsletter"]) == (0, "paused", "weekly")
    assert err.splitlines() == ["issue 1 of weekly is paused", "next: digest issue resume 1 --newsletter weekly"]
    code, out, err = digest("issue", "pause")
    assert (code, out, err.splitlines()[0]) == (4, "", "no issue of weekly is going out: issue 1 is paused")
    assert json.loads(digest("issue", "resume", "--json")[1])["state"] == "sending"
    with home.write() as session:
        people = cast.Cast(newsletter=1, cadence=1, anna=0, ben=0, carl=0, dora=0)
        cast.add_issue(session, people, 2, state="sending")
    code, _, err = digest("issue", "pause")
    assert (code, err.splitlines()) == (
        2,
        ["error: more than one issue of weekly is going out", "next: say which: 1, 2"],
    )
    assert digest("issue", "cancel", "--yes")[0] == 2, "what cannot be undone is named"


def test_a_run_tells_where_to_look_for_what_nobody_knows(digest: Digest, home: Database) -> None:
    with home.write() as session:
        sending.start_sending(session, 1, now=cast.NOW)
        session.execute(
            text("UPDATE delivery SET state = 'inflight', owner = 'dead', lease_until = '2000-01-01' WHERE id = 1")
        )
    _, _, err = digest("run", "--no-gather")
    assert "next: digest delivery list 1 --newsletter weekly --uncertain; docs/delivery.md" in err
    with home.write() as session:  # as if somebody had settled it between the turn and the remark
        session.execute(text("UPDATE delivery SET state = 'accepted' WHERE id = 1"))
    assert "; ".join(steps_for_unknown(home, {1: "weekly"})) == "docs/delivery.md says what to do"


def test_what_nobody_knows_is_listed_and_resolved_by_the_admin(digest: Digest, home: Database) -> None:
    assert digest("run", "--no-gather")[0] == 0
    with home.write() as session:
        session.execute(text("UPDATE delivery SET state = 'uncertain' WHERE id < 3"))
    code, out, _ = digest("delivery", "list", "1", "--uncertain")
    assert (code, [line.split("\t")[0] for line in out.splitlines()[1:]]) == (
        0, ["reader0@x.example", "reader1@x.example"]
    )  # fmt: skip
    code, out, _ = digest("delivery", "accept", "1", "reader0@x.example", "--yes", "--json")
    told = {"newsletter": "weekly", "number": 1, "chosen": 1, "moved": 1, "state": "accepted"}
    assert (code, json.loads(out)) == (0, told)
    code, _, err = digest("delivery", "retry", "1", "--yes")
    assert (code, err.splitlines()[0]) == (2, "error: say whose deliveries: none is named")
    assert digest("delivery", "retry", "1", "--uncertain")[0] == 2, "not without a yes"
    code, out, err = digest("delivery", "retry", "--uncertain", "--dry-run", "--json")
    assert (code, json.loads(out)) == (0, told | {"moved": 0, "state": "queued"})
    assert err == "1 deliveries of weekly 1 would be queued\n"
    assert counts(home) == {DeliveryState.ACCEPTED: 2, DeliveryState.UNCERTAIN: 1}
    assert digest("delivery", "retry", "--uncertain", "--yes")[0] == 0
    assert issue_row(home)[0] == "sending"
    assert digest("run", "--no-gather")[0] == 0
    assert counts(home) == {DeliveryState.ACCEPTED: 3}
    assert digest("delivery", "retry", "1", "--uncertain", "--yes")[0] == 4
    assert digest("delivery", "accept", "--uncertain", "--yes")[0] == 4


def test_all_that_is_held_is_accepted_at_once_and_whom_nobody_waits_for_is_told(digest: Digest, home: Database) -> None:
    assert digest("run", "--no-gather")[0] == 0
    with home.write() as session:
        session.execute(text("UPDATE delivery SET state = 'uncertain'"))
    code, _, err = digest("delivery", "accept", "1", "READER0@x.example", "nobody@x.example", "--yes")
    assert (code, err.splitlines()[:2]) == (
        3, ["1 deliveries are accepted", "of 1 that are named, no delivery waits for that"]
    )  # fmt: skip
    code, _, err = digest("delivery", "accept", "--uncertain", "--yes")
    assert (code, err) == (0, "2 deliveries are accepted\n")
    assert counts(home) == {DeliveryState.ACCEPTED: 3}


def test_deliveries_are_listed_a_page_at_a_time(digest: Digest, home: Database) -> None:
    assert digest("run", "--no-gather")[0] == 0
    code, out, err = digest("delivery", "list", "1", "--limit", "2", "--json")
    assert (code, [row["id"] for row in json.loads(out)]) == (0, [1, 2])
    assert err.splitlines()[-1] == "next: digest delivery list 1 --newsletter weekly --limit 2 --after 2"
    code, out, err = digest("delivery", "list", "1", "--limit", "2", "--after", "2")
    assert (code, len(out.splitlines()), err) == (0, 2, "")


def test_what_is_cancelled_is_not_sent_again(digest: Digest, home: Database) -> None:
    assert digest("run", "--no-gather")[0] == 0
    with home.write() as session:
        session.execute(text("UPDATE delivery SET state = 'uncertain'"))
        session.execute(text("UPDATE issue SET state = 'cancelled'"))
    code, _, err = digest("delivery", "retry", "--uncertain", "--yes")
    assert (code, err.splitlines()[0]) == (
        1, "error: issue 1 is cancelled and cannot be sent again: it goes no further"
    )  # fmt: skip
    assert digest("delivery", "accept", "--uncertain", "--yes")[0] == 0


def test_mail_that_is_days_late_is_held_and_the_run_says_how_to_go_on(digest: Digest, home: Database) -> None:
    with mail_server() as (_, port):
        pass
    assert digest("run", "--no-gather", **smtp(port))[0] == 75
    with home.write() as session:
        session.execute(text("UPDATE issue SET sending_at = '2020-01-01 00:00:00.000000'"))
    code, _, err = digest("run", "--no-gather")
    assert code == 3
    assert "issue 1 of weekly is paused: nothing could be sent for" in err
    assert "next: digest issue resume 1 --newsletter weekly sends it all the same" in err
    assert digest("issue", "resume", "1")[0] == 0
    assert digest("run", "--no-gather")[0] == 0
    assert counts(home) == {DeliveryState.ACCEPTED: 3}


def test_a_refusal_that_names_its_reader_is_told_without_the_address(digest: Digest, home: Database) -> None:
    with home.write() as session:
        for number in (3, 4):
            cast.add_subscription(session, 1, cast.add_subscriber(session, f"reader{number}@x.example"))
    with mail_server() as (inbox, port):
        inbox.refusal = "554 5.7.1 <{recipient}>: not from you"
        told = [digest("run", "--no-gather", **smtp(port, SMTP__CONNECTIONS=1))]
    assert issue_row(home) == (
        "paused", f"127.0.0.1:{port} refused the sender 5 times in a row: 554 5.7.1 at the dot"
    )  # fmt: skip
    told += [digest("issue", "list"), digest("issue", "show", "1"), digest("issue", "list", "--json")]
    assert not [line for _, *said in told for line in said if "@x.example" in line]
    listed = digest("delivery", "list", "1")[1]
    assert "<reader0@x.example>: not from you" in listed
    assert (" America/Los_Angeles\t" in listed, " UTC\t" in listed) == (True, False), (
        "its next try by the newsletter's clock"
    )


def test_in_a_pipe_the_sending_is_told_in_lines_and_quiet_tells_nothing(digest: Digest, home: Database) -> None:
    code, _, err = digest("run", "--no-gather", LOGS__FORMAT="json")
    lines = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    assert code == 0
    assert [(line["message"], line["issue"], line["newsletter"], line["expected"]) for line in lines] == [
        ("sending", 1, "weekly", 3), ("delivered", 1, "weekly", 3)
    ]  # fmt: skip
    assert (lines[-1]["accepted"], lines[-1]["rate"] > 0, "@" in err) == (3, True, False)
    with home.write() as session:
        session.execute(text("UPDATE delivery SET state = 'queued'"))
        session.execute(text("UPDATE issue SET state = 'sending'"))
    assert digest("run", "--no-gather", "--quiet")[2].count("sending") == 0

"""`digest issue approve|pause|resume|cancel|test`: the commands for an issue that goes out. They join `cli/issue`."""

from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli import issue as issues
from digest.cli.context import open_app
from digest.cli.issue import Number, summary
from digest.cli.options import AsJson, Newsletter, Yes
from digest.cli.output import confirm, note, print_json

if TYPE_CHECKING:
    from pathlib import Path

    from digest.actions.copies import TestCopy
    from digest.core.model import Issue
    from digest.core.model import Newsletter as Owner
    from digest.core.people import Outcome
    from digest.core.states import IssueState
    from digest.errors import DigestError
    from digest.store.database import Session

app = issues.app

Chosen = Annotated[
    int | None, typer.Argument(metavar="NUMBER", help="The issue's number; not needed where only one can be meant.")
]


@app.command()
def approve(
    context: typer.Context,
    number: Chosen = None,
    newsletter: Newsletter = None,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="A rule whose errors do not matter; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let an issue that waits for approval go out.

    It goes out with the next run, or at once where the daemon runs. An issue in which the linter has errors goes out only where each of its rules is allowed by name.

    Example: digest issue approve 12
    """
    from digest.actions.publish import approve_issue
    from digest.core.states import IssueState

    opened = open_app(context)
    with opened.database.write() as session:
        owner, issue = choose(session, newsletter, number, IssueState.DRAFT, which="waits for approval")
        approve_issue(session, issue, now=opened.clock(), allow=allow or ())
        issue = _again(session, issue)
    _tell(owner, issue, "is approved", next_step="digest run, or wait for the daemon", as_json=as_json)


@app.command()
def pause(
    context: typer.Context, number: Chosen = None, newsletter: Newsletter = None, as_json: AsJson = False
) -> None:
    """Stop an issue that goes out, until it is resumed.

    Takes effect at once, in every process, before the next message's end.

    Example: digest issue pause 12
    """
    from digest.actions.control import pause_issue
    from digest.core.states import IssueState

    opened = open_app(context)
    with opened.database.write() as session:
        owner, issue = choose(session, newsletter, number, IssueState.SENDING, which="is going out")
        pause_issue(session, issue, now=opened.clock())
        issue = _again(session, issue)
    step = f"digest issue resume {issue.number} --newsletter {owner.slug}"
    _tell(owner, issue, "is paused", next_step=step, as_json=as_json)


@app.command()
def resume(
    context: typer.Context, number: Chosen = None, newsletter: Newsletter = None, as_json: AsJson = False
) -> None:
    """Let a paused issue go on where it stopped.

    Who has it does not get it again.

    Example: digest issue resume 12
    """
    from digest.actions.control import resume_issue
    from digest.core.states import IssueState

    opened = open_app(context)
    with opened.database.write() as session:
        owner, issue = choose(session, newsletter, number, IssueState.PAUSED, which="is paused")
        resume_issue(session, issue, now=opened.clock())
        issue = _again(session, issue)
    _tell(owner, issue, "goes on", next_step="digest run, or wait for the daemon", as_json=as_json)


@app.command()
def cancel(
    context: typer.Context, number: Number, newsletter: Newsletter = None, *, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Stop an issue for good. Cannot be undone.

    Mail that is out stays out; nobody else gets it.

    Example: digest issue cancel 12 --yes
    """
    from digest.actions.control import cancel_issue

    opened = open_app(context)
    with opened.database.read() as session:
        owner, issue = find(session, newsletter, number)
    confirm(f"cancel issue {number} of {owner.slug} for good?", yes=yes)
    with opened.database.write() as session:
        cancel_issue(session, issue, now=opened.clock())
        issue = _again(session, issue)
    _tell(owner, issue, "is cancelled", as_json=as_json)


@app.command("test")
def send_test(
    context: typer.Context,
    number: Annotated[int | None, typer.Argument(metavar="NUMBER", help="Its number; else the newest.")] = None,
    *,
    to: Annotated[str, typer.Option(metavar="ADDRESS", help="Where the copy goes.")],
    newsletter: Newsletter = None,
    as_json: AsJson = False,
) -> None:
    """Send one copy, marked [Test], to an address of yours.

    Without a number it is the newest issue; where none was made yet, what the next one would be. Nothing is claimed or
    recorded, nobody's delivery is touched, and its links to leave are made for nobody.

    Example: digest issue test --to you@example.org
    """
    import asyncio

    from digest.actions.copies import send_test_copy

    opened = open_app(context)
    copy = asyncio.run(
        send_test_copy(
            opened.database,
            transport=opened.transport(),
            newsletter=newsletter,
            number=number,
            to=to,
            key=opened.key,
            base_url=opened.settings.web.base_url,
            templates=opened.settings.path(opened.settings.templates),
            signer=opened.signer(),
            now=opened.clock(),
        )
    )
    _tell_copy(copy, opened.settings.path(opened.settings.mail.maildir), as_json=as_json)


def find(session: "Session", slug: str | None, number: int) -> "tuple[Owner, Issue]":
    """A newsletter and its issue of this number.

    Raises:
        NotFound: there is none.
        UsageError: no newsletter is named, and there are several.
    """
    from digest.actions.choose_issue import choose_issue
    from digest.actions.choose_newsletter import choose_newsletter

    owner = choose_newsletter(session, slug)
    return owner, choose_issue(session, owner, number)


def choose(
    session: "Session", slug: str | None, number: int | None, state: "IssueState", *, which: str
) -> "tuple[Owner, Issue]":
    """`find`; without a number the only issue that the command can be about."""
    from digest.actions.choose_issue import only_issue
    from digest.actions.choose_newsletter import choose_newsletter

    if number is not None:
        return find(session, slug, number)
    owner = choose_newsletter(session, slug)
    return owner, only_issue(session, owner, (state,), which=which)


def _again(session: "Session", issue: "Issue") -> "Issue":
    from digest.store.issues import get_issue

    return get_issue(session, issue.id)


def _tell(owner: "Owner", issue: "Issue", what: str, *, as_json: bool, next_step: str | None = None) -> None:
    if as_json:
        print_json(summary(issue, owner.slug))
    note(f"issue {issue.number} of {owner.slug} {what}", next_step=next_step)


def _tell_copy(copy: "TestCopy", mailbox: "Path", *, as_json: bool) -> None:
    from digest.core.states import OutcomeKind

    outcome = copy.outcome
    if outcome.kind is not OutcomeKind.ACCEPTED:
        raise _refusal(outcome)
    if as_json:
        print_json(copy)
    which = f"issue {copy.number} of {copy.newsletter}" + (" as it would be now" if copy.drafted else "")
    is_kept = outcome.server == "maildir"
    where = f"is in {mailbox / 'new'}: {outcome.reply}" if is_kept else f"was taken by {outcome.server}"
    note(f"a copy of {which} {where}")


def _refusal(outcome: "Outcome") -> "DigestError":
    """Why the server did not take the copy. Its own words are shown: they are about the admin's own address."""
    from digest.core.policy import Blame, whom_to_blame
    from digest.core.states import OutcomeKind
    from digest.errors import DigestError, LoginRefused, TransportError

    said = " ".join(str(part) for part in (outcome.code, outcome.reply) if part)
    why = f"{outcome.server or 'the mail server'} did not take the copy: {said or 'the connection broke'}"
    blame = whom_to_blame(outcome)
    if blame is Blame.LOGIN:
        return LoginRefused(why, next_step="set smtp.username in digest.toml and write secrets/smtp_password")
    if outcome.kind is OutcomeKind.UNCERTAIN:
        return TransportError(f"nobody knows whether {outcome.server} took the copy: {said}", next_step="look for it")
    if outcome.kind is not OutcomeKind.REFUSED:
        return TransportError(why, next_step="try again later")
    if blame is Blame.SENDER:
        return DigestError(why, next_step="ask the server's provider which senders and messages it takes")
    return DigestError(why, next_step="check the address")

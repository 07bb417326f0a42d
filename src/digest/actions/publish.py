"""Periods ─▶ issues on their way out.

 close what is due ─▶ frozen ─▶ render what is missing ─▶ draft  (waits for approval, or for its deadline)
                   └▶ skipped (empty, thin, too late)    └▶ sending (deliver makes its deliveries)

Each arrow is a transaction or compare-and-set of its own, so a turn that is killed anywhere is taken up by the next.
Freezing reads no template and rendering changes no content: a broken template delays an issue and loses nothing.
"""

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from digest.actions.clicks import link_rules
from digest.actions.close import close_periods
from digest.actions.lint_issue import LINTED, find_errors, held_by
from digest.actions.subject_tests import decide_tests, has_two
from digest.actions.variants import showing, variants_for
from digest.core.model import Issue, Newsletter, Rendered, Variant
from digest.core.states import IssueState
from digest.errors import Conflict, DigestError
from digest.render.headline import set_apart
from digest.render.issue import render_issue
from digest.store import events
from digest.store import issues as store
from digest.store.database import Database, Session
from digest.store.newsletters import get_newsletter, list_newsletters, newsletter_of_id

log = logging.getLogger(__name__)

_AT_ONCE = 16
"""Variants that are rendered, then kept in one commit; who dies before it renders them again."""


def publish(
    database: Database,
    *,
    now: datetime,
    web_base: str | None = None,
    only: str | None = None,
    hold: bool = True,
    templates: Path | None = None,
    link_key: bytes | None = None,
) -> tuple[Issue, ...]:
    """Close the periods that are due, render what is frozen, let go what may go. Run it twice: the same issues.

    `only` is a newsletter's slug; `hold=False` closes periods although the clock seems to have jumped; `templates`
    is the folder of the user's own; `link_key` signs links that count clicks, where a newsletter wants them.
    Returns the issues that this call made, moved or could not render, each as it stands
    now. A failure to render stays with its issue (frozen, with a reason and an event) and is tried again and told by
    each call until it is mended; the other newsletters go on.

    Raises:
        NotFound: there is no newsletter `only`.
        DatabaseError: the database refused.
    """
    with database.read() as session:
        newsletters = (get_newsletter(session, only),) if only else list_newsletters(session)
    touched: dict[int, None] = {}  # ids in order
    for newsletter in newsletters:
        touched.update(dict.fromkeys(decide_tests(database, newsletter, now=now)))
        closed = close_periods(database, newsletter, now=now, hold=hold)
        touched.update(dict.fromkeys(issue.id for issue in closed))
        for issue in _list(database, newsletter, IssueState.FROZEN):
            render_variants(database, issue, newsletter, now=now, web_base=web_base, templates=templates,
                            link_key=link_key)  # fmt: skip
            _let_go(database, issue.id, now=now, web_base=web_base)
            touched[issue.id] = None
        _render_late(database, newsletter, now=now, web_base=web_base, templates=templates)
        touched.update(dict.fromkeys(_keep_deadlines(database, newsletter, now=now)))
    return _read(database, touched)


def render_variants(
    database: Database,
    issue: Issue,
    newsletter: Newsletter,
    *,
    now: datetime,
    web_base: str | None = None,
    templates: Path | None = None,
    link_key: bytes | None = None,
) -> bool:
    """Render what is missing of an issue. False where something failed: then the issue says what.

    No transaction is open while templates run; of two processes that render, the first to finish is kept.
    """
    two_subjects = has_two(issue, newsletter, counts=bool(web_base and link_key))
    with database.write() as session:
        wanted = variants_for(session, issue, newsletter, now=now)
        if two_subjects:
            wanted = tuple(each for one in wanted for each in (one, replace(one, second=True)))
        store.add_variants(session, issue.id, wanted)
        variants = store.list_variants(session, issue.id)

    def render(variant: Variant, shown: Issue) -> Rendered:
        return render_mail(
            shown, newsletter, language=variant.language, web_base=web_base, templates=templates,
            link_key=link_key, second=variant.second, counted=issue,
        )  # fmt: skip

    missing = [one for one in variants if one.rendered is None]
    for start in range(0, len(missing), _AT_ONCE):
        batch = missing[start : start + _AT_ONCE]
        try:
            with database.read() as session:
                shown = [showing(session, issue, newsletter, one) for one in batch]
            rendered = [render(one, each) for one, each in zip(batch, shown, strict=True)]
        except DigestError as error:
            _note_failure(database, issue, error.message, now=now)
            return False
        except Exception as fault:  # recursion, memory, a bug: it is this issue's, and the others go on
            if _note_failure(database, issue, f"a fault in digest itself: {type(fault).__name__}", now=now):
                log.exception("an issue was not rendered", extra={"issue": issue.id, "fault": type(fault).__name__})
            return False
        _keep(database, issue, batch, rendered)
    return True


def _keep(database: Database, issue: Issue, variants: Sequence[Variant], rendered: Sequence[Rendered]) -> None:
    """Keep what was rendered, each with a subject that no earlier issue had."""
    with database.write() as session:
        apart = apart_from_others(session, issue, rendered, languages=[one.language for one in variants])
        store.save_rendered(session, {one.id: each for one, each in zip(variants, apart, strict=True)})


def apart_from_others(
    session: Session, issue: Issue, rendered: Sequence[Rendered], *, languages: Sequence[str]
) -> list[Rendered]:
    """With the issue's number in the subject where another issue has the same."""
    taken = store.taken_subjects(session, {each.subject for each in rendered}, issue=issue)
    return [
        replace(each, subject=set_apart(each.subject, number=issue.number or 0, language=language))
        if each.subject in taken
        else each
        for each, language in zip(rendered, languages, strict=True)
    ]


def approve_issue(
    session: Session, issue: Issue, *, now: datetime, how: str = "command", allow: Collection[str] = ()
) -> Issue:
    """Let a draft go out. `allow` names the rules of the linter whose errors do not matter.

    Raises:
        Conflict: the issue is no draft, or the linter has errors in it that are not allowed.
    """
    if refused := [rule for rule in held_by(session, issue.id) if rule not in allow]:
        raise Conflict(
            f"the linter has errors in issue {issue.number}: {', '.join(refused)}",
            next_step=f"digest lint --issue {issue.number} shows them; --allow {refused[0]} lets it go all the same",
        )
    if not store.move_issue(
        session,
        issue_id=issue.id,
        state=IssueState.SENDING,
        from_states=(IssueState.DRAFT,),
        sending_at=now,
        reason=None,
    ):
        raise Conflict(
            f"issue {issue.number} does not wait for approval: it is {issue.state}",
            next_step="digest issue list shows what each waits for",
        )
    events.record(session, "issue.approved", at=now, newsletter_id=issue.newsletter_id, issue_id=issue.id, how=how,
                  **{"allowed": sorted(allow)} if allow else {})  # type: ignore[arg-type] # fmt: skip
    return store.get_issue(session, issue.id)


def web_address(web_base: str | None, newsletter: Newsletter, issue: Issue) -> str | None:
    """Where the issue stands on the web; nowhere where its newsletter is private."""
    archive = archive_address(web_base, newsletter)
    return f"{archive}/{issue.number}" if archive else None


def archive_address(web_base: str | None, newsletter: Newsletter) -> str | None:
    """Where the newsletter's archive is; nowhere where it is private."""
    return f"{web_base.rstrip('/')}/archive/{newsletter.slug}" if web_base and not newsletter.private else None


def render_mail(
    issue: Issue,
    newsletter: Newsletter,
    *,
    language: str,
    web_base: str | None,
    templates: Path | None,
    link_key: bytes | None = None,
    second: bool = False,
    counted: Issue | None = None,
) -> Rendered:
    """The issue as it is mailed; without a `link_key` no link of it counts clicks, as in previews.

    `second`: under the second of two subjects. Clicks are counted of the posts of `counted`: those of other issues, which few
    readers are owed, would say who they are.

    Raises:
        TemplateError: the theme is broken.
    """
    return render_issue(
        issue,
        newsletter,
        language=language,
        web_url=web_address(web_base, newsletter, issue),
        archive_url=archive_address(web_base, newsletter),
        preferences=web_base is not None,
        links=link_rules(counted or issue, newsletter, base_url=web_base, link_key=link_key, second=second),
        lead=int(second),
        templates=templates,
    )


def _render_late(
    database: Database, newsletter: Newsletter, *, now: datetime, web_base: str | None, templates: Path | None
) -> None:
    """While a draft waits, somebody may join, or choose what nobody had chosen when it was made."""
    for issue in _list(database, newsletter, IssueState.DRAFT):
        with database.read() as session:
            known = {one.key for one in store.made_variants(session, issue.id)}
            if known.issuperset(one.key for one in variants_for(session, issue, newsletter, now=now)):
                continue
        if render_variants(database, issue, newsletter, now=now, web_base=web_base, templates=templates):
            with database.read() as session:
                variants = store.list_variants(session, issue.id)
            late = tuple(one for one in variants if one.key not in known)
            if wrong := find_errors(issue, newsletter, late, now=now, web_base=web_base):
                with database.write() as session:
                    _hold(session, issue, wrong, now=now, was=IssueState.DRAFT)


def _note_failure(database: Database, issue: Issue, words: str, *, now: datetime) -> bool:
    """Keep the problem with the issue; the log has one line a problem, not one a turn. Whether it is a new one."""
    problem = f"not rendered: {words}"
    if issue.reason == problem:
        return False
    frozen = (IssueState.FROZEN,)
    with database.write() as session:
        if store.move_issue(session, issue_id=issue.id, state=IssueState.FROZEN, from_states=frozen, reason=problem):
            events.record(session, "issue.unrendered", at=now, newsletter_id=issue.newsletter_id, issue_id=issue.id,
                          reason=words)  # fmt: skip
    return True


def _let_go(database: Database, issue_id: int, *, now: datetime, web_base: str | None) -> bool:
    """Move a frozen issue on, once all of it is rendered; by the policies of now, rendering may have taken long."""
    with database.read() as session:
        issue = store.get_issue(session, issue_id)
        newsletter = newsletter_of_id(session, issue.newsletter_id)
        variants = store.list_variants(session, issue_id)
    if not variants or any(variant.rendered is None for variant in variants):
        return False
    wrong = find_errors(issue, newsletter, variants, now=now, web_base=web_base)
    with database.write() as session:
        newsletter = newsletter_of_id(session, issue.newsletter_id)
        late = now - issue.due_at
        if wrong:
            return _hold(session, issue, wrong, now=now)
        if late > timedelta(hours=newsletter.max_late_hours):
            why = f"ready {late.total_seconds() / 3600:.0f} hours after its slot: it is sent if you approve it"
            return _make_draft(session, issue, now=now, reason=why, approve_by=None)
        if newsletter.approval:
            within = newsletter.approve_within_hours
            deadline = None if within is None else now + timedelta(hours=within)
            return _make_draft(session, issue, now=now, reason=None, approve_by=deadline)
        moved = store.move_issue(session, issue_id=issue_id, state=IssueState.SENDING, from_states=(IssueState.FROZEN,),
                                 sending_at=now, reason=None)  # fmt: skip
        if moved:
            events.record(session, "issue.ready", at=now, newsletter_id=issue.newsletter_id, issue_id=issue_id)
        return moved


def _hold(
    session: Session, issue: Issue, wrong: tuple[str, ...], *, now: datetime, was: IssueState = IssueState.FROZEN
) -> bool:
    """Mail that the linter has errors in waits for a person."""
    allow = " ".join(f"--allow {rule}" for rule in wrong)
    why = f"the linter has errors ({', '.join(wrong)}): digest lint --issue {issue.number}; digest issue approve {issue.number} {allow}"
    moved = _make_draft(session, issue, now=now, reason=why, approve_by=None, was=was)
    if moved:
        events.record(session, LINTED, at=now, newsletter_id=issue.newsletter_id, issue_id=issue.id, rules=list(wrong))
    return moved


def _make_draft(
    session: Session,
    issue: Issue,
    *,
    now: datetime,
    reason: str | None,
    approve_by: datetime | None,
    was: IssueState = IssueState.FROZEN,
) -> bool:
    moved = store.move_issue(session, issue_id=issue.id, state=IssueState.DRAFT, from_states=(was,),
                             reason=reason, approve_by=approve_by)  # fmt: skip
    if moved:
        events.record(session, "issue.draft", at=now, newsletter_id=issue.newsletter_id, issue_id=issue.id,
                      reason=reason, approve_by=approve_by and approve_by.isoformat())  # fmt: skip
    return moved


def _keep_deadlines(database: Database, newsletter: Newsletter, *, now: datetime) -> list[int]:
    """Drafts whose deadline has come go out by themselves, unless it passed long ago, while nothing ran."""
    moved = []
    for issue in _list(database, newsletter, IssueState.DRAFT):
        if issue.approve_by is None or issue.approve_by > now:
            continue
        with database.write() as session:
            if now - issue.approve_by > timedelta(hours=newsletter.max_late_hours):
                _drop_deadline(session, issue, now=now)
                moved.append(issue.id)
                continue
            try:
                approve_issue(session, issue, now=now, how="deadline")
            except Conflict:  # approved or cancelled a moment ago
                continue
            moved.append(issue.id)
    return moved


def _drop_deadline(session: Session, issue: Issue, *, now: datetime) -> None:
    why = "its deadline passed while nothing ran: it is sent if you approve it"
    store.move_issue(session, issue_id=issue.id, state=IssueState.DRAFT, from_states=(IssueState.DRAFT,), reason=why,
                     approve_by=None)  # fmt: skip
    events.record(session, "issue.draft", at=now, newsletter_id=issue.newsletter_id, issue_id=issue.id, reason=why,
                  approve_by=None)  # fmt: skip


def _list(database: Database, newsletter: Newsletter, state: IssueState) -> tuple[Issue, ...]:
    with database.read() as session:
        return store.list_issues(session, newsletter_id=newsletter.id, states=(state,))


def _read(database: Database, issue_ids: Iterable[int]) -> tuple[Issue, ...]:
    with database.read() as session:
        return tuple(store.get_issue(session, issue_id) for issue_id in issue_ids)

"""Which issue a command means: that of a number, or the only one that it can be about."""

from collections.abc import Sequence

from digest.core.model import Issue, Newsletter
from digest.core.states import IssueState
from digest.errors import NotFound, NothingToDo, UsageError
from digest.store.database import Session
from digest.store.issues import find_issue, list_issues


def choose_issue(session: Session, newsletter: Newsletter, number: int) -> Issue:
    """The newsletter's issue of this number.

    Raises:
        NotFound: there is none.
    """
    issue = find_issue(session, newsletter_id=newsletter.id, number=number)
    if issue is None:
        step = f"digest issue list --newsletter {newsletter.slug}"
        raise NotFound(f"{newsletter.slug} has no issue {number}", next_step=step)
    return issue


def newest_issue(session: Session, newsletter: Newsletter) -> Issue | None:
    """The newest that has content; None where none was made yet."""
    states = tuple(state for state in IssueState if state is not IssueState.SKIPPED)
    return next(iter(list_issues(session, newsletter_id=newsletter.id, states=states, limit=1)), None)


def only_issue(session: Session, newsletter: Newsletter, states: Sequence[IssueState], *, which: str) -> Issue:
    """The only issue in one of these states; `which` says in words what they have in common.

    Raises:
        NothingToDo: there is none; where one would go out but for its pause, that is told.
        UsageError: there are several.
    """
    found = list_issues(session, newsletter_id=newsletter.id, states=states)
    if not found:
        raise _none(session, newsletter, states, which=which)
    if len(found) > 1:
        numbers = ", ".join(str(one.number) for one in found)
        raise UsageError(f"more than one issue of {newsletter.slug} {which}", next_step=f"say which: {numbers}")
    return found[0]


def _none(session: Session, newsletter: Newsletter, states: Sequence[IssueState], *, which: str) -> NothingToDo:
    fault, owner = f"no issue of {newsletter.slug} {which}", f"--newsletter {newsletter.slug}"
    is_sending = IssueState.SENDING in states
    paused = list_issues(session, newsletter_id=newsletter.id, states=(IssueState.PAUSED,)) if is_sending else ()
    if not paused:
        return NothingToDo(fault, next_step=f"digest issue list {owner}")
    numbers = [str(number) for number in sorted(one.number or 0 for one in paused)]
    what = f"issue {numbers[0]} is paused" if len(numbers) == 1 else f"issues {', '.join(numbers)} are paused"
    return NothingToDo(f"{fault}: {what}", next_step=f"digest issue resume {numbers[0]} {owner}")

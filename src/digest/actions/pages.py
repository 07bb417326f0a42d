"""Issues as pages on the web: made from what is frozen, for a web server, or as files for any host of files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from digest.actions.choose_issue import choose_issue
from digest.actions.choose_newsletter import choose_newsletter
from digest.actions.publish import archive_address, web_address
from digest.core.model import Issue, Newsletter
from digest.core.signups import has_door
from digest.core.states import PUBLIC
from digest.errors import DigestError, NothingToDo
from digest.render.page import Neighbour, render_page
from digest.render.site import SitePage
from digest.store.database import Database
from digest.store.issues import list_issues


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuePage:
    """An issue's page, written."""

    newsletter: str
    number: int
    url: str | None  # where it says that it is
    file: Path


def write_pages(
    database: Database,
    folder: Path,
    *,
    newsletter: str | None = None,
    number: int | None = None,
    web_base: str | None = None,
    templates: Path | None = None,
) -> tuple[IssuePage, ...]:
    """The page of issue `number`, or those of all that have gone out, as `archive/SLUG/NUMBER/index.html`.

    A page leads to the ones before and after. Written again, it is the same page.

    Raises:
        NotFound: no such newsletter or issue.
        NothingToDo: the issue has no content, or none has gone out yet.
        UsageError: no newsletter is named, and there are several.
        DigestError: the folder cannot be written.
        TemplateError: the theme is broken.
    """
    with database.read() as session:
        owner = choose_newsletter(session, newsletter)
        public = sorted(list_issues(session, newsletter_id=owner.id, states=PUBLIC), key=_number)
        wanted = [choose_issue(session, owner, number)] if number is not None else public
    if not wanted:
        raise NothingToDo(f"no issue of {owner.slug} has gone out yet", next_step="digest issue page NUMBER makes one")
    if any(issue.content is None for issue in wanted):
        raise NothingToDo(f"issue {number} of {owner.slug} has no content", next_step=f"digest issue show {number}")
    made = [(issue, make_page(issue, owner, public, web_base=web_base, templates=templates)) for issue in wanted]
    return tuple(_write(folder, owner, issue, page, web_base) for issue, page in made)


def make_page(
    issue: Issue,
    newsletter: Newsletter,
    public: Sequence[Issue],
    *,
    web_base: str | None = None,
    templates: Path | None = None,
) -> str:
    """The page of an issue among the `public` ones of its newsletter, oldest first.

    Raises:
        TemplateError: the theme is broken.
    """
    before = [_number(one) for one in public if _number(one) < _number(issue)]
    after = [_number(one) for one in public if _number(one) > _number(issue)]
    return page_between(
        issue, newsletter, previous=before[-1] if before else None, following=after[0] if after else None,
        web_base=web_base, templates=templates,
    ).html  # fmt: skip


def page_between(
    issue: Issue,
    newsletter: Newsletter,
    *,
    previous: int | None,
    following: int | None,
    web_base: str | None = None,
    templates: Path | None = None,
) -> SitePage:
    """The page of an issue, leading to the issues of these numbers, and its policy.

    Raises:
        TemplateError: the theme is broken.
    """
    assert issue.content is not None
    url = web_address(web_base, newsletter, issue)
    return render_page(
        issue,
        newsletter,
        language=issue.content.language or newsletter.language,
        url=url,
        archive_url=archive_address(web_base, newsletter),
        previous=_neighbour(previous, url),
        following=_neighbour(following, url),
        subscribe_url=subscribe_address(web_base, newsletter),
        templates=templates,
    )


def subscribe_address(web_base: str | None, newsletter: Newsletter) -> str | None:
    """Where somebody joins; nowhere where nobody may by themselves."""
    return f"{web_base.rstrip('/')}/subscribe/{newsletter.slug}" if web_base and has_door(newsletter) else None


def _neighbour(number: int | None, url: str | None) -> Neighbour | None:
    if number is None:
        return None
    return Neighbour(number=number, url=f"{url.rpartition('/')[0]}/{number}" if url else f"../{number}/index.html")


def _number(issue: Issue) -> int:
    return issue.number or 0


def _write(folder: Path, owner: Newsletter, issue: Issue, page: str, web_base: str | None) -> IssuePage:
    file = folder / "archive" / owner.slug / str(issue.number) / "index.html"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page, encoding="utf-8", newline="\n")
    except OSError as error:
        raise DigestError(f"{file} cannot be written: {error.strerror}", next_step="choose another folder") from error
    return IssuePage(newsletter=owner.slug, number=_number(issue), url=web_address(web_base, owner, issue), file=file)

"""Reading on the web: the newsletters, the issues of each, an issue's page, feeds, and the picture for sharing.

    address ─▶ what the database says now (numbers, times) ─▶ kept? ─▶ no: content ─▶ render ─▶ kept ─▶ 200 or 304

Only issues that went out are here, and nothing is about one reader. A private newsletter is answered as one that is not there.
"""

import json
from collections.abc import Callable, Hashable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digest.actions.pages import page_between, subscribe_address
from digest.core.digits import number_of
from digest.core.model import Newsletter
from digest.paths import shipped
from digest.render.feeds import Channel, Entry, atom_feed, json_feed
from digest.render.glance import Glance, glance_at
from digest.render.look import look_of
from digest.render.share import share_image
from digest.render.site import SitePage, render_site_page
from digest.render.stamps import stamps_of
from digest.render.words import words_for
from digest.store.archive import Place, PublicIssue, find_place, find_public, list_public
from digest.store.database import Session
from digest.store.issues import get_issue
from digest.store.newsletters import list_newsletters
from digest.web.desk import Desk, in_thread, preferred_language
from digest.web.kept import Body, Kept, answer_kept

A_PAGE = 20
"""Issues on one page of the archive, and in a feed."""
_MOST_PAGES = 10**9

HTML, ATOM, JSON, PNG = "text/html", "application/atom+xml", "application/feed+json", "image/png"
HIGHEST = 2**31
"""Beyond any number of an issue: the databases refuse such."""
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def routes(desk: Desk) -> list[Route]:
    """`/`, and the pages under /archive/."""
    archive, place = _Archive(desk), "/archive/{slug}"
    return [
        Route("/", archive.home),
        Route(place, archive.list),
        Route(f"{place}/feed.xml", archive.atom),
        Route(f"{place}/feed.json", archive.json),
        Route(f"{place}/share.png", archive.share),
        Route(f"{place}/{{number:int}}", archive.issue),
        Route(f"{place}/{{number:int}}/share.png", archive.share_issue),
    ]


class _Archive:
    """The handlers, over one desk, with what is kept."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._kept = desk, Kept()

    async def home(self, request: Request) -> Response:
        return await in_thread(self._home, request)

    async def list(self, request: Request) -> Response:
        return await in_thread(self._list, request)

    async def atom(self, request: Request) -> Response:
        return await in_thread(self._feed, request, ATOM)

    async def json(self, request: Request) -> Response:
        return await in_thread(self._feed, request, JSON)

    async def issue(self, request: Request) -> Response:
        return await in_thread(self._issue, request)

    async def share(self, request: Request) -> Response:
        return await in_thread(self._share, request)

    async def share_issue(self, request: Request) -> Response:
        return await in_thread(self._share_issue, request)

    def _home(self, request: Request) -> Response:
        language = preferred_language(request)
        with self._desk.app.database.read() as session:
            public = [one for one in list_newsletters(session) if not one.private]
            newest = [list_public(session, one.id, limit=1) for one in public]
        shown = [
            (one, issues[0] if issues else None, total) for one, (issues, total) in zip(public, newest, strict=True)
        ]
        key = ("home", language, tuple((_print(one), issue and issue.id) for one, issue, _ in shown))

        def make() -> Body:
            lines = [
                {
                    "name": one.name, "url": self._url(one), "join": subscribe_address(self._desk.base, one),
                    "newest": self._glance(one, issue) if issue else None, "total": total,
                }
                for one, issue, total in shown
            ]  # fmt: skip
            return _body(self._page("home", None, language, newsletters=lines, url=f"{self._desk.base}/"), language)

        return self._answer(request, key, make, vary="Accept-Language")

    def _list(self, request: Request) -> Response:
        page = _page_number(request)
        with self._desk.app.database.read() as session:
            newsletter = _find(session, request)
            issues, total = list_public(session, newsletter.id, limit=A_PAGE, offset=(page - 1) * A_PAGE)
        last = max(1, -(-total // A_PAGE))
        if page > last:
            raise HTTPException(404)
        key = ("list", _print(newsletter), page, last, tuple(issue.id for issue in issues))
        language, url = newsletter.language, self._url(newsletter)

        def make() -> Body:
            made = self._page(
                "archive", newsletter, language, url=url, join=subscribe_address(self._desk.base, newsletter),
                issues=[
                    {"url": f"{url}/{issue.number}", "glance": self._glance(newsletter, issue)} for issue in issues
                ],
                page=page, last=last, newer=_turned(url, page - 1), older=_turned(url, page + 1) if page < last else None,
            )  # fmt: skip
            return _body(made, language)

        return self._answer(request, key, make)

    def _feed(self, request: Request, kind: str) -> Response:
        with self._desk.app.database.read() as session:
            newsletter = _find(session, request)
            issues, _ = list_public(session, newsletter.id, limit=A_PAGE)
        url = self._url(newsletter)

        def make() -> Body:
            channel = Channel(
                title=newsletter.name, language=newsletter.language, author=newsletter.sender_name, page=url,
                atom=f"{url}/feed.xml", json=f"{url}/feed.json",
            )  # fmt: skip
            entries = [
                Entry(glance=self._glance(newsletter, issue), url=f"{url}/{issue.number}", at=issue.sent_at)
                for issue in issues
            ]
            made = (
                json_feed(channel, entries)
                if kind == JSON
                else atom_feed(channel, entries, updated=issues[0].sent_at if issues else NEVER)
            )
            return Body(made, kind)

        key = (kind, _print(newsletter), tuple(issue.id for issue in issues))
        return self._answer(request, key, make)

    def _issue(self, request: Request) -> Response:
        newsletter, place = self._place(request)

        def make() -> Body:
            with self._desk.app.database.read() as session:
                issue = get_issue(session, place.issue.id)
            made = page_between(
                issue, newsletter, previous=place.previous, following=place.following, web_base=self._desk.base,
                templates=self._templates,
            )  # fmt: skip
            return _body(made, issue.content.language if issue.content else newsletter.language)

        key = ("issue", _print(newsletter), place.issue.id, place.previous, place.following)
        return self._answer(request, key, make)

    def _share(self, request: Request) -> Response:
        with self._desk.app.database.read() as session:
            newsletter = _find(session, request)
        make = self._drawing(newsletter)
        return self._answer(request, ("share", _print(newsletter)), make)

    def _share_issue(self, request: Request) -> Response:
        newsletter, place = self._place(request)
        make = self._drawing(newsletter, place.issue)
        key = ("share", _print(newsletter), place.issue.id)
        return self._answer(request, key, make)

    def _drawing(self, newsletter: Newsletter, issue: PublicIssue | None = None) -> Callable[[], Body]:
        def make() -> Body:
            look = look_of(newsletter.theme, newsletter.theme_variables, self._templates)
            mirrored = words_for(newsletter.language).direction == "rtl"
            if issue is None:
                return Body(share_image(look.theme, mirrored=mirrored), PNG)
            posts = len(self._glance(newsletter, issue).posts)
            return Body(share_image(look.theme, number=issue.number, posts=posts, mirrored=mirrored), PNG)

        return make

    def _place(self, request: Request) -> tuple[Newsletter, Place]:
        number: int = request.path_params["number"]
        with self._desk.app.database.read() as session:
            newsletter = _find(session, request)
            place = find_place(session, newsletter.id, number) if number < HIGHEST else None
        if place is None:
            raise HTTPException(404)
        return newsletter, place

    def _glance(self, newsletter: Newsletter, issue: PublicIssue) -> Glance:
        with self._desk.app.database.read() as session:
            return glance_at(get_issue(session, issue.id), newsletter)

    def _page(self, name: str, newsletter: Newsletter | None, language: str, **values: object) -> SitePage:
        return render_site_page(
            name, newsletter=newsletter, language=language, values=values, templates=self._templates
        )

    def _answer(
        self,
        request: Request,
        key: tuple[Hashable, ...],
        make: Callable[[], Body],
        *,
        vary: str | None = None,
    ) -> Response:
        places = (self._templates, shipped("templates"))
        body, tag = self._kept.get((*key, self._desk.base, stamps_of(places)), make)
        return answer_kept(request, body, tag, vary=vary)

    def _url(self, newsletter: Newsletter) -> str:
        return f"{self._desk.base}/archive/{newsletter.slug}"

    @property
    def _templates(self) -> Path:
        return self._desk.app.settings.path(self._desk.app.settings.templates)


def _find(session: Session, request: Request) -> Newsletter:
    newsletter = find_public(session, request.path_params["slug"])
    if newsletter is None:
        raise HTTPException(404)
    return newsletter


def _print(newsletter: Newsletter) -> str:
    """All that a page can show of a newsletter, as a key."""
    return json.dumps(asdict(newsletter), sort_keys=True, default=str)


def _page_number(request: Request) -> int:
    given = request.query_params.get("page", "1")
    number = number_of(given, most=_MOST_PAGES) if given.isascii() else None
    if not number or number == _MOST_PAGES:
        raise HTTPException(404)
    return number


def _turned(url: str, page: int) -> str | None:
    if page < 1:
        return None
    return url if page == 1 else f"{url}?page={page}"


def _body(made: SitePage, language: str) -> Body:
    return Body(made.html.encode(), HTML, made.policy, language)

"""What every page has at hand: the deployment, and how an answer is made of a template."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from digest.actions.erasure import Leftovers
from digest.actions.publish import archive_address
from digest.app import App
from digest.core.model import Newsletter
from digest.render.catalogues import languages
from digest.render.site import SitePage, render_site_page
from digest.render.words import Words, words_for

P = ParamSpec("P")
T = TypeVar("T")

PRIVATE = {"Cache-Control": "no-store"}
"""For pages that a signed link opens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The deployment as the pages see it. `knock` wakes whoever sends notices; `turned_at` is when the daemon beside last turned."""

    app: App
    knock: Callable[[], None] = field(default=lambda: None)
    turned_at: Callable[[], datetime | None] = field(default=lambda: None)
    leftovers: Leftovers = field(default_factory=Leftovers)

    @property
    def base(self) -> str:
        """Where links to pages begin: the public address, or nothing, so that they are relative to the host."""
        return (self.app.settings.web.base_url or "").rstrip("/")

    def page(
        self,
        name: str,
        *,
        newsletter: Newsletter | None,
        language: str,
        status: int = 200,
        headers: Mapping[str, str] = PRIVATE,
        script: str = "",
        **values: Any,
    ) -> Response:
        """The page `web/<name>.html.j2` as an answer, with its policy. `script`: see `render_site_page`."""
        made = render_site_page(
            name,
            newsletter=newsletter,
            language=language,
            values=values,
            archive_url=archive_address(self.base, newsletter) if newsletter else None,
            templates=self.app.settings.path(self.app.settings.templates),
            script=script,
        )
        return answer(made, status=status, headers=headers)

    def say(
        self,
        request: Request,
        heading: str,
        *paragraphs: str,
        newsletter: Newsletter | None = None,
        language: str | None = None,
        status: int = 200,
        link: Mapping[str, str] | None = None,
    ) -> Response:
        """A page that only says something. `heading` and `paragraphs` are in the language already (`words`)."""
        tongue = language or preferred_language(request, newsletter)
        return self.page(
            "said", newsletter=newsletter, language=tongue, status=status,
            heading=heading, paragraphs=paragraphs, link=link,
        )  # fmt: skip

    def unknown_link(self, request: Request) -> Response:
        """The answer to a token that is not ours: the same for every wrong one."""
        words = preferred_words(request)
        return self.say(
            request,
            words._("This link does not work"),
            words._("Perhaps it was cut off on its way. Open it from the email again, or copy the whole of it."),
            status=404,
        )


def answer(made: SitePage, *, status: int = 200, headers: Mapping[str, str] = PRIVATE) -> Response:
    """A page as an answer, with the policy that it wants."""
    return HTMLResponse(made.html, status_code=status, headers={"Content-Security-Policy": made.policy, **headers})


async def in_thread(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Work that touches the database or renders, off the loop."""
    return await asyncio.to_thread(work, *arguments, **named)


def preferred_language(request: Request, newsletter: Newsletter | None = None) -> str:
    """The first of the browser's languages that the newsletter offers (RFC 9110 12.5.4), else the newsletter's."""
    offered = (newsletter.language, *newsletter.languages) if newsletter else languages()
    wanted = [part.partition(";")[0].strip() for part in request.headers.get("accept-language", "").split(",")[:10]]
    for tag in wanted:
        for one in offered:
            if tag.lower().split("-")[0] == one.lower().split("-")[0]:
                return one
    return newsletter.language if newsletter else "en"


def preferred_words(request: Request, newsletter: Newsletter | None = None) -> Words:
    """The words of that language."""
    return words_for(preferred_language(request, newsletter))

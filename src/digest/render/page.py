"""Issue → its page on the web: what the mail says, for everybody: nothing in it is about one reader.

content ─▶ view ─▶ without merge fields ─▶ Jinja ─▶ page, with the policy that lets no script run in it
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from digest.core.model import Issue, Newsletter
from digest.render.clean import clean_link
from digest.render.compose_view import compose_view
from digest.render.look import look_of
from digest.render.site import SitePage
from digest.render.view import IssueView
from digest.render.words import words_for

PAGE_TEMPLATE = "page.html.j2"
STYLE_TEMPLATE = "page.css.j2"
POLICY = "default-src 'none'; img-src 'self' https: http:; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'"
"""The page's Content-Security-Policy: its own style by hash, pictures, and nothing else. JSON-LD is data, which never runs."""

WIDTH = 640
"""Pixels of a page's pictures: as wide as its words."""

_BLANK_LINES = re.compile(r"\n\s*\n+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """The issue before or after, and where its page is: an address, or one relative to this page."""

    number: int
    url: str


def render_page(
    issue: Issue,
    newsletter: Newsletter,
    *,
    language: str,
    url: str | None = None,
    archive_url: str | None = None,
    previous: Neighbour | None = None,
    following: Neighbour | None = None,
    subscribe_url: str | None = None,
    templates: Path | None = None,
) -> SitePage:
    """The page of an issue in a language (BCP 47): HTML with one style element and no script that runs.

    `url` is the address it will have, which it names as canonical; with an `archive_url` it names the feeds that are
    there; `templates` is the user's own folder of them. All posts of the issue are there, however many: a page is not
    clipped as a mail is.

    Raises:
        TemplateError: the theme is unknown, a variable wrong, a template broken.
        ValueError: the issue has no frozen content.
    """
    if issue.content is None:
        raise ValueError(f"issue {issue.id} has no content to render")
    look = look_of(newsletter.theme, newsletter.theme_variables, templates)
    view = compose_view(
        issue.content,
        newsletter,
        key=issue.merge_key,
        language=language,
        width=WIDTH,
        tallest=look.theme.image_ratio,
        archive_url=archive_url,
    )
    # What is one reader's stays out of a template's reach: a page must not show whose mail it came from.
    view = replace(view, reader="", address="", why="", unsubscribe_url="", preferences_url=None)
    words = words_for(language)
    values: dict[str, Any] = {"issue": view, **words.names}
    style = look.fill(STYLE_TEMPLATE, values).strip()
    policy = POLICY.format(b64encode(hashlib.sha256(style.encode()).digest()).decode())
    page = {
        "url": clean_link(url),
        "subscribe_url": clean_link(subscribe_url),
        "previous": previous,
        "following": following,
        "published": issue.due_at.isoformat(),
        "image": next((post.image for post in view.posts if post.image), None),
        "style": Markup(style),  # noqa: S704 - the theme's own, its variables checked when it was loaded
        "policy": policy,
        "list": htmlsafe_json_dumps(_item_list(view, clean_link(url))),
    }
    html = _BLANK_LINES.sub("\n", look.fill(PAGE_TEMPLATE, {**values, "page": page}))
    served = policy.replace(" http:", "") if (url or "").startswith("https:") else policy  # no mixed content
    return SitePage(html, f"{served}; frame-ancestors 'none'")


def _item_list(view: IssueView, url: str | None) -> Mapping[str, Any]:
    """The posts as a schema.org ItemList, in reading order."""
    items = [(post.title, post.link or _anchor(url, post.number)) for post in view.posts]
    items += [(line.title, line.link) for line in view.more]
    return {
        "@context": "https://schema.org",
        "@type": "ItemList",
        "name": view.title,
        **({"url": url} if url else {}),
        "numberOfItems": len(items),
        "itemListElement": [
            {"@type": "ListItem", "position": place, "name": name, **({"url": link} if link else {})}
            for place, (name, link) in enumerate(items, 1)
        ],
    }


def _anchor(url: str | None, number: int) -> str | None:
    return f"{url}#post-{number}" if url else None

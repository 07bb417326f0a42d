"""The readers' pages: a template of `web/` in the newsletter's colours and the reader's language.

Every page is whole without scripts, pictures and other hosts; its one style is named by its hash in the page's policy.
"""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from digest.core.model import Newsletter
from digest.paths import shipped
from digest.render.clean import clean_line, clean_link
from digest.render.templates import BASE_THEME, fill_template, theme_folders
from digest.render.theme import load_theme, theme_files
from digest.render.words import words_for

STYLE_TEMPLATE = "site.css.j2"
POLICY = "default-src 'none'; style-src 'sha256-{}'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What every page's frame shows."""

    language: str
    direction: str
    name: str  # the newsletter's; empty on pages of none
    site_url: str | None = None
    archive_url: str | None = None
    sender: str = ""
    postal_address: str = ""


@dataclass(frozen=True, slots=True)
class SitePage:
    """A page, and the policy that it wants to be served with."""

    html: str
    policy: str


def render_site_page(
    name: str,
    *,
    newsletter: Newsletter | None,
    language: str,
    values: Mapping[str, Any],
    archive_url: str | None = None,
    templates: Path | None = None,
    script: str = "",
) -> SitePage:
    """`web/<name>.html.j2` in a language (BCP 47) with these values; plain ones are escaped where they stand.

    `script`: ours, for a convenience that the page can do without; its hash alone is allowed.

    Raises:
        TemplateError: the theme or template is broken.
    """
    theme_name = newsletter.theme if newsletter else BASE_THEME
    folders = (*_web_folders(templates), *theme_folders(theme_name, templates))
    theme = load_theme(theme_name, theme_files(folders[-1:] if not newsletter else folders), _variables(newsletter))
    words = words_for(language)
    site = Site(
        language=words.language,
        direction=words.direction,
        name=clean_line(newsletter.name) if newsletter else "",
        site_url=clean_link(newsletter.site_url) if newsletter else None,
        archive_url=clean_link(archive_url),
        sender=clean_line(newsletter.sender_name) if newsletter else "",
        postal_address=clean_line(newsletter.postal_address) if newsletter else "",
    )
    frame: dict[str, Any] = {
        "issue": site,
        "site": site,
        "theme": theme,
        # Markup, so that what a template fills in is escaped, and an isolated name keeps its <bdi>.
        "_": lambda message: escape(words._(message)),
        "n": words.n,
        "number": words.number,
        "dot": words.dot,
    }
    style = fill_template(folders, STYLE_TEMPLATE, frame).strip()
    policy = POLICY.format(_hash(style)) + (f"; script-src 'sha256-{_hash(script)}'" if script else "")
    frame["style"] = Markup(style)  # noqa: S704 - the theme's own, its variables checked when it was loaded
    frame["script"] = Markup(script)  # noqa: S704 - ours
    return SitePage(fill_template(folders, f"{name}.html.j2", {**values, **frame}), policy)


def _hash(text: str) -> str:
    return b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _web_folders(own: Path | None) -> tuple[Path, ...]:
    homes = [own / "web"] if own and (own / "web").is_dir() else []
    return tuple(dict.fromkeys([*homes, shipped("templates") / "web"]))


def _variables(newsletter: Newsletter | None) -> Mapping[str, Any]:
    return newsletter.theme_variables if newsletter else {}

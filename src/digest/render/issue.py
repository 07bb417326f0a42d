"""Issue → rendered: subject, HTML and text with the merge fields open, once per variant.

content ─▶ view ─▶ Jinja ─▶ check ─▶ harden ─▶ mrml ─▶ put right ─▶ fits? ─▶ rendered
        cleaned    sandbox                                          no: shrink the view
"""

from pathlib import Path

from digest.core.model import Issue, Newsletter, Rendered
from digest.errors import TemplateError
from digest.render.budget import describe, fits, shrink, steps
from digest.render.compose_view import compose_view
from digest.render.look import Look, look_of
from digest.render.relink import LinkRules, relinked
from digest.render.trace import lay_out
from digest.render.view import IssueView
from digest.render.words import words_for

HTML_TEMPLATE = "issue.mjml.j2"
TEXT_TEMPLATE = "issue.txt.j2"


def render_issue(
    issue: Issue,
    newsletter: Newsletter,
    *,
    language: str,
    web_url: str | None = None,
    archive_url: str | None = None,
    preferences: bool = False,
    links: LinkRules | None = None,
    lead: int = 0,
    templates: Path | None = None,
) -> Rendered:
    """The issue as mail in a language (BCP 47); `templates` is the user's own folder of them.

    "View in browser" is there only with a `web_url`, "Archive" only with an `archive_url`, "Change preferences" with a
    `web_url` or with `preferences`.
    `lead`: the place of the post that leads title and subject, among the leading ones.
    `links` says what becomes of the posts' links; without it they stay. HTML that would be clipped (docs/templates.md) is made smaller by `budget`.

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
        width=look.theme.picture_width or look.theme.inner,
        tallest=look.theme.image_ratio,
        web_url=web_url,
        archive_url=archive_url,
        preferences=preferences,
        lead=lead,
    )
    return _render(view, look, links)


def _render(view: IssueView, look: Look, links: LinkRules | None) -> Rendered:
    full = len(view.posts)
    view, html = _fitting(view, look, links)
    text = _unfrom(look.fill(TEXT_TEMPLATE, _values(relinked(view, links.in_text) if links else view)))
    return Rendered(
        subject=view.subject, preheader=view.preheader, html=html, text=text, fitted=describe(view, full=full)
    )


def _fitting(view: IssueView, look: Look, links: LinkRules | None) -> tuple[IssueView, str]:
    """The largest view whose HTML fits, found by halving: an issue of hundreds of posts takes a dozen tries."""
    html = _html(view, look, links)
    if fits(html):
        return view, html
    too_large, best = 0, steps(view)
    found = shrink(view, best), _html(shrink(view, best), look, links)
    if not fits(found[1]):
        raise TemplateError(
            f"the theme {look.theme.name} is too large for mail clients", next_step="make its files smaller"
        )
    while best - too_large > 1:
        step = (best + too_large) // 2
        smaller = shrink(view, step)
        html = _html(smaller, look, links)
        if fits(html):
            best, found = step, (smaller, html)
        else:
            too_large = step
    return found


def _html(view: IssueView, look: Look, links: LinkRules | None) -> str:
    if links:
        view = relinked(view, links.in_html, canary=links.canary)
    return lay_out(look, HTML_TEMPLATE, _values(view))


def _values(view: IssueView) -> dict[str, object]:
    words = words_for(view.language)
    left_out = words.n("and {n} more on the web", "and {n} more on the web", view.left_out)
    return {"issue": view, **words.names, "left_out": left_out}


def _unfrom(text: str) -> str:
    """No line begins with "From " or ".": mbox files write ">From " (RFC 4155), and some relays lose a dot (RFC 5321)."""
    return "\n".join(" " + line if line.startswith(("From ", ".")) else line for line in text.split("\n"))

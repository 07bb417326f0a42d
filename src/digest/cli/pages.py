"""A remark on links in mails whose pages nobody serves."""

from typing import TYPE_CHECKING

from digest.cli.output import note

if TYPE_CHECKING:
    from digest.config import Settings


def remark_on_pages(settings: "Settings") -> None:
    """Say on stderr that the pages under web.base_url are somebody else's to serve; nothing where it is unset."""
    if base := settings.web.base_url:
        note(
            f"warning: links in mails lead to {base}, and this version serves no pages there",
            next_step="unset [web] base_url unless a program of yours answers there (docs/delivery.md)",
        )

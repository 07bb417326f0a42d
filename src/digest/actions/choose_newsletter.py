"""Which newsletter a command means: the one it names, or the only one there is."""

from digest.core.model import Newsletter
from digest.errors import NotFound, UsageError
from digest.store.database import Session
from digest.store.newsletters import get_newsletter, list_newsletters


def choose_newsletter(session: Session, slug: str | None) -> Newsletter:
    """The newsletter of this slug; without a slug the only one.

    Raises:
        NotFound: there is no such newsletter, or none at all.
        UsageError: no slug was given, and there are several.
    """
    if slug is not None:
        return get_newsletter(session, slug)
    found = list_newsletters(session)
    if not found:
        raise NotFound("there is no newsletter yet", next_step="run: digest newsletter add SLUG")
    if len(found) > 1:
        slugs = ", ".join(newsletter.slug for newsletter in found)
        raise UsageError(f"there are {len(found)} newsletters: {slugs}", next_step="say which: --newsletter SLUG")
    return found[0]

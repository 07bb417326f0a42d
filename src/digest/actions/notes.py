"""The editor's words for the next issue: Markdown in, clean HTML and plain text kept."""

from datetime import datetime

from markdown_it import MarkdownIt

from digest.core.model import EditorNote, Newsletter
from digest.errors import UsageError
from digest.sources.body import read_body
from digest.sources.clean import clean_html, tame
from digest.store import notes
from digest.store.database import Session


def write_note(
    session: Session, newsletter: Newsletter, markdown: str, *, author: str | None, now: datetime
) -> EditorNote:
    """Put down the note of the next issue, in place of one that waits.

    Raises:
        UsageError: there are no words in it.
    """
    markup = tame(MarkdownIt("commonmark").render(markdown))
    note = EditorNote(text=read_body(markup).letter, html=clean_html(markup), author=author or newsletter.editor)
    if not note.text.strip():
        raise UsageError("the note has no words", next_step="give some, or take the waiting note back with --clear")
    notes.set_note(session, newsletter.id, note, now=now)
    return note

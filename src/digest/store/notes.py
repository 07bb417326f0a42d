"""The editor's note: waits for the newsletter's next issue, then belongs to it."""

from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlmodel import Session

from digest.core.model import EditorNote
from digest.store.tables import NoteRow

_note = NoteRow.__table__  # type: ignore[attr-defined]


def set_note(session: Session, newsletter_id: int, note: EditorNote, *, now: datetime) -> None:
    """Put down the note for the next issue, in place of one that waits."""
    clear_note(session, newsletter_id)
    values = {"text": note.text, "html": note.html, "author": note.author, "written_at": now}
    session.execute(insert(_note).values(newsletter_id=newsletter_id, **values))


def clear_note(session: Session, newsletter_id: int) -> bool:
    """Take back the note that waits. False where none does."""
    waiting = delete(_note).where(_note.c.newsletter_id == newsletter_id, _note.c.issue_id.is_(None))
    return session.execute(waiting.returning(_note.c.id)).first() is not None


def waiting_note(session: Session, newsletter_id: int) -> EditorNote | None:
    """The note for the next issue."""
    query = select(_note.c.text, _note.c.html, _note.c.author).where(
        _note.c.newsletter_id == newsletter_id, _note.c.issue_id.is_(None)
    )
    row = session.execute(query.order_by(_note.c.id).limit(1)).mappings().first()
    return EditorNote(**row) if row else None


def take_note(session: Session, newsletter_id: int, *, issue_id: int) -> None:
    """The note that waits is this issue's."""
    waiting = update(_note).where(_note.c.newsletter_id == newsletter_id, _note.c.issue_id.is_(None))
    session.execute(waiting.values(issue_id=issue_id))

"""The event log only grows: the database itself refuses to change or remove a line, whoever asks.

Triggers, because a program's good habits end where its next function, or an admin's own SQL, begins.
"""

from sqlalchemy import DDL, Table, event

_REFUSAL = "the event log is append-only"

RULES: dict[str, tuple[str, ...]] = {
    "sqlite": (
        f"CREATE TRIGGER event_is_not_changed BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END",
        f"CREATE TRIGGER event_is_not_removed BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END",
    ),
    "postgresql": (
        (
            "CREATE FUNCTION refuse_event_change() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$BEGIN RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'restrict_violation'; END$$"
        ),
        (
            "CREATE TRIGGER event_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_event_change()"
        ),
    ),
}
"""Statements by dialect, run once when the table is made. Dropping the table drops its triggers."""

LEFT: dict[str, tuple[str, ...]] = {"postgresql": ("DROP FUNCTION refuse_event_change()",)}
"""What is left to drop after the table."""


def make_append_only(table: Table) -> None:
    """Let `create_all` make the rules with the table; the first migration holds the same statements."""
    for dialect, statements in RULES.items():
        for statement in statements:
            event.listen(table, "after_create", DDL(statement).execute_if(dialect=dialect))  # type: ignore[no-untyped-call]

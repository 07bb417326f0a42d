"""The base of every table, and the column shapes they share."""

from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, CheckConstraint, ForeignKey, MetaData, Text
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Row(SQLModel):
    """The base of every table; its own naming convention, because batch migrations find constraints by name."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)


def one_of(column: str, states: type[StrEnum]) -> CheckConstraint:
    """A CHECK that the column holds one of the states.

    Not `IN`: SQLite builds a temporary tree of such a list for every row that it checks, which doubled the cost of each
    of the ledger's moves (8 µs a row against 4).
    """
    return CheckConstraint(" OR ".join(f"{column} = '{state}'" for state in states), name=column)


def reference(target: str, *, null: bool = False, index: bool = True, on_delete: str = "CASCADE") -> Any:
    """A foreign key to `target.id`, indexed unless another index starts with it."""
    return Field(
        default=None if null else ...,
        sa_column_args=[ForeignKey(f"{target}.id", ondelete=on_delete)],
        nullable=null,
        index=index,
    )


def json_column(default: type[list[Any] | dict[str, Any]]) -> Any:
    """JSON, never NULL."""
    return Field(default_factory=default, sa_type=JSON, nullable=False)


def long_text(*, null: bool = False) -> Any:
    """Text without a length."""
    return Field(default=None if null else "", sa_type=Text, nullable=null)

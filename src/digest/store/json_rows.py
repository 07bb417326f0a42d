"""Many rows as one parameter: a JSON array of arrays, joined to a table.

A statement for each row costs a hundred times what the database does for it; an expanding list of parameters is
compiled anew for each length.
"""

from typing import Any

from sqlalchemy import JSON, ColumnElement, Text, bindparam, cast, func, literal_column, select, type_coerce
from sqlalchemy.types import TypeEngine


class JsonRows:
    """The rows of the parameter `name`, a JSON text; `columns` in the order of their types."""

    def __init__(self, dialect: str, *types: TypeEngine[Any], name: str = "rows") -> None:
        given = bindparam(name, type_=Text())
        if dialect == "postgresql":
            rows = cast(given, JSON)
            each = func.json_array_elements(rows).table_valued("value", name="each")
            # The limit takes nothing away: it tells how many there are. Postgres expects a hundred, for which it would rather
            # read a whole table.
            value: Any = select(each.c.value).limit(func.json_array_length(rows)).subquery("mine").c.value
            fields: list[ColumnElement[Any]] = [
                cast(value.op("->>")(literal_column(str(n))), kind) for n, kind in enumerate(types)
            ]
        else:
            value = func.json_each(given).table_valued("value", name="mine").c.value
            fields = [
                type_coerce(func.json_extract(value, literal_column(f"'$[{n}]'")), kind) for n, kind in enumerate(types)
            ]
        self.columns: tuple[ColumnElement[Any], ...] = tuple(fields)

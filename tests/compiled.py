"""Engines of one process share a dialect and the statements compiled for it: a fifth of the CPU of tests on databases.

SQLAlchemy keeps them by engine and dialect, and every test, and every job of the torture, has an engine of its own. A
dialect knows nothing of the database but its kind and version, which are the same in all tests.
"""

import functools

from sqlalchemy import Connection, Engine

from digest.store.database import Database

_first_engines: dict[str, Engine] = {}
_initialized: set[str] = set()


@functools.cache
def share_statements() -> None:
    """From now on. A fork has what was compiled before it."""
    make = Database._make_engine

    def make_sharing(database: Database) -> Engine:
        engine = make(database)
        engine.dialect.initialize = functools.partial(_initialize_once, engine.dialect.name)  # type: ignore[method-assign]
        if (first := _first_engines.setdefault(engine.dialect.name, engine)) is engine:
            engine._compiled_cache.capacity = 10_000
        engine.dialect = engine.pool._dialect = first.dialect
        engine._compiled_cache = first._compiled_cache
        return engine

    Database._make_engine = make_sharing  # type: ignore[method-assign]


def _initialize_once(name: str, connection: Connection) -> None:
    """What a dialect asks of the server at the first connection of an engine: the shared one knows it."""
    if name not in _initialized:
        dialect = _first_engines[name].dialect
        type(dialect).initialize(dialect, connection)
        _initialized.add(name)

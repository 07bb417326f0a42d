"""Every migration goes up and down on a full database, loses no row but its own, and breaks no reference.

Parametrised over the folder of migrations: one written later is tested without a change here.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from tests.command import start_digest
from tests.populate import count_rows, list_states, populate
from tests.postgres import Server
from tests.store.test_schema import described

from digest.errors import DatabaseError
from digest.paths import shipped
from digest.store import schema
from digest.store.database import Database


def script(scripts: Path) -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(scripts))
    return ScriptDirectory.from_config(config)


STEPS = [
    (str(step.revision), str(step.down_revision or "base")) for step in script(shipped("alembic")).walk_revisions()
]

REBUILD = """
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "9999", "{head}", None, None
REBUILD = "always" if op.get_bind().dialect.name == "sqlite" else "auto"

def upgrade():
    with op.batch_alter_table("issue", recreate=REBUILD) as batch:
        batch.add_column(sa.Column("mood", sa.String()))

def downgrade():
    with op.batch_alter_table("issue", recreate=REBUILD) as batch:
        batch.drop_column("mood")
"""

ORPHAN = """
from alembic import op
revision, down_revision, branch_labels, depends_on = "9999", "{head}", None, None

def upgrade():
    op.execute("UPDATE claim SET post_id = 4711")

def downgrade():
    pass
"""


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database in which nothing has been made yet."""
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path}/empty.db"
        if request.param == "postgres":
            server: Server = request.getfixturevalue("postgres_server")
            url = stack.enter_context(server.database())
        database = Database(url)
        stack.callback(database.close)
        yield database


def go(database: Database, verb: Callable[[Config, str], None], to: str, scripts: Path | None = None) -> None:
    with schema.migration(database) as connection:
        config = schema.configuration(connection)
        if scripts:
            config.set_main_option("script_location", str(scripts))
        verb(config, to)


def fill(database: Database) -> dict[str, int]:
    with database.write() as session:
        return populate(session.connection())


def count(database: Database) -> dict[str, int]:
    with database.read() as session:
        return count_rows(session.connection())


def find_broken_references(database: Database) -> list[object]:
    if not database.is_sqlite:
        return []  # Postgres checks them itself, at every statement
    with database.read() as session:
        return list(session.execute(text("PRAGMA foreign_key_check")))


@pytest.mark.parametrize(("revision", "before"), STEPS)
def test_each_migration_goes_up_down_and_up_on_a_full_database(empty: Database, revision: str, before: str) -> None:
    if before != "base":
        go(empty, command.upgrade, before)
        full = fill(empty)
    else:
        full = {}
    go(empty, command.upgrade, revision)
    above = count(empty)
    assert {name: above[name] for name in full if name in above} == {n: c for n, c in full.items() if n in above}
    if before == "base":
        above = fill(empty)
    go(empty, command.downgrade, before)
    below = count(empty)
    assert below == {name: above.get(name, 0) for name in full}
    go(empty, command.upgrade, revision)
    again = count(empty)
    assert {name: again[name] for name in below if name in again} == {n: c for n, c in below.items() if n in again}
    assert find_broken_references(empty) == []


def test_down_to_the_bottom_and_up_again_is_the_same_schema(database: Database) -> None:
    before = described(database)
    fill(database)
    schema.downgrade(database, to="base")
    assert count(database) == {}
    assert schema.upgrade(database) is None
    assert described(database) == before


def test_a_full_database_has_every_table_and_every_state(database: Database) -> None:
    counts = fill(database)
    assert set(counts) == set(described(database))
    assert min(counts.values()) >= 7
    with database.read() as session:
        states = list_states(session.connection(), "delivery", "state")
    assert states == {
        "queued", "claimed", "inflight", "accepted", "refused", "uncertain", "skipped", "expired",
    }  # fmt: skip


def with_another(tmp_path: Path, body: str) -> Path:
    """The migrations that we ship, and one more."""
    scripts = tmp_path / "scripts"
    shutil.copytree(shipped("alembic"), scripts)
    (scripts / "versions" / "9999_another.py").write_text(body.format(head=schema.HEAD), "utf-8")
    return scripts


def test_rebuilding_a_table_deletes_nothing_that_refers_to_it(database: Database, tmp_path: Path) -> None:
    """With foreign keys on, a rebuild of `issue` on SQLite deleted the whole ledger by cascade."""
    full = fill(database)
    scripts = with_another(tmp_path, REBUILD)
    go(database, command.upgrade, "9999", scripts)
    assert count(database) == full
    go(database, command.downgrade, schema.HEAD, scripts)
    assert count(database) == full
    assert find_broken_references(database) == []
    with database.read() as session:
        if database.is_sqlite:  # and they are on again afterwards
            assert session.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_a_migration_that_breaks_a_reference_is_undone_and_told(sqlite_database: Database, tmp_path: Path) -> None:
    full = fill(sqlite_database)
    with pytest.raises(DatabaseError, match="would break references in claim; it was undone"):
        go(sqlite_database, command.upgrade, "9999", with_another(tmp_path, ORPHAN))
    assert count(sqlite_database) == full
    assert schema.revision(sqlite_database) == schema.HEAD
    assert find_broken_references(sqlite_database) == []


def test_a_migration_that_fails_half_way_leaves_everything_as_it_was(database: Database, tmp_path: Path) -> None:
    full = fill(database)
    before = described(database)
    body = REBUILD.replace("def downgrade", "    raise SystemExit('the power went')\n\ndef downgrade")
    with pytest.raises(SystemExit):
        go(database, command.upgrade, "9999", with_another(tmp_path, body))
    assert count(database) == full
    assert described(database) == before
    assert schema.revision(database) == schema.HEAD


def test_four_processes_that_upgrade_at_once_make_one_schema(empty: Database) -> None:
    code = "import sys; from digest.store import database, schema; schema.upgrade(database.Database(sys.argv[1]))"
    url = empty.url.render_as_string(hide_password=False)
    processes = [start_digest(url, code=code, cwd=Path.cwd()) for _ in range(4)]
    for process in processes:
        _, words = process.communicate(timeout=110)
        assert process.returncode == 0, words
    assert schema.revision(empty) == schema.HEAD


def test_a_newer_database_is_refused_and_left_alone(database: Database) -> None:
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9000'"))
    for verb in (schema.check_schema, schema.upgrade):
        with pytest.raises(DatabaseError, match=r"is newer than this program \(revision 9000, known up to"):
            verb(database)
    assert schema.revision(database) == "9000"


def test_an_older_database_is_announced_with_the_command_that_mends_it(database: Database) -> None:
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(DatabaseError, match="is older than this program") as caught:
        schema.check_schema(database)
    assert caught.value.next_step == "run: digest db upgrade"


def test_an_empty_database_is_announced_with_the_command_that_fills_it(empty: Database) -> None:
    if empty.is_sqlite:
        with pytest.raises(DatabaseError, match="there is no database") as caught:
            schema.check_schema(empty)
        assert caught.value.next_step == schema.RESTORE
        empty.create_file()
    with pytest.raises(DatabaseError, match="has no tables of digest yet") as caught:
        schema.check_schema(empty)
    assert caught.value.next_step == "run: digest db upgrade"


def test_the_database_of_another_program_is_refused(empty: Database) -> None:
    with empty.write() as session:
        session.execute(text("CREATE TABLE invoices (id INTEGER PRIMARY KEY)"))
    with pytest.raises(DatabaseError, match=r"holds tables of another program \(invoices is one\)"):
        schema.upgrade(empty)


def test_a_database_of_another_alembic_program_is_refused(empty: Database) -> None:
    with empty.write() as session:
        session.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        session.execute(text("INSERT INTO alembic_version VALUES ('1975ea83b712')"))
    for verb in (schema.check_schema, schema.upgrade):
        with pytest.raises(DatabaseError, match="is newer than this program"):
            verb(empty)


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    full = fill(database)
    assert schema.upgrade(database) == schema.HEAD
    assert count(database) == full


def test_opening_a_database_loads_no_alembic() -> None:
    code = "import sys; import digest.app; print('alembic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"

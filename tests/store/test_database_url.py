"""What stands in the URL of a database is taken, or refused by name; and a password in it is never told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.postgres import Server

from digest.errors import DatabaseError, SettingsError
from digest.store.database import Database
from digest.store.database_url import say_url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://h/d?prepare_threshold=often", "prepare_threshold=often is no number"),
        ("postgresql://h/d?connect_timeout=soon", "connect_timeout=soon is no number of seconds"),
        (
            "postgresql://h/d?autocommit=true",
            "knows no parameter 'autocommit'",
        ),  # the driver's, not to be given as text
        ("postgresql:///d?host=h&port=five", "has a port that is none"),
        (f"postgresql:///d?host=h&port={'1' * 5000}", "has a port that is none$"),
        ("postgresql://h:99999/d", "has a port that is none"),
        ("postgresql://h:0/d", "has a port that is none"),
        ("postgresql:///d?host=a:5432&host=b:65536", "has a port that is none"),
        ("postgresql://h/d?sslmode=require&sslmode=disable", "url has sslmode more than once"),
        ("postgresql://h/d?prepare_threshold=1&prepare_threshold=2", "url has prepare_threshold more than once"),
        ("postgresql://h/d?application_name=a&application_name=b", "url has application_name more than once"),
        ("postgresql://h/d?keepalives_idle=long", "keepalives_idle=long is no whole number"),
        ("postgresql://h/d?sslnegotiation=direct&sslmode=prefer", 'weak sslmode "prefer"'),
        ("postgresql://h/d?application_name=a%00b", "application_name has a NUL in it"),
        ("postgresql://h/d?sslmode=a%22b", 'Postgres knows no sslmode=a"b'),
        (
            "postgresql://h/d?channel_binding=/nonexistent/digest",
            "Postgres knows no channel_binding=/nonexistent/digest",
        ),
        ("postgresql://h/d?service=nobody", 'definition of service "nobody" not found'),
        ("postgresql://h/d?scram_client_key=hunter2", "invalid SCRAM client key"),
        ("postgresql://anna:x@h:hunter2/d", "a port that is no number"),
        ("sqlite:///digest.db?mode=ro", "SQLite takes no parameters"),
        ("sqlite://host/digest.db", "no database that digest knows"),
        ("sqlite://", "no database that digest knows"),  # in memory: gone with each command
    ],
)
def test_what_a_url_cannot_say_is_refused(url: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        Database(url)
    assert caught.value.next_step
    assert "hunter2" not in caught.value.message


def test_a_misspelt_parameter_is_told_with_the_nearest() -> None:
    with pytest.raises(SettingsError) as caught:
        Database("postgresql://h/d?connect_timout=3")
    assert caught.value.next_step == "did you mean connect_timeout?"


@pytest.mark.parametrize(
    ("wrong", "step"),
    [
        ("sslmode=requir", "did you mean require?"),
        ("sslmode=zzz", "write one of disable, allow, prefer, require, verify-ca, verify-full"),
        ("sslnegotiation=plain", "write one of postgres, direct"),
        ("channel_binding=requir", "did you mean require?"),
        ("gssencmode=no", "write one of disable, prefer, require"),
        ("target_session_attrs=primry", "did you mean primary?"),
        ("load_balance_hosts=rand", "did you mean random?"),
        ("ssl_min_protocol_version=2", "its manual lists the values under libpq, Parameter Key Words"),
    ],
)
def test_a_word_that_a_parameter_cannot_be_is_told_before_a_host_is_looked_for(wrong: str, step: str) -> None:
    with pytest.raises(SettingsError, match=f": Postgres knows no {wrong}$") as caught:
        Database(f"postgresql://nowhere.invalid/d?{wrong}")
    assert caught.value.next_step == step


@pytest.mark.parametrize(
    "words",
    [
        "sslnegotiation=direct&sslmode=require&channel_binding=require",
        "gssencmode=require&target_session_attrs=prefer-standby&load_balance_hosts=random",
        "sslmode=verify-full&sslrootcert=system&ssl_min_protocol_version=TLSv1.2&require_auth=scram-sha-256",
        "host=/run/a,/run/b&port=5432,5433&options=-c%20a=1&options=-c%20b=2&keepalives=0&password=a%20b%27c",
    ],
)
def test_what_libpq_takes_is_taken(words: str) -> None:
    Database(f"postgresql:///d?{words}").close()


def test_what_libpq_takes_from_elsewhere_is_judged_by_the_real_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service file, variables of its own, a container whose user has no name."""
    services = tmp_path / "services"
    services.write_text("[several]\nhost=a,b\nport=1,2\n[address]\nhostaddr=127.0.0.1\n[gss]\ngssencmode=require\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    for service in ("several", "address", "gss"):
        Database(f"postgresql:///d?service={service}").close()
    for name, value in {
        "PGPORT": "1,2",
        "PGHOSTADDR": "127.0.0.1",
        "PGGSSENCMODE": "require",
        "PGSSLMODE": "requir",
    }.items():
        monkeypatch.setenv(name, value)
        Database("postgresql://u:p@h:1/d").close()
    if os.geteuid() == 0:
        made = "import os; os.setuid(54321); from digest.store.database import Database; Database('postgresql://u:p@h:1/d')"
        subprocess.run([sys.executable, "-c", "import digest.store.database, psycopg, sqlalchemy.dialects.postgresql.psycopg;" + made], check=True)  # fmt: skip


def test_a_value_that_a_parameter_cannot_have_is_not_called_an_unreachable_server(postgres_database: Database) -> None:
    wrong = "client_encoding=utf-nine"
    url = postgres_database.url.update_query_string(wrong).render_as_string(hide_password=False)
    database = Database(url)
    with pytest.raises(SettingsError, match=f": Postgres knows no {wrong}$") as caught, database.read() as session:
        session.connection()
    assert "manual" in (caught.value.next_step or "")
    database.close()


@pytest.mark.parametrize(("given", "kept"), [("none", 0), ("1", 1)])
def test_prepare_threshold_tells_when_statements_are_prepared(
    postgres_database: Database, given: str, kept: int
) -> None:
    database = Database(
        postgres_database.url.update_query_dict({"prepare_threshold": given}).render_as_string(hide_password=False)
    )
    with database.read() as session:
        for _ in range(3):
            session.execute(text("SELECT 'x' AS asked"))
        asked = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%AS asked'"
        assert session.execute(text(asked)).scalar() == kept
    database.close()


def test_a_pooler_that_forgets_statements_is_called_so(postgres_database: Database) -> None:
    """As PgBouncer in transaction mode does between two transactions."""
    url = postgres_database.url.update_query_dict({"prepare_threshold": "0"}).render_as_string(hide_password=False)
    database = Database(url)

    def ask_twice() -> None:
        with database.read() as session:
            session.execute(text("SELECT 1"))
            session.execute(text("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$"))  # unseen by the driver
            session.execute(text("SELECT 1"))

    with pytest.raises(DatabaseError, match="forgets prepared statements") as caught:
        ask_twice()
    assert "prepare_threshold=none" in str(caught.value.next_step)
    database.close()


def test_an_unknown_role_is_no_missing_database(postgres_server: Server) -> None:
    database = Database(postgres_server.base + "&user=nobody_there")
    with pytest.raises(DatabaseError, match="refuses the user") as caught, database.read() as session:
        session.execute(text("SELECT 1"))
    assert "postgresql+psycopg" not in caught.value.message


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgres://anna:hunter2@h:5/d", "postgres://anna:***@h:5/d"),
        ("postgresql:///d?host=/run/pg&password=hunter2&port=5", "postgresql:///d?host=/run/pg&password=***&port=5"),
        ("postgresql://anna@h/d?sslmode=require", "postgresql://anna@h/d?sslmode=require"),
    ],
)
def test_a_url_is_told_as_it_was_written_without_its_password(url: str, said: str) -> None:
    assert say_url(url) == said
    assert Database(url).name == said

"""Settings: read from the file, the environment and secret files; every mistake is one clear sentence."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from digest.config import Settings, list_settings, section_texts
from digest.errors import SettingsError
from tests.command import obey_permissions

DOCS = Path(__file__).parents[1] / "docs" / "settings.md"
PORT, MEANING = "whole number from 1 to 65535", "docs/settings.md says what it may be"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("DIGEST_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "digest.toml") -> Path:
    path = Path(name).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_defaults_hold() -> None:
    settings = Settings.load()
    assert settings.mail.transport == "maildir"
    assert settings.database_url == f"sqlite:///{Path.cwd()}/digest.db"
    assert settings.smtp.port is None


def test_relative_paths_start_at_the_settings_file() -> None:
    file = write('[mail]\nmaildir = "box"\n[database]\nurl = "sqlite:///data/d.db"\n', "deep/er/digest.toml")
    settings = Settings.load(file)
    assert settings.path(settings.mail.maildir) == file.parent / "box"
    assert settings.database_url == f"sqlite:///{file.parent}/data/d.db"
    assert settings.path(Path("/var/box")) == Path("/var/box")


@pytest.mark.parametrize("url", ["sqlite:////var/d.db", "postgresql://anna@db/digest", "sqlite:///"])
def test_an_absolute_database_stays_where_it_is(url: str) -> None:
    assert Settings.load(write(f'[database]\nurl = "{url}"')).database_url == url


def test_digest_config_names_the_file_and_the_option_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    write('[smtp]\nhost = "a"', "a.toml")
    write('[smtp]\nhost = "b"', "b.toml")
    monkeypatch.setenv("DIGEST_CONFIG", "a.toml")
    assert Settings.load().smtp.host == "a"
    assert Settings.load(Path("b.toml")).smtp.host == "b"


def test_the_environment_wins_over_the_file_setting_by_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    write('[smtp]\nhost = "file"\nusername = "anna"\n[fetch]\nports = [8080]')
    monkeypatch.setenv("DIGEST_SMTP__HOST", "environment")
    monkeypatch.setenv("DIGEST_FETCH__ALLOW_PRIVATE", '["10.0.0.0/8"]')
    settings = Settings.load()
    assert (settings.smtp.host, settings.smtp.username) == ("environment", "anna")
    assert (settings.fetch.ports, settings.fetch.allow_private) == ((8080,), ("10.0.0.0/8",))


@pytest.mark.parametrize(
    ("text", "sentence", "step"),
    [
        ('[smtp]\nhots = "x"', "unknown setting smtp.hots", "did you mean smtp.host?"),
        ('[stmp]\nhost = "x"', "unknown setting stmp", "did you mean smtp?"),
        ('secret_dir = "x"', "unknown setting secret_dir", "did you mean secrets_dir?"),
        ('home = "/"', "unknown setting home", "docs/settings.md"),
        ("_env_file = 'x'", "unknown setting _env_file", "docs/settings.md"),
        ('[smtp]\nport = "25"', f"smtp.port: it must be a {PORT}, without quotation marks", MEANING),
        ("[pace]\nwarm_up_growth = 1", "pace.warm_up_growth: it must be a number above 1, 10 at most", MEANING),
        ("[web]\nserve = 1", "web.serve: it must be true or false", MEANING),
        ('[web]\nserve = "yes"', "web.serve: it must be true or false", MEANING),
        ("[smtp]\nhost = 7", "smtp.host: it must be text, between quotation marks", MEANING),
        ("templates = 7", "templates: it must be text, between quotation marks", MEANING),
        ('templates = ""', "templates: it must not be empty", MEANING),
        ('[mail]\nmaildir = ""', "mail.maildir: it must not be empty", MEANING),
        ('secret_key = " "', "secret_key: it must not be empty", MEANING),
        ('[mail]\ntransport = "pigeon"', "mail.transport: it must be 'maildir' or 'smtp'", MEANING),
        ('smtp = "x"', "smtp: it must be a table, with lines of its own", "docs/settings.md"),
        ("[smtp\n", "is not valid TOML: ", "mend that line"),
        ("[smtp]\nhost = 'a'\nhost = 'b'", "is not valid TOML: ", "mend that line"),
        ("[smtp]\n[web]\n[smtp]\n", "is not valid TOML: [smtp] stands there twice (at line 3", "under the first one"),
        ("[fetch]\nports = 80", "fetch.ports: it must stand between [ and ]", MEANING),
        ("[fetch]\nports = [80, 65536]", f"fetch.ports: entry 2: it must be a {PORT}", MEANING),
        ("[fetch]\nports = [true]", f"fetch.ports: entry 1: it must be a {PORT}", MEANING),
        ("[fetch]\nports = [nan]", f"fetch.ports: entry 1: it must be a {PORT}", MEANING),
        ('[fetch]\nallow_private = ["10.1.0.5/16"]', "fetch.allow_private: entry 1: it must be 10.1.0.0/16", MEANING),
        ('[web]\nproxies = ["a b"]', "web.proxies: entry 1: it must be a network such as 10.1.0.0/16", MEANING),
        ('[web]\nhosts = ["*.example.org"]', "web.hosts: entry 1: each host by its name", MEANING),
        ('[smtp]\nhost = ""', "smtp.host: it must not be empty", MEANING),
        ('[web]\nhosts = ["x", "https://y"]', "web.hosts: entry 2: it must be a host's name", MEANING),
        (f'[web]\nlisten = "h:{"1" * 5000}"', "web.listen: it must be HOST:PORT", MEANING),
        ('[smtp]\nhost = "mail.example:25"', "smtp.host: it must be a host's name or address alone", MEANING),
        ('[smtp]\nhostname = "a b"', "smtp.hostname: it must be a host's name or address alone", MEANING),
        (
            "[[smtp.servers]]\nhost = 'a'\n[[smtp.servers]]\nport = true",
            f"smtp.servers.port: entry 2: it must be a {PORT}",
            MEANING,
        ),
        ("[[smtp.servers]]\nhots = 'a'", "unknown setting smtp.servers.hots", "did you mean smtp.servers.host?"),
        ("[[smtp.servers]]\nname = 'a'", "smtp: entry 1 of servers names neither host nor port", MEANING),
        (f"[smtp]\nport = {'1' * 5000}", "digest.toml cannot be read: a number in it is too long", "mend that line"),
        (f"ports = {'[' * 5000}", "digest.toml cannot be read: a list or table in it is too deep", "mend that line"),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence_with_the_next_step(text: str, sentence: str, step: str) -> None:
    file = write(text)
    with pytest.raises(SettingsError) as refused:
        Settings.load()
    assert str(file) in refused.value.message
    assert sentence in refused.value.message
    assert step in (refused.value.next_step or "")


def test_mail_in_plain_text_to_another_machine_is_refused_when_it_is_read() -> None:
    text = '[mail]\ntransport = "smtp"\n[smtp]\nsecurity = "plain"\n[[smtp.servers]]\nhost = "mail.example"\n'
    write(text)
    with pytest.raises(SettingsError, match=r"mail\.example is another machine"):
        Settings.load()
    write(text.replace("[[", "allow_plain_anywhere = true\n[["))
    assert Settings.load().smtp.allow_plain_anywhere


@pytest.mark.parametrize(
    ("name", "value", "sentence", "step"),
    [
        ("DIGEST_SMTP__HOTS", "x", "unknown environment variable DIGEST_SMTP__HOTS", "DIGEST_SMTP__HOST?"),
        ("DIGEST_SMTP_HOST", "x", "unknown environment variable DIGEST_SMTP_HOST", "DIGEST_SMTP__HOST?"),
        ("digest_smtp__hots", "x", "unknown environment variable DIGEST_SMTP__HOTS", "DIGEST_SMTP__HOST?"),
        (
            "DIGEST_SMTP__SERVERS",
            '[{"name": "a"}]',
            "settings: smtp: entry 1 of servers names neither",
            "docs/settings.md",
        ),
        ("DIGEST_HOME", "/", "unknown environment variable DIGEST_HOME", ""),
        (
            "DIGEST_SMTP__PORT",
            "9" * 5000,
            f"environment variable DIGEST_SMTP__PORT: smtp.port: it must be a {PORT}",
            MEANING,
        ),
        ("DIGEST_WEB__SERVE", "maybe", "environment variable DIGEST_WEB__SERVE: web.serve: it must be true", MEANING),
        ("DIGEST_SECRET_KEY", "", "environment variable DIGEST_SECRET_KEY: secret_key: it must not be empty", MEANING),
        ("DIGEST_FETCH__PORTS", "80,443", "DIGEST_FETCH__PORTS is no JSON list", "[80, 443]"),
        ("DIGEST_FETCH__PORTS", "[" * 100_000, "DIGEST_FETCH__PORTS is no JSON list", "[80, 443]"),
        ("DIGEST_FETCH__PORTS", '["80"]', f"_PORTS: fetch.ports: entry 1: it must be a {PORT}, without", MEANING),
        ("DIGEST_SMTP__SERVERS", '[{"host": "a", "port": 0}]', "_SERVERS: smtp.servers.port: entry 1", MEANING),
        ("DIGEST_PACE__DOMAINS", "x", "DIGEST_PACE__DOMAINS is no JSON table", '{"example.org": {"connections": 2}}'),
        ("DIGEST_CONFIG", "missing.toml", "missing.toml", "digest init"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str, step: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        Settings.load()
    assert sentence in refused.value.message
    assert step in (refused.value.next_step or "")


def test_a_secret_is_never_shown() -> None:
    write('[smtp]\npassword = ["hunter2"]')
    with pytest.raises(SettingsError) as refused:
        Settings.load()
    assert "hunter2" not in f"{refused.value.message}{refused.value.next_step}{refused.value.__cause__}"
    assert "hunter2" not in repr(Settings.load(write('[smtp]\npassword = "hunter2"')))


def test_a_named_file_that_is_missing_is_refused_and_an_unnamed_one_is_not() -> None:
    with pytest.raises(SettingsError, match="there is no settings file"):
        Settings.load(Path("other.toml"))
    assert Settings.load().logs.level == "info"


def test_a_file_in_another_encoding_is_refused() -> None:
    Path("digest.toml").write_bytes('name = "Zürich"'.encode("latin-1"))
    with pytest.raises(SettingsError, match=r"cannot be read: .*at byte 9"):
        Settings.load()


@pytest.mark.parametrize("hidden", ["digest.toml", "secrets/smtp_password"])
def test_a_file_that_may_not_be_read_is_one_sentence(hidden: str) -> None:
    write("")
    write("hunter2\n", "secrets/smtp_password")
    Path(hidden).chmod(0)
    code = """
from digest.config import Settings
from digest.errors import SettingsError
try:
    Settings.load()
except SettingsError as error:
    print(error.message)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, preexec_fn=obey_permissions, check=True
    )
    assert done.stdout.endswith(f"{hidden} cannot be read: Permission denied\n")


def test_the_smtp_password_comes_from_its_file_unless_set_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    write('secrets_dir = "keys"')
    write("from the file \r\n", "keys/smtp_password")
    password = Settings.load().smtp.password
    assert password
    assert password.get_secret_value() == "from the file "
    monkeypatch.setenv("DIGEST_SMTP__PASSWORD", "from the environment")
    password = Settings.load().smtp.password
    assert password
    assert password.get_secret_value() == "from the environment"


def test_the_secret_key_is_made_once_for_its_owner_only() -> None:
    key = Settings.load().key()
    assert len(key) >= 32
    assert Settings.load().key() == key
    assert Path("secrets/secret_key").stat().st_mode & 0o777 == 0o600
    Path("secrets/secret_key").unlink()
    with pytest.raises(SettingsError, match="is missing"):
        Settings.load().key(make=False)


def test_an_empty_secret_key_is_refused() -> None:
    write("\n", "secrets/secret_key")
    with pytest.raises(SettingsError, match="secret_key is empty"):
        Settings.load().key()


def test_every_setting_is_documented_with_type_default_and_variable() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for setting in list_settings():
        row = re.search(rf"^\| `{setting.name}` \| .*`{setting.variable}`.*$", text, re.MULTILINE)
        assert row, f"{setting.variable} is not in docs/settings.md: python -m tests.make_settings"
        assert setting.text in row[0]
    for section in section_texts():
        assert f"## [{section}]" in text


def test_the_settings_page_is_up_to_date() -> None:
    from tests.make_settings import settings_tables

    assert settings_tables() in DOCS.read_text(encoding="utf-8"), "run: python -m tests.make_settings"


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("news.example.org", "such as https://news.example.org"),
        ("http://news.example.org", "https://"),
        ("ftp://news.example.org", "such as https"),
        ("https://", "such as https"),
        ("https://anna:secret@news.example.org", "user name"),
        ("https://news.example.org/?a=b", "? or #"),
        ("https://news.example.org/\\r\\nBcc: x", "control character"),
        ("https://bücher.example", "xn--"),
        ("https://news.example.org:port", "Port"),
    ],
)
def test_a_public_address_that_no_link_can_begin_with_is_refused(address: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load(write(f'[web]\nbase_url = "{address}"'))
    assert "web.base_url: " in caught.value.message
    assert says in caught.value.message
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("address", ["https://n.example/digest/", "http://localhost:8000", "http://[::1]:8000"])
def test_https_or_this_machine_is_a_public_address(address: str) -> None:
    assert Settings.load(write(f'[web]\nbase_url = "{address}"')).web.base_url == address


@pytest.mark.parametrize(
    "address", ["https://n.example/über", "https://n.example/\\r\\nX: y", "me", "mailto:a@b.example"]
)
def test_a_page_about_you_that_breaks_a_header_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match=r"fetch\.about_url: "):
        Settings.load(write(f'[fetch]\nabout_url = "{address}"'))
    assert Settings.load(write('[fetch]\nabout_url = "http://n.example/me"')).fetch.about_url == "http://n.example/me"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('domain = "example"', "dkim.domain: it is no domain"),
        ('domain = "a b.example"', "dkim.domain: it is no domain"),
        ('domain = "x.example; p=1"', "dkim.domain: it is no domain"),
        ('selector = "a_b"', "dkim.selector: a selector is of letters"),
        ('selector = ""', "dkim.selector: a selector is of letters"),
        ('selector = "x"\nsecond_selector = "X"', "dkim: second_selector must differ"),
    ],
)
def test_names_of_dkim_that_the_dns_cannot_hold_are_refused(lines: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load(write(f"[dkim]\n{lines}"))
    assert says in caught.value.message


def test_a_domain_of_dkim_stands_in_ascii_and_its_keys_in_the_secrets_folder() -> None:
    settings = Settings.load(write('[dkim]\ndomain = "Bücher.Example"\nsecond_selector = "ed"\nkey_file = "/k/a.pem"'))
    assert settings.dkim_domain == "xn--bcher-kva.example"
    assert [(key.selector, key.algorithm, str(key.file)) for key in settings.dkim_keys()] == [
        ("digest", "rsa", "/k/a.pem"),
        ("ed", "ed25519", str(Path.cwd() / "secrets" / "dkim_ed25519.pem")),
    ]


SERVERS = """
[smtp]
host = "relay.example"
port = 2525
username = "anna"
password = "one"
connections = 3
[[smtp.servers]]
name = "first"
[[smtp.servers]]
host = "b.example"
security = "tls"
username = "ben"
password_file = "b_password"
connections = 8
weight = 2
[[smtp.servers]]
host = "c.example"
username = ""
"""


def test_what_a_server_of_several_does_not_say_is_as_in_smtp() -> None:
    settings = Settings.load(write(SERVERS))
    relays = settings.smtp.relays()
    assert [(each.host, each.port, each.security, each.username) for each in relays] == [
        ("relay.example", 2525, "starttls", "anna"),
        ("b.example", None, "tls", "ben"),  # a port goes with its security
        ("c.example", 2525, "starttls", None),
    ]
    assert [(each.connections, each.weight) for each in relays] == [(3, 3), (8, 2), (3, 3)]
    write("two\n", "secrets/b_password")
    assert [settings.smtp_password(each.password_file) for each in relays[:2]] == ["one", "two"]
    with pytest.raises(SettingsError, match="there is no password file"):
        settings.smtp_password(Path("missing"))


def test_another_user_needs_a_password_of_its_own() -> None:
    with pytest.raises(SettingsError, match="'ben' needs a password_file of its own"):
        Settings.load(write('[smtp]\nhost = "a"\nusername = "anna"\n[[smtp.servers]]\nusername = "ben"'))


def test_without_servers_the_relay_is_the_one_of_smtp() -> None:
    (relay,) = Settings.load(write('[smtp]\nhost = "relay.example"')).smtp.relays()
    assert (relay.host, relay.connections, relay.weight) == ("relay.example", 4, 4)


def test_nothing_is_limited_unless_it_is_set() -> None:
    assert Settings.load().pace.limits() is None
    pace = Settings.load(
        write('[pace]\nwindows = ["mon-fri 08:00-20:00"]\n[pace.domains."Bücher.example"]\nconnections = 2')
    )
    limits = pace.pace.limits()
    assert limits
    assert limits.limit_of("xn--bcher-kva.example").connections == 2


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('windows = ["mon 8-20"]', "pace.windows: 'mon 8-20' is no sending window"),
        ('zone = "Europe/Berln"', "pace.zone: there is no time zone"),
        ("messages_per_second = 0", "pace.messages_per_second: it must be a number from 0.0001 to 1,000,000"),
        (
            '[pace.domains."x.example"]\nper_second = true',
            "pace.domains.x.example.per_second: it must be a number from",
        ),
        ('[pace.domains."a@x.example"]\n', "pace.domains: 'a@x.example' is no domain"),
        (
            "domains = {'X.example' = {}, 'x.example' = {}}",
            "pace.domains: 'X.example' and 'x.example' are the same domain",
        ),
        ('[pace.domains."x.example"]\nper_minute = 3', "unknown setting pace.domains.x.example.per_minute"),
    ],
)
def test_a_pace_that_cannot_be_kept_is_refused(lines: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load(write(f"[pace]\n{lines}"))
    assert says in caught.value.message

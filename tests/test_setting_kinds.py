"""What a setting may be: a number that can be meant, a host alone; in the file, and as a variable."""

import os
from pathlib import Path

import pytest

from digest.config import Setting, Settings, list_settings
from digest.errors import SettingsError


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("DIGEST_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def load(text: str = "") -> Settings:
    Path("digest.toml").write_text(text, encoding="utf-8")
    return Settings.load()


@pytest.mark.parametrize(
    "setting", [one for one in list_settings() if "number " in one.kind], ids=lambda one: one.variable
)
def test_a_number_is_one_that_can_be_meant(monkeypatch: pytest.MonkeyPatch, setting: Setting) -> None:
    """In the file and as a variable: no truth, no text, nothing without an end."""
    name, is_list = f"{setting.section}.{setting.name}", setting.kind.startswith("list")
    must = f"{name}: {'entry 1: ' if is_list else ''}it must be a {setting.kind.removeprefix('list of ').replace('numbers', 'number')}"
    for value in ("true", "nan", "inf", "-inf", "-1", "1" + 30 * "0", "1e300", "[[]]", '"many"'):
        text = f"[{value}]" if is_list else value
        with pytest.raises(SettingsError) as refused:
            load(f"[{setting.section}]\n{setting.name} = {text}")
        assert must in refused.value.message
        monkeypatch.setenv(setting.variable, text.replace("nan", "NaN").replace("inf", "Infinity") if is_list else text)
        with pytest.raises(SettingsError) as refused:
            load()
        assert f"variable {setting.variable}: {must}" in refused.value.message
        monkeypatch.delenv(setting.variable)


@pytest.mark.parametrize("name", ["localhost", "mail.example.org", "bücher.example", "127.0.0.1", "::1", "smtp_relay"])
def test_a_host_is_a_name_or_an_address(name: str) -> None:
    smtp = load(f'[smtp]\nhost = "{name}"\nhostname = "[192.0.2.1]"\n[[smtp.servers]]\nport = 25').smtp
    assert ([each.host for each in smtp.relays()], smtp.hostname) == ([name], "[192.0.2.1]")


def test_variables_are_read_as_their_settings_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("digest_logs__level", "debug")  # as pydantic has it; in capitals one counts before another
    monkeypatch.setenv("digest_smtp__host", "other")
    given = {"SMTP__PORT": " 25 ", "SIGNUP__PER_NETWORK": "1_000", "DATABASE__BUSY_TIMEOUT": "2.5e1", "WEB__SERVE": "Off", "PACE__WARM_UP": "50.0",
             "PACE__DOMAINS": '{"example.org": {"connections": 2}}', "SMTP__HOST": "7", "TEMPLATES": "mine"}  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(f"DIGEST_{name}", value)
    settings = load()
    assert (settings.smtp.port, settings.database.busy_timeout, settings.web.serve) == (25, 25.0, False)
    assert (settings.pace.warm_up, settings.pace.domains["example.org"].connections) == (50, 2)
    assert (settings.smtp.host, settings.templates) == ("7", Path("mine"))
    assert (settings.logs.level, settings.signup.per_network) == ("debug", 1000)


def test_servers_on_this_machine_are_told_apart_by_their_ports() -> None:
    smtp = load('[smtp]\nsecurity = "plain"\n[[smtp.servers]]\nport = 2525\n[[smtp.servers]]\nport = 2526').smtp
    assert [(each.host, each.port) for each in smtp.relays()] == [("localhost", 2525), ("localhost", 2526)]


def test_a_fault_in_the_files_table_is_not_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_PACE__DOMAINS", '{"y.org": {"connections": 2}}')
    with pytest.raises(SettingsError, match=r"digest\.toml: pace\.domains\.x\.org\.connections"):
        load('[pace.domains."x.org"]\nconnections = 0')

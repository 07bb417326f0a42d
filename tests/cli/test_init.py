"""`digest init`: a folder one can start with, never over one that is in use."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cli.terminal import type_to_digest
from tests.command import obey_permissions, run_digest

from digest.cli.settings_file import settings_text
from digest.config import Settings, list_settings

LINE = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
CHOICES = st.fixed_dictionaries(
    {},
    optional={
        "": st.fixed_dictionaries({}, optional={"secrets_dir": st.just("keys")}),
        "smtp": st.fixed_dictionaries(
            {}, optional={"host": st.just("mail.example.org"), "username": LINE, "port": st.integers(1, 65535), "allow_plain_anywhere": st.booleans()}
        ),
        "fetch": st.fixed_dictionaries({}, optional={"ports": st.lists(st.integers(1, 9)), "about_url": st.just("https://n.example/")}),
        "web": st.fixed_dictionaries({}, optional={"hosts": st.lists(LINE)}),
    },
)  # fmt: skip


@settings(deadline=None, max_examples=100)
@given(CHOICES)
def test_the_written_settings_read_back_as_chosen(chosen: dict[str, dict[str, Any]]) -> None:
    read = tomllib.loads(settings_text(chosen))
    flat = read | {"": {name: value for name, value in read.items() if not isinstance(value, dict)}}
    for section, values in chosen.items():
        assert flat[section] == values
    Settings.check(
        settings_text({name: values for name, values in chosen.items() if name != "web"})
    )  # odd hosts are refused


def test_the_written_file_names_every_setting_and_its_default() -> None:
    lines = settings_text({}).splitlines()
    for setting in list_settings():
        assert any(line.startswith(f"# {setting.name} =") for line in lines), setting.variable
    uncommented = [line.removeprefix("# ") for line in lines if " = " in line or line.startswith("[")]
    every = Settings.model_validate(tomllib.loads("\n".join(uncommented)))
    assert every.model_dump() == Settings().model_dump()


def test_a_setting_that_does_not_exist_is_a_fault_of_the_caller() -> None:
    with pytest.raises(KeyError, match="hots"):
        settings_text({"smtp": {"hots": "x"}})


@pytest.mark.parametrize(
    ("option", "value", "missing"),
    [
        ("--cadence", "weekly=every blue moon", "--newsletter SLUG"),
        ("--name", "The week", "--newsletter SLUG"),
        ("--sender", "anna@example.org", "--newsletter SLUG"),
        ("--zone", "Europe/Berlin", "--newsletter SLUG"),
        ("--postal-address", "1 Mill Lane", "--newsletter SLUG"),
        ("--source", "https://blog.example/feed", "--newsletter SLUG"),
        ("--smtp-port", "25", "--smtp-host HOST"),
        ("--smtp-security", "tls", "--smtp-host HOST"),
        ("--smtp-username", "anna", "--smtp-host HOST"),
        ("--smtp-password-file", "password.txt", "--smtp-host HOST"),
    ],
)
def test_an_option_of_what_is_not_named_is_not_passed_over(
    tmp_path: Path, option: str, value: str, missing: str
) -> None:
    refused = run_digest("init", "news", option, value, cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"error: {option} is of ")
    assert f"add: {missing}" in refused.stderr
    assert not (tmp_path / "news").exists()


def test_init_makes_settings_secrets_database_and_a_newsletter(tmp_path: Path) -> None:
    (tmp_path / "password.txt").write_text("hunter2\n")
    made = run_digest(
        "init", "news", "--smtp-host", "mail.example.org", "--smtp-username", "anna", "--smtp-password-file",
        "password.txt", "--newsletter", "week", "--sender", "anna@example.org", "--zone", "europe/berlin",
        "--cadence", "brief=daily at 7", "--cadence", "every 2 weeks on mon", cwd=tmp_path,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    news = tmp_path / "news"
    assert "hunter2" not in (news / "digest.toml").read_text() + made.stderr
    assert {file.name: file.stat().st_mode & 0o777 for file in (news / "secrets").iterdir()} == {
        "secret_key": 0o600, "smtp_password": 0o600
    }  # fmt: skip
    assert (news / "secrets").stat().st_mode & 0o777 == 0o700
    settings = Settings.load(news / "digest.toml")
    assert (settings.mail.transport, settings.smtp.host, settings.smtp.username) == ("smtp", "mail.example.org", "anna")
    assert settings.smtp.password
    assert settings.smtp.password.get_secret_value() == "hunter2"
    (newsletter,) = json.loads(run_digest("newsletter", "list", "--json", cwd=news).stdout)
    rules = {each["name"]: each["rule"] for each in newsletter["cadences"]}
    assert (newsletter["slug"], rules["brief"], len(rules)) == ("week", "daily at 07:00", 2)
    plan = json.loads(run_digest("plan", "--days", "2", "--json", cwd=news).stdout)
    assert [row["slot"][11:] for row in plan if row["cadence"] == "brief"] == ["07:00", "07:00"]


def test_init_adds_a_first_source_and_says_where_that_fails(tmp_path: Path) -> None:
    posts = tmp_path / "posts"
    posts.mkdir()
    (posts / "a.md").write_text("---\ntitle: Hello\ndate: 2026-01-05\n---\nWords.\n")
    week = ("--newsletter", "week", "--sender", "anna@example.org")
    made = run_digest("init", "news", *week, "--source", str(posts), cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "source add" not in made.stderr
    assert "warning: no postal address" in made.stderr
    assert "times of week are in UTC" in made.stderr
    (source,) = json.loads(run_digest("source", "list", "--json", cwd=tmp_path / "news").stdout)
    assert str(posts) in source.values()
    partly = run_digest("init", "other", *week, "--source", "http://127.0.0.1:9/", cwd=tmp_path)
    assert (partly.returncode, "http://127.0.0.1:9/ is not added: " in partly.stderr) == (3, True)
    assert (tmp_path / "other" / "digest.toml").exists()


def test_init_refuses_to_overwrite_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "digest.toml").write_text("# mine\n")
    done = run_digest("init", cwd=tmp_path)
    assert (done.returncode, "exists already" in done.stderr) == (1, True)
    assert [file.name for file in tmp_path.iterdir()] == ["digest.toml"]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("--smtp-host", "h", "--smtp-security", "none"), 1, "smtp.security"),
        (("--newsletter", "The Week", "--sender", "a@example.org"), 2, "'The Week' is no slug"),
        (("--newsletter", "week"), 2, "the sender's address is missing"),
        (("--newsletter", "week", "--sender", "a@example.org", "--cadence", "hourly"), 2, "'hourly'"),
        (
            ("--newsletter", "week", "--sender", "a@example.org", *2 * ("--cadence", "daily at 7")),
            1,
            "give one another name",
        ),
        (("--smtp-host", "h", "--smtp-password-file", "none.txt"), 2, "add: --smtp-username NAME"),
        (
            ("--smtp-host", "h", "--smtp-username", "anna", "--smtp-password-file", "none.txt"),
            1,
            "none.txt cannot be read",
        ),
        (
            ("--smtp-host", "h", "--smtp-port", "1" * 5000),
            2,
            f"error: --smtp-port: '{'1' * 40}…' is not a whole number",
        ),
        (("--smtp-host", "mail.example.org:25"), 1, "smtp.host: it must be a host's name or address alone"),
        (("--database", "mysql://host/name"), 1, "error: --database names no database that digest knows"),
        (("--database", "postgresql://nowhere.invalid/d?sslmode=requir"), 1, "Postgres knows no sslmode=requir"),
        (("--database", "postgresql://127.0.0.1:9/digest"), 1, "Connection refused; nothing was made"),
        (("--database", "sqlite:///missing/digest.db"), 1, "missing/digest.db cannot be made"),
        (("--smtp-host", "mail.example.org", "--smtp-security", "plain"), 1, "mail.example.org is another machine"),
    ],
)
def test_a_wrong_choice_leaves_no_folder_behind(
    tmp_path: Path, words: tuple[str, ...], code: int, sentence: str
) -> None:
    done = run_digest("init", "news", *words, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert sentence in done.stderr
    assert not (tmp_path / "news").exists()


def test_what_was_there_before_a_failed_start_stays(tmp_path: Path) -> None:
    (tmp_path / "mine.db").write_text("no database, but mine " * 9)
    done = run_digest("init", "--database", "sqlite:///mine.db", cwd=tmp_path)
    assert (done.returncode, "is not a database" in done.stderr) == (1, True)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.db"]


def test_the_way_into_a_folder_with_a_blank_can_be_pasted(tmp_path: Path) -> None:
    assert f"next: cd '{tmp_path}/our news'" in run_digest("init", "our news", cwd=tmp_path).stderr.splitlines()


def test_a_folder_that_may_not_be_written_is_one_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = run_digest("init", "news", cwd=tmp_path, preexec_fn=obey_permissions)
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        1, f"error: {tmp_path}/news cannot be written: Permission denied"
    )  # fmt: skip


def test_on_a_terminal_it_asks_and_keeps_the_password_out_of_sight(tmp_path: Path) -> None:
    answers = ["mail.example.org:25", " mail.example.org ", "ssl", "plain", "tls", "99999", "1" * 4000, " 2465 ", "anna", "hunter2", "week", "The Week",
               " ", "anna@example.org", "", "Europe/Berlin", "Hauptstr. 1", "mondays at 8", ""]  # fmt: skip
    code, shown = type_to_digest("init", "news", cwd=tmp_path, answers=answers)
    assert code == 0, shown
    assert "hunter2" not in shown
    assert "'ssl' is none of tls, starttls, plain" in shown
    assert "smtp.security is plain, but mail.example.org is another machine" in shown
    settings = Settings.load(tmp_path / "news" / "digest.toml")
    assert "'mail.example.org:25': it must be a host's name or address alone" in shown
    assert "'99999' is no port" in shown
    assert f"'{'1' * 40}…' is no port" in shown
    assert settings.smtp.host == "mail.example.org"
    assert (settings.smtp.security, settings.smtp.port, settings.smtp.username) == ("tls", 2465, "anna")
    assert settings.smtp.password
    assert settings.smtp.password.get_secret_value() == "hunter2"
    (newsletter,) = json.loads(run_digest("newsletter", "list", "--json", cwd=tmp_path / "news").stdout)
    assert (newsletter["name"], newsletter["sender_name"]) == ("The Week", "The Week")


def test_a_public_address_must_be_https(tmp_path: Path) -> None:
    done = run_digest("init", ".", "--base-url", "https://news.example.org", cwd=tmp_path)
    assert done.returncode == 0
    refused = run_digest("init", "third", "--base-url", "http://news.example.org", cwd=tmp_path)
    assert refused.returncode == 1
    assert "must begin with https://" in refused.stderr
    assert not (tmp_path / "third").exists()

"""Settings: the deployment's. digest.toml, DIGEST_ variables and secret files are read here and nowhere else.

Editorial choices (newsletters, sources, people) live in the database, not here. An unknown key is refused by name
with the nearest known one; so is an unknown DIGEST_ variable, because a misspelt one is silently ignored otherwise.
"""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from digest.errors import SettingsError
from digest.mail.plain_text import check_privacy
from digest.secret_files import is_open_to_all, key_file, read_keys, read_secret, reason_of
from digest.setting_kinds import (
    check_kind,
    entry_of,
    given_variables,
    is_list,
    is_told_by,
    kind_of,
    read_json,
    read_variable,
    words_of,
)
from digest.settings_sections import (
    DatabaseSettings,
    DkimKey,
    DkimSettings,
    FetchSettings,
    LogSettings,
    MailSettings,
    PaceSettings,
    Section,
    SignupSettings,
    SmtpSettings,
    WebSettings,
)

DEFAULT_FILE = "digest.toml"
SMTP_PASSWORD_FILE = "smtp_password"  # noqa: S105 - a file's name
SECRET_KEY_FILE = "secret_key"  # noqa: S105 - a file's name
LINK_KEYS_FILE = "link_keys"

_TWICE, _QUOTED = re.compile(r"Cannot declare \((.*?)\) twice"), re.compile(r"'([^']*)'")  # tomllib's words
_OTHER_VARIABLES = {"DIGEST_CONFIG", "DIGEST_DEBUG"}


class Settings(BaseSettings):
    """Everything a deployment decides."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)
    templates: Path = Field(
        default=Path("templates"), description="Your own templates, looked in before those that come with the program."
    )
    secrets_dir: Path = Field(
        default=Path("secrets"),
        description="The folder of secret files: secret_key (made at the first use), smtp_password, keys of DKIM.",
    )
    spool: Path = Field(
        default=Path("spool"),
        description="The folder of what mail servers said while the database was away; the next turn takes it up.",
    )
    secret_key: SecretStr | None = Field(
        default=None, description="Signs the links in mails. Better in the file secrets/secret_key than here."
    )
    database: DatabaseSettings = DatabaseSettings()
    mail: MailSettings = MailSettings()
    smtp: SmtpSettings = SmtpSettings()
    pace: PaceSettings = PaceSettings()
    dkim: DkimSettings = DkimSettings()
    web: WebSettings = WebSettings()
    signup: SignupSettings = SignupSettings()
    fetch: FetchSettings = FetchSettings()
    logs: LogSettings = LogSettings()
    home: Path = Field(default=Path(), exclude=True)  # the folder of the settings file; relative paths start here
    is_written: bool = Field(default=False, exclude=True)  # whether there is a settings file

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - _Variables knows what each setting may be
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - there is none
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - load() reads secrets relative to the file
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        return (_Variables(settings_cls), init_settings)

    def path(self, relative: Path) -> Path:
        """A path of the settings, relative to the settings file's folder."""
        return relative if relative.is_absolute() else self.home / relative

    @field_validator("templates", "secrets_dir", "spool", mode="before")
    @classmethod
    def _check_path(cls, value: Any) -> Any:
        check_kind(cls.model_fields["templates"], value)
        return value

    @field_validator("secret_key")
    @classmethod
    def _check_key(cls, value: SecretStr | None) -> SecretStr | None:
        """By an empty one anybody could sign."""
        if value is not None and not value.get_secret_value().strip():
            raise ValueError("it must not be empty")
        return value

    @model_validator(mode="after")
    def _check_privacy(self) -> Self:
        """Refused as soon as it is read, not with the first mail. Not a ValueError: its own words leave pydantic."""
        if self.mail.transport == "smtp":
            for relay in self.smtp.relays():
                check_privacy(relay.host, relay.security, allow_plain_anywhere=self.smtp.allow_plain_anywhere)
        return self

    @property
    def database_url(self) -> str:
        """The database's URL with a relative SQLite path made absolute."""
        url, prefix = self.database.url, "sqlite:///"
        if url.startswith(prefix) and url != prefix and not url.startswith(prefix + "/"):
            return prefix + str((self.home / url.removeprefix(prefix)).resolve())
        return url

    def can_write_to(self, address: str) -> bool:
        """Whether the mail server takes an address (of `parse_address`): not every one takes letters beyond ASCII."""
        return address.isascii() or self.smtp.utf8_addresses or self.mail.transport == "maildir"

    def key(self, *, make: bool = True) -> bytes:
        """The secret key, from DIGEST_SECRET_KEY or the file secrets/secret_key; made at its first use.

        Raises:
            SettingsError: the file cannot be read or written, or is missing and must not be made.
        """
        if self.secret_key is not None:
            return self.secret_key.get_secret_value().encode()
        file = self.path(self.secrets_dir) / SECRET_KEY_FILE
        if not make and not file.exists():
            raise SettingsError(
                f"the secret key {file} is missing, and the database was made with it",
                next_step="put it back from your backup (docs/operations.md says why)",
            )
        return key_file(file)

    def open_secrets(self) -> tuple[Path, ...]:
        """The secret files that everybody on this machine may read."""
        names: list[str | Path] = [
            SECRET_KEY_FILE,
            LINK_KEYS_FILE,
            SMTP_PASSWORD_FILE,
            self.dkim.key_file,
            self.dkim.second_key_file,
        ]
        names += [server.password_file for server in self.smtp.servers if server.password_file]
        return tuple(file for name in names if is_open_to_all(file := self.path(self.secrets_dir) / name))

    def link_keys(self) -> tuple[bytes, ...]:
        """The keys of the file secrets/link_keys, newest first; none where links are signed by the secret key alone.

        Raises:
            SettingsError: the file cannot be read.
        """
        return read_keys(self.link_keys_file)

    @property
    def link_keys_file(self) -> Path:
        """Where the keys of links are, once there are any (`digest links rotate`)."""
        return self.path(self.secrets_dir) / LINK_KEYS_FILE

    def smtp_password(self, file: Path | None = None) -> str | None:
        """The password of [smtp], or the one in this file of secrets_dir.

        Raises:
            SettingsError: the file is missing or cannot be read.
        """
        if file is None:
            return self.smtp.password.get_secret_value() if self.smtp.password else None
        path = self.path(self.secrets_dir) / file
        if (password := read_secret(path)) is None:
            raise SettingsError(f"there is no password file {path}", next_step="write the password into it")
        return password

    @property
    def dkim_domain(self) -> str:
        """The domain that signs.

        Raises:
            SettingsError: it is not set.
        """
        if self.dkim.domain is None:
            raise SettingsError(
                "dkim.domain is not set: signatures need the domain that they speak for",
                next_step="set domain under [dkim] in digest.toml, as a rule what stands after the @ of the sender",
            )
        return self.dkim.domain

    def dkim_keys(self) -> tuple[DkimKey, ...]:
        """The keys that sign, the RSA key first."""
        dkim, folder = self.dkim, self.path(self.secrets_dir)
        keys = [DkimKey(selector=dkim.selector, algorithm="rsa", file=folder / dkim.key_file)]
        if dkim.second_selector:
            keys.append(DkimKey(selector=dkim.second_selector, algorithm="ed25519", file=folder / dkim.second_key_file))
        return tuple(keys)

    @classmethod
    def load(cls, file: Path | None = None) -> Self:
        """Read the named file, else DIGEST_CONFIG, else ./digest.toml if there is one.

        Raises:
            SettingsError: a named file is missing, a key unknown, a value of the wrong type.
        """
        named = file or (Path(os.environ["DIGEST_CONFIG"]) if os.environ.get("DIGEST_CONFIG") else None)
        path = (named or Path(DEFAULT_FILE)).absolute()
        data = _read_toml(path, needed=named is not None)
        _refuse_unknowngiven_variables()
        if ours := [
            name for name in data if name in {"home", "is_written"} or name.startswith("_")
        ]:  # pydantic's options
            raise SettingsError(f"{path}: unknown setting {ours[0]}", next_step="docs/settings.md lists every setting")
        try:
            settings = cls(**data, home=path.parent, is_written=path.is_file())
        except ValidationError as error:
            raise _meaning(error, path) from None
        return settings._with_secrets()

    @classmethod
    def check(cls, text: str) -> None:
        """Whether this TOML could be the settings file.

        Raises:
            SettingsError: a key unknown, a value of the wrong type.
        """
        try:
            cls(**_parse_toml(text, None))
        except ValidationError as error:
            raise _meaning(error, None) from None

    def _with_secrets(self) -> Self:
        """Secrets from files: secrets/smtp_password."""
        file = self.path(self.secrets_dir) / SMTP_PASSWORD_FILE
        if self.smtp.password is not None or (password := read_secret(file)) is None:
            return self
        smtp = self.smtp.model_copy(update={"password": SecretStr(password)})
        return self.model_copy(update={"smtp": smtp})


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting, as docs/settings.md and `digest init` tell of it."""

    section: str  # empty for those above every section
    name: str
    kind: str
    default: Any
    text: str
    info: FieldInfo

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return "DIGEST_" + "__".join(part.upper() for part in (self.section, self.name) if part)


def list_settings() -> tuple[Setting, ...]:
    """Every setting, in the order of the sections."""
    found = []
    for name, info in Settings.model_fields.items():
        section = info.annotation
        if isinstance(section, type) and issubclass(section, Section):
            found += [_setting(name, inner, field) for inner, field in section.model_fields.items()]
        elif not info.exclude:
            found.append(_setting("", name, info))
    return tuple(found)


def section_texts() -> dict[str, str]:
    """What each section is about."""
    annotations = {name: info.annotation for name, info in Settings.model_fields.items()}
    return {name: kind.__doc__ or "" for name, kind in annotations.items()
            if isinstance(kind, type) and issubclass(kind, Section)}  # fmt: skip


def list_tables() -> dict[str, tuple[type[BaseModel], tuple[Setting, ...]]]:
    """The tables within sections, by their head in TOML, with what each entry holds."""
    found = {}
    for section, info in Settings.model_fields.items():
        kind = info.annotation
        if not (isinstance(kind, type) and issubclass(kind, Section)):
            continue
        for name, field in kind.model_fields.items():
            if entry := entry_of(field):
                head = f"[[{section}.{name}]]" if is_list(field) else f'[{section}.{name}."…"]'
                inner = tuple(_setting(f"{section}.{name}", each, one) for each, one in entry.model_fields.items())
                found[head] = (entry, inner)
    return found


def _setting(section: str, name: str, info: FieldInfo) -> Setting:
    return Setting(
        section=section, name=name, kind=kind_of(info), default=info.default, text=info.description or "", info=info
    )


class _Variables(PydanticBaseSettingsSource):
    """DIGEST_ variables, each read as what its setting may be."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - pydantic names it
        """Unused: sections have several variables each."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """What is set, by section and name."""
        found: dict[str, Any] = {}
        given = given_variables()
        for setting in list_settings():
            if (text := given.get(setting.variable)) is not None:
                place = found.setdefault(setting.section, {}) if setting.section else found
                place[setting.name] = read_variable(setting.info, text)
        return found


def _read_toml(path: Path, *, needed: bool) -> dict[str, Any]:
    try:
        return _parse_toml(path.read_text(encoding="utf-8"), path)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        if needed:
            raise SettingsError(f"there is no settings file {path}", next_step="run: digest init") from error
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path} cannot be read: {reason_of(error)}", next_step="check its permissions and encoding (UTF-8)"
        ) from error


def _parse_toml(text: str, path: Path | None) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        words = _TWICE.sub(lambda found: f"[{'.'.join(re.findall(_QUOTED, found[1]))}] stands there twice", str(error))
        step = "put its lines under the first one" if _TWICE.search(str(error)) else "mend that line"
        raise SettingsError(f"{path or 'settings'} is not valid TOML: {words}", next_step=step) from error
    except (ValueError, RecursionError) as error:  # Python's own: thousands of digits, lists in lists in lists
        is_deep = isinstance(error, RecursionError)
        what = "a list or table in it is too deep" if is_deep else "a number in it is too long"
        raise SettingsError(f"{path or 'settings'} cannot be read: {what}", next_step="mend that line") from error


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else "docs/settings.md lists every setting"


def _refuse_unknowngiven_variables() -> None:
    """A misspelt variable, and a list that is no JSON: neither gets a clear sentence from pydantic."""
    settings = {setting.variable: setting for setting in list_settings()}
    for name, value in given_variables().items():
        if name.startswith("DIGEST_TEST_") or name in _OTHER_VARIABLES:
            continue
        if name not in settings:
            raise SettingsError(f"unknown environment variable {name}", next_step=_nearest(name, settings))
        info = settings[name].info
        if is_list(info) and not isinstance(read_json(value), list):
            example = json.dumps(settings[name].default or _EXAMPLES.get(name, ["10.1.0.0/16"]))
            raise SettingsError(f"environment variable {name} is no JSON list", next_step=f"write it like {example}")
        if not is_list(info) and entry_of(info) and not isinstance(read_json(value), dict):
            example = json.dumps(_EXAMPLES[name])
            raise SettingsError(f"environment variable {name} is no JSON table", next_step=f"write it like {example}")


_EXAMPLES: dict[str, Any] = {
    "DIGEST_SMTP__SERVERS": [{"host": "mail.example.org"}],
    "DIGEST_PACE__DOMAINS": {"example.org": {"connections": 2}},
    "DIGEST_PACE__WINDOWS": ["mon-fri 08:00-20:00"],
    "DIGEST_WEB__HOSTS": ["news.example.org"],
}


def _meaning(error: ValidationError, path: Path | None) -> SettingsError:
    first = error.errors(include_input=False, include_url=False)[0]
    settings = {".".join(filter(None, (each.section, each.name))): each for each in list_settings()}
    name = ".".join(str(part) for part in first["loc"] if not isinstance(part, int))
    above = next((each for key, each in settings.items() if f"{name}.".startswith(f"{key}.")), None)
    where = path if path and path.is_file() else "settings"
    if above and is_told_by(above.info, given_variables().get(above.variable), first["loc"]):
        where = f"environment variable {above.variable}"
    entry = next((f"entry {part + 1}: " for part in first["loc"] if isinstance(part, int)), "")
    if first["type"] == "extra_forbidden":
        tables = (each for head, (_, each) in list_tables().items() if head.startswith("[["))
        known = [*settings, *section_texts(), *(f"{one.section}.{one.name}" for each in tables for one in each)]
        return SettingsError(f"{where}: unknown setting {name}", next_step=_nearest(name, known))
    return SettingsError(f"{where}: {name}: {entry}{words_of(first)}", next_step="docs/settings.md says what it may be")

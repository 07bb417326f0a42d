"""Settings: the deployment's. digest.toml, DIGEST_ variables and secret files are read here and nowhere else.

Editorial choices (newsletters, sources, people) live in the database, not here. An unknown key is refused by name
with the nearest known one; so is an unknown DIGEST_ variable, because a misspelt one is silently ignored otherwise.
"""

import difflib
import json
import os
import re
import secrets
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from digest.core.web_address import check_public_address, check_web_address
from digest.errors import SettingsError

DEFAULT_FILE = "digest.toml"
SMTP_PASSWORD_FILE = "smtp_password"  # noqa: S105 - a file's name
SECRET_KEY_FILE = "secret_key"  # noqa: S105 - a file's name

_TWICE, _QUOTED = re.compile(r"Cannot declare \((.*?)\) twice"), re.compile(r"'([^']*)'")  # tomllib's words
_OTHER_VARIABLES = {"DIGEST_CONFIG", "DIGEST_DEBUG"}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DatabaseSettings(_Section):
    """Where everything is kept."""

    url: str = Field(
        default="sqlite:///digest.db",
        description="SQLite or Postgres; a relative SQLite path starts at the settings file.",
    )
    busy_timeout: float = Field(default=10.0, ge=0, le=600, description="Seconds to wait for another process's write.")


class MailSettings(_Section):
    """Where messages go."""

    transport: Literal["maildir", "smtp"] = Field(
        default="maildir", description="maildir keeps every message in a folder and sends nothing; smtp sends."
    )
    maildir: Path = Field(default=Path("mailbox"), description="The folder of the maildir transport.")


class SmtpSettings(_Section):
    """The mail server that takes the messages (RFC 5321)."""

    host: str = Field(default="localhost", description="Its name.")
    port: int | None = Field(
        default=None, ge=1, le=65535, description="Unset: 465 for tls, 587 for starttls, 25 for plain."
    )
    security: Literal["tls", "starttls", "plain"] = Field(
        default="starttls",
        description="tls from the start (RFC 8314), starttls (RFC 3207), or plain on this machine only.",
    )
    username: str | None = Field(default=None, description="Unset: no login.")
    password: SecretStr | None = Field(default=None, description="Better in the file secrets/smtp_password than here.")
    connections: int = Field(default=4, ge=1, le=100, description="Conversations at the same time.")
    allow_plain_anywhere: bool = Field(
        default=False, description="Allow plain to another machine: passwords and mail are readable on the way."
    )
    ca_file: Path | None = Field(default=None, description="The certificate of a private authority, in PEM.")
    hostname: str | None = Field(default=None, description="What EHLO says. Unset: this machine's name.")


class WebSettings(_Section):
    """The pages that links in mails lead to, which this version does not serve yet."""

    base_url: str | None = Field(
        default=None,
        description="Leave it unset: readers then leave by a mail to the reply address. Set it only where a program of"
        " yours answers at its /unsubscribe/, /preferences/ and archive pages: an https address.",
    )

    @field_validator("base_url")
    @classmethod
    def _check(cls, value: str | None) -> str | None:
        if value is not None:
            check_public_address(value)
        return value


class FetchSettings(_Section):
    """How sources are read."""

    about_url: str | None = Field(
        default=None, description="A page about you for the User-Agent (docs/fetching.md F13)."
    )
    ports: tuple[int, ...] = Field(default=(80, 443), description="Ports that may be asked.")
    allow_private: tuple[str, ...] = Field(
        default=(), description='Networks that may be fetched although private, such as "10.1.0.0/16".'
    )
    connections: int = Field(default=16, ge=1, le=64, description="Fetches at the same time.")

    @field_validator("about_url")
    @classmethod
    def _check(cls, value: str | None) -> str | None:
        if value is not None:
            check_web_address(value)
        return value


class LogSettings(_Section):
    """What is written to stderr while it works."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least that is written."
    )
    format: Literal["text", "json"] = Field(
        default="text", description="One line of text or one JSON object for each record."
    )


class Settings(BaseSettings):
    """Everything a deployment decides."""

    model_config = SettingsConfigDict(
        env_prefix="DIGEST_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )
    templates: Path = Field(
        default=Path("templates"), description="Your own templates, looked in before those that come with the program."
    )
    secrets_dir: Path = Field(
        default=Path("secrets"),
        description="The folder of secret files: secret_key (made at the first use), smtp_password.",
    )
    secret_key: SecretStr | None = Field(
        default=None, description="Signs the links in mails. Better in the file secrets/secret_key than here."
    )
    database: DatabaseSettings = DatabaseSettings()
    mail: MailSettings = MailSettings()
    smtp: SmtpSettings = SmtpSettings()
    web: WebSettings = WebSettings()
    fetch: FetchSettings = FetchSettings()
    logs: LogSettings = LogSettings()
    home: Path = Field(default=Path(), exclude=True)  # the folder of the settings file; relative paths start here

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic names it
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - there is none
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - load() reads secrets relative to the file
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        return (env_settings, init_settings)

    def path(self, relative: Path) -> Path:
        """A path of the settings, relative to the settings file's folder."""
        return relative if relative.is_absolute() else self.home / relative

    @property
    def database_url(self) -> str:
        """The database's URL with a relative SQLite path made absolute."""
        url, prefix = self.database.url, "sqlite:///"
        if url.startswith(prefix) and url != prefix and not url.startswith(prefix + "/"):
            return prefix + str((self.home / url.removeprefix(prefix)).resolve())
        return url

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
        return _key_file(file)

    @classmethod
    def load(cls, file: Path | None = None) -> Self:
        """Read the named file, else DIGEST_CONFIG, else ./digest.toml if there is one.

        Raises:
            SettingsError: a named file is missing, a key unknown, a value of the wrong type.
        """
        named = file or (Path(os.environ["DIGEST_CONFIG"]) if os.environ.get("DIGEST_CONFIG") else None)
        path = (named or Path(DEFAULT_FILE)).absolute()
        data = _read_toml(path, needed=named is not None)
        _refuse_unknown_variables()
        if "home" in data:
            raise SettingsError(f"{path}: unknown setting home", next_step="docs/settings.md lists every setting")
        try:
            settings = cls(**{**data, "home": path.parent})
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
            cls(**tomllib.loads(text))
        except ValidationError as error:
            raise _meaning(error, None) from None

    def _with_secrets(self) -> Self:
        """Secrets from files: secrets/smtp_password."""
        file = self.path(self.secrets_dir) / SMTP_PASSWORD_FILE
        if self.smtp.password is not None or (password := _read_secret(file)) is None:
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

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return "DIGEST_" + "__".join(part.upper() for part in (self.section, self.name) if part)


def list_settings() -> tuple[Setting, ...]:
    """Every setting, in the order of the sections."""
    found = []
    for name, info in Settings.model_fields.items():
        section = info.annotation
        if isinstance(section, type) and issubclass(section, _Section):
            found += [_setting(name, inner, field) for inner, field in section.model_fields.items()]
        elif not info.exclude:
            found.append(_setting("", name, info))
    return tuple(found)


def section_texts() -> dict[str, str]:
    """What each section is about."""
    annotations = {name: info.annotation for name, info in Settings.model_fields.items()}
    return {name: kind.__doc__ or "" for name, kind in annotations.items()
            if isinstance(kind, type) and issubclass(kind, _Section)}  # fmt: skip


def _setting(section: str, name: str, info: FieldInfo) -> Setting:
    return Setting(
        section=section, name=name, kind=_kind(info.annotation), default=info.default, text=info.description or ""
    )


def _kind(annotation: Any) -> str:
    """The type in words: `"a", "b"`, a number, text."""
    words = {str: "text", int: "number", float: "number", bool: "true or false", Path: "path", SecretStr: "secret text"}
    inner = [kind for kind in get_args(annotation) if kind not in {type(None), Ellipsis}]
    if get_origin(annotation) is Literal:
        return " or ".join(f'"{value}"' for value in inner)
    if get_origin(annotation) is tuple:
        return f"list of {words[inner[0]]}s" if inner[0] is int else f"list of {words[inner[0]]}"
    return words[inner[0] if inner else annotation]


def _read_toml(path: Path, *, needed: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        if needed:
            raise SettingsError(f"there is no settings file {path}", next_step="run: digest init") from error
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path} cannot be read: {_reason(error)}", next_step="check its permissions and encoding (UTF-8)"
        ) from error
    except tomllib.TOMLDecodeError as error:
        words = _TWICE.sub(lambda found: f"[{'.'.join(re.findall(_QUOTED, found[1]))}] stands there twice", str(error))
        step = "put its lines under the first one" if _TWICE.search(str(error)) else "mend that line"
        raise SettingsError(f"{path} is not valid TOML: {words}", next_step=step) from error


def _read_secret(file: Path) -> str | None:
    """The first line of a secret file, None where there is no such file."""
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the secret file {file} cannot be read: {_reason(error)}", next_step="check its permissions"
        ) from error


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else f"{error.reason} at byte {error.start}"


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else "docs/settings.md lists every setting"


def _refuse_unknown_variables() -> None:
    """A misspelt variable, and a list that is no JSON: neither gets a clear sentence from pydantic."""
    settings = {setting.variable: setting for setting in list_settings()}
    for name, value in os.environ.items():
        if not name.startswith("DIGEST_") or name.startswith("DIGEST_TEST_") or name in _OTHER_VARIABLES:
            continue
        if name not in settings:
            raise SettingsError(f"unknown environment variable {name}", next_step=_nearest(name, settings))
        if settings[name].kind.startswith("list") and not _is_json_list(value):
            example = json.dumps(settings[name].default or ["10.1.0.0/16"])
            raise SettingsError(f"environment variable {name} is no JSON list", next_step=f"write it like {example}")


def _is_json_list(text: str) -> bool:
    try:
        return isinstance(json.loads(text), list)
    except ValueError:
        return False


def _meaning(error: ValidationError, path: Path | None) -> SettingsError:
    first = error.errors(include_input=False, include_url=False)[0]
    known = {".".join(filter(None, (each.section, each.name))): each for each in list_settings()}
    name = ".".join(str(part) for part in first["loc"] if not isinstance(part, int))
    if first["type"] == "extra_forbidden":
        return SettingsError(
            f"{path or 'settings'}: unknown setting {name}", next_step=_nearest(name, [*known, *section_texts()])
        )
    setting = known.get(name)
    where = (
        f"environment variable {setting.variable}"
        if setting and setting.variable in os.environ
        else f"{path or 'settings'}"
    )
    fault = (
        "it must stand between [ and ], as a list"
        if first["type"] == "tuple_type"
        else first["msg"].removeprefix("Value error, ")
    )
    step = f"it is {setting.kind}; docs/settings.md lists every setting" if setting else "see docs/settings.md"
    return SettingsError(f"{where}: {name}: {fault}", next_step=step)


def _key_file(file: Path) -> bytes:
    try:
        if not file.exists():
            _make_key(file)
        key = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the secret key {file} cannot be used: {_reason(error)}", next_step="check its permissions"
        ) from error
    if not key:
        raise SettingsError(f"the secret key {file} is empty", next_step="put it back from your backup")
    return key.encode()


def _make_key(file: Path) -> None:
    """Whole or not at all: of two processes that start at once, one's key stands and the other reads it."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(secrets.token_urlsafe(32) + "\n")
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()

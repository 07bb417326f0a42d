"""The tables of digest.toml, one class each. `config.Settings` puts them together and reads them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import idna
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator, model_validator

from digest.core.addresses import domain_of
from digest.core.pace import DomainLimit, Pace, WarmUp
from digest.core.signups import Caps
from digest.core.web_address import check_public_address, check_web_address
from digest.core.windows import parse_window
from digest.core.zones import canonical_zone
from digest.errors import UsageError
from digest.setting_kinds import check_host, check_kind, check_networks

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_LABELS = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LISTEN = re.compile(r"(\[[^\[\]\s]+\]|[^\[\]\s]+):(?P<port>[0-9]{1,5})")

_Port = Annotated[int, Field(ge=1, le=65535)]
_Many = Annotated[int, Field(ge=1, le=1_000_000)]
_Rate = Annotated[float, Field(ge=0.0001, le=1_000_000)]  # from one in three hours


class Section(BaseModel):
    """A table of digest.toml; its docstring stands above it in docs/settings.md."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _check_kind(cls, value: Any, info: ValidationInfo) -> Any:
        check_kind(cls.model_fields[str(info.field_name)], value)
        return value


class DatabaseSettings(Section):
    """Where everything is kept."""

    url: str = Field(
        default="sqlite:///digest.db",
        description="SQLite or Postgres; a relative SQLite path starts at the settings file.",
    )
    busy_timeout: float = Field(default=10.0, ge=0, le=600, description="Seconds to wait for another process's write.")


class MailSettings(Section):
    """Where messages go."""

    transport: Literal["maildir", "smtp"] = Field(
        default="maildir", description="maildir keeps every message in a folder and sends nothing; smtp sends."
    )
    maildir: Path = Field(default=Path("mailbox"), description="The folder of the maildir transport.")


class ServerSettings(Section):
    """One of several mail servers; what is not set is as in [smtp]."""

    name: str | None = Field(default=None, description="What logs call it. Unset: its host and port.")
    host: str | None = Field(default=None, description="Its name.")
    port: _Port | None = Field(default=None, description="By its security, or as in [smtp].")
    security: Literal["tls", "starttls", "plain"] | None = Field(default=None, description="As in [smtp].")
    username: str | None = Field(default=None, description='"" for no login. Another than in [smtp] has its own file.')
    password_file: Path | None = Field(default=None, description="A file in secrets_dir with the password alone.")
    connections: int | None = Field(default=None, ge=1, le=100, description="Conversations at the same time.")
    weight: int | None = Field(default=None, ge=1, le=1000, description="Its share. Unset: its connections.")

    _check_host = field_validator("host")(check_host)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaySettings:
    """One mail server, with everything that it falls back to."""

    name: str | None
    host: str
    port: int | None
    security: str
    username: str | None
    password_file: Path | None  # None: the password of [smtp]
    connections: int
    weight: int


class SmtpSettings(Section):
    """The mail server that takes the messages (RFC 5321)."""

    host: str = Field(default="localhost", description="Its name.")
    port: _Port | None = Field(default=None, description="Unset: 465 for tls, 587 for starttls, 25 for plain.")
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
    utf8_addresses: bool = Field(
        default=False,
        description="Whether it takes letters beyond ASCII before the @ (SMTPUTF8, RFC 6531); else sign-ups with such are refused in words.",
    )
    servers: tuple[ServerSettings, ...] = Field(
        default=(), description="Several servers instead of one, each in a table [[smtp.servers]]."
    )

    def relays(self) -> tuple[RelaySettings, ...]:
        """Every server that messages may go through; the one of [smtp] itself where no others are named."""
        return tuple(self._relay(server) for server in self.servers or (ServerSettings(),))

    def _relay(self, server: ServerSettings) -> RelaySettings:
        connections = server.connections or self.connections
        # A port goes with its security: that of [smtp] is no default for a server that is spoken to in another way.
        inherited = self.port if server.security in {None, self.security} else None
        return RelaySettings(
            name=server.name,
            host=server.host or self.host,
            port=server.port or inherited,
            security=server.security or self.security,
            username=self.username if server.username is None else server.username or None,
            password_file=server.password_file,
            connections=connections,
            weight=server.weight or connections,
        )

    _check_host = field_validator("host")(check_host)

    @field_validator("hostname")
    @classmethod
    def _check_hostname(cls, value: str | None) -> str | None:
        """EHLO takes an address between brackets, too (RFC 5321 4.1.3)."""
        literal = value and re.fullmatch(r"\[([^\[\]\s]+)\]", value)
        return value if literal and literal[1].isprintable() else check_host(value)

    @model_validator(mode="after")
    def _check_servers(self) -> Self:
        """Each is one that somebody named, be it by its port on this machine, and its password is never said to another one under another name."""
        for number, server in enumerate(self.servers, start=1):
            if server.host is None and server.port is None and "host" not in self.model_fields_set:
                raise ValueError(
                    f"entry {number} of servers names neither host nor port, and [smtp] names no host: add one"
                )
            if server.username and server.username != self.username and server.password_file is None:
                raise ValueError(f"the server with the user name {server.username!r} needs a password_file of its own")
        return self


class DomainPaceSettings(Section):
    """What one destination is given instead, such as [pace.domains."example.org"]."""

    per_second: _Rate | None = Field(default=None, description="Messages a second. Unset: as each domain.")
    connections: _Many | None = Field(default=None, description="Messages on their way at once, and no more.")


class PaceSettings(Section):
    """How fast mail goes out, and when. Shared by all processes on one database; unset, nothing is limited."""

    messages_per_second: _Rate | None = Field(default=None, description="Of all newsletters together.")
    per_domain_per_second: _Rate | None = Field(default=None, description="To each domain of readers' addresses.")
    per_domain_connections: _Many | None = Field(
        default=None, description="Messages on their way to one domain at the same time."
    )
    domains: dict[str, DomainPaceSettings] = Field(
        default={}, description="Other limits for some domains, each in a table of its name."
    )
    warm_up: _Many | None = Field(
        default=None, description="Messages on the first day of a new sender; each day of sending allows more."
    )
    warm_up_growth: float = Field(default=2.0, gt=1, le=10, description="How many times more a day.")
    windows: tuple[str, ...] = Field(
        default=(), description='When mail may go out, such as "mon-fri 08:00-20:00"; outside of them it waits.'
    )
    zone: str | None = Field(
        default=None, description="Of the windows and of a day. Unset: the newsletter's for windows, UTC for days."
    )

    @field_validator("windows")
    @classmethod
    def _check_windows(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for words in value:
            parse_window(words)
        return value

    @field_validator("domains")
    @classmethod
    def _check_domains(cls, value: dict[str, DomainPaceSettings]) -> dict[str, DomainPaceSettings]:
        """Each once: of two spellings of a domain one would count, and nobody could tell which."""
        known: dict[str, str] = {}
        for name in value:
            plain = domain_of(name)
            if "@" in name or not _LABELS.fullmatch(plain):
                raise ValueError(f"{name!r} is no domain such as example.org")
            if plain in known:
                raise ValueError(f"{known[plain]!r} and {name!r} are the same domain")
            known[plain] = name
        return value

    @field_validator("zone")
    @classmethod
    def _check_zone(cls, value: str | None) -> str | None:
        try:
            return canonical_zone(value) if value is not None else None
        except UsageError as error:
            raise ValueError(error.message) from None

    def limits(self) -> Pace | None:
        """The pace that these settings make, None where nothing is limited."""
        limited = (self.messages_per_second, self.per_domain_per_second, self.per_domain_connections, self.warm_up)
        if not (any(limited) or self.domains or self.windows):
            return None
        return Pace(
            per_second=self.messages_per_second,
            each_domain=DomainLimit(per_second=self.per_domain_per_second, connections=self.per_domain_connections),
            domains={
                domain_of(name): DomainLimit(per_second=one.per_second, connections=one.connections)
                for name, one in self.domains.items()
            },
            warm_up=WarmUp(first_day=self.warm_up, growth=self.warm_up_growth) if self.warm_up else None,
            windows=tuple(parse_window(words) for words in self.windows),
            zone=self.zone,
        )


class DkimSettings(Section):
    """Signatures of what goes out (RFC 6376). Off when the relay signs, as most providers do; ask yours first."""

    sign: bool = Field(default=False, description="Sign every message. Publish the key first: digest dkim keygen.")
    domain: str | None = Field(
        default=None,
        description="The domain that signs: the one after the @ of the sender, or a parent of it, as DMARC wants it.",
    )
    selector: str = Field(
        default="digest",
        description="The RSA key's name in the DNS: SELECTOR._domainkey.DOMAIN. A new key, a new name.",
    )
    key_file: Path = Field(default=Path("dkim_rsa.pem"), description="The RSA key in secrets_dir, in PEM.")
    second_selector: str | None = Field(
        default=None, description="Set: a second signature with an Ed25519 key (RFC 8463) of this name in the DNS."
    )
    second_key_file: Path = Field(
        default=Path("dkim_ed25519.pem"), description="The Ed25519 key in secrets_dir, in PEM."
    )

    @field_validator("domain")
    @classmethod
    def _check_domain(cls, value: str | None) -> str | None:
        """In ASCII and lower case, as it stands in d=."""
        if value is None:
            return None
        try:
            plain = idna.encode(value, uts46=True).decode("ascii").lower()
        except (idna.IDNAError, UnicodeError) as error:
            raise ValueError(f"it is no domain ({error})") from error
        if "." not in plain or not _LABELS.fullmatch(plain):
            raise ValueError("it is no domain such as example.org")
        return plain

    @field_validator("selector", "second_selector")
    @classmethod
    def _check_selector(cls, value: str | None) -> str | None:
        if value is not None and not _LABELS.fullmatch(value):
            raise ValueError("a selector is of letters, digits and hyphens, and dots between them (RFC 6376 3.1)")
        return value.lower() if value else value

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        if self.second_selector == self.selector:
            raise ValueError("second_selector must differ from selector: a name in the DNS holds one key")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class DkimKey:
    """Where one key of DKIM is, and its name in the DNS."""

    selector: str
    algorithm: str  # "rsa" or "ed25519"
    file: Path


class WebSettings(Section):
    """The readers' pages: sign-up, leaving, preferences, archive. `digest serve` serves them (docs/web.md)."""

    base_url: str | None = Field(
        default=None,
        description="Where readers reach the pages: an https address, as a rule of the proxy before them. Links in mails"
        " begin with it. Unset: readers leave by a mail to the reply address, and nothing is served.",
    )
    listen: str = Field(
        default="127.0.0.1:8025", description="Where the pages are served, HOST:PORT; a proxy adds TLS to it."
    )
    serve: bool = Field(default=True, description="false: another process serves the pages (digest serve --only-web).")
    hosts: tuple[str, ...] = Field(
        default=(), description="More host names that may be asked for, beside the one of base_url and this machine's."
    )
    proxies: tuple[str, ...] = Field(
        default=("127.0.0.1", "::1"),
        description="Networks of proxies whose X-Forwarded-For is believed; the reader's network counts against abuse.",
    )

    metrics_from: tuple[str, ...] = Field(
        default=("127.0.0.0/8", "::1"), description="Networks that may read /metrics; for others there is no such page."
    )

    @field_validator("base_url")
    @classmethod
    def _check(cls, value: str | None) -> str | None:
        if value is not None:
            check_public_address(value)
        return value

    @field_validator("listen")
    @classmethod
    def _check_listen(cls, value: str) -> str:
        found = _LISTEN.fullmatch(value)
        if not found or int(found["port"]) > 65535:
            raise ValueError("it must be HOST:PORT, such as 127.0.0.1:8025")
        return value

    @field_validator("hosts")
    @classmethod
    def _check_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for number, host in enumerate(value, start=1):
            if "*" in host:
                raise ValueError(f"entry {number}: each host by its name; * stands for none")
            try:
                check_host(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
            except ValueError as error:
                raise ValueError(f"entry {number}: {error}") from None
        return value

    @field_validator("proxies", "metrics_from")
    @classmethod
    def _check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return check_networks(value, strict=False)

    @property
    def place(self) -> tuple[str, int]:
        """The host and port of `listen`."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


class SignupSettings(Section):
    """How many confirmations go out, whoever asks for them: strangers' mailboxes are not to be filled by a form."""

    per_address_a_day: _Many = Field(default=1, description="To one address, in 24 hours.")
    per_address_ever: _Many = Field(default=3, description="To one address that never confirms.")
    per_network: _Many = Field(default=20, description="Sign-ups from one network (/24, /64), in an hour; then 429.")
    per_domain: _Many = Field(default=200, description="To one domain of addresses, in an hour.")
    per_hour: _Many = Field(default=500, description="Of all, in an hour.")

    def caps(self) -> Caps:
        """The caps that these settings make."""
        return Caps(**self.model_dump())


class FetchSettings(Section):
    """How sources are read."""

    about_url: str | None = Field(
        default=None, description="A page about you for the User-Agent (docs/fetching.md F13)."
    )
    ports: tuple[_Port, ...] = Field(default=(80, 443), description="Ports that may be asked.")
    allow_private: tuple[str, ...] = Field(
        default=(), description='Networks that may be fetched although private, such as "10.1.0.0/16".'
    )
    connections: int = Field(default=16, ge=1, le=64, description="Fetches at the same time.")

    @field_validator("allow_private")
    @classmethod
    def _check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return check_networks(value, strict=True)

    @field_validator("about_url")
    @classmethod
    def _check(cls, value: str | None) -> str | None:
        if value is not None:
            check_web_address(value)
        return value


class LogSettings(Section):
    """What is written to stderr while it works."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least that is written."
    )
    format: Literal["text", "json"] = Field(
        default="text", description="One line of text or one JSON object for each record."
    )

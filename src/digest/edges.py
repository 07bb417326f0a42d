"""The edges by the settings: what sends, signs and fetches. None of them needs a database."""

import logging
from typing import TYPE_CHECKING

from digest.config import Settings

if TYPE_CHECKING:
    from digest.mail.dkim import Signer
    from digest.mail.transport import Transport
    from digest.sources.fetch import Fetcher

log = logging.getLogger(__name__)


def make_relays(settings: Settings) -> "Transport":
    """The mail server of [smtp], or the pool of [[smtp.servers]].

    Raises:
        SettingsError: nothing can be sent with these settings.
    """
    from digest.mail.pool import Server, ServerPool  # noqa: PLC0415 - aiosmtplib only where mail goes out
    from digest.mail.smtp import SmtpTransport  # noqa: PLC0415
    from digest.mail.tls import tls_context  # noqa: PLC0415

    smtp = settings.smtp
    ca_file = settings.path(smtp.ca_file) if smtp.ca_file else None
    is_plain = all(relay.security == "plain" for relay in smtp.relays())
    context = None if is_plain else tls_context(ca_file)
    servers = [
        Server(
            SmtpTransport(
                name=relay.name,
                host=relay.host,
                port=relay.port,
                security=relay.security,
                username=relay.username,
                password=settings.smtp_password(relay.password_file) if relay.username else None,
                connections=relay.connections,
                allow_plain_anywhere=smtp.allow_plain_anywhere,
                context=context,
                hostname=smtp.hostname,
            ),
            weight=relay.weight,
            connections=relay.connections,
        )
        for relay in smtp.relays()
    ]
    return ServerPool(servers) if smtp.servers else servers[0].transport


def make_signer(settings: Settings) -> "Signer | None":
    """What signs the messages; it needs no database. None where the relay signs.

    Raises:
        SettingsError: no domain, or a key that cannot be used.
    """
    if not settings.dkim.sign:
        return None
    from digest.mail.dkim import Signer  # noqa: PLC0415 - cryptography only where mail is signed
    from digest.mail.dkim_keys import is_short, load_key  # noqa: PLC0415

    domain, places = settings.dkim_domain, settings.dkim_keys()
    pairs = [(place.selector, load_key(place.file, place.algorithm)) for place in places]
    if any(is_short(key) for _, key in pairs):
        log.warning("the DKIM key is short: 2048 bits are what it should have", extra={"file": str(places[0].file)})
    (selector, key), *more = pairs
    return Signer(domain=domain, selector=selector, key=key, second=more[0] if more else None)


def make_fetcher(settings: Settings) -> "Fetcher":
    """A fetcher; it needs no database.

    Raises:
        UsageError: a network of fetch.allow_private is misspelt.
    """
    from digest.sources.fetch import Fetcher  # noqa: PLC0415 - each command loads what it uses
    from digest.sources.guard import Guard, parse_networks  # noqa: PLC0415
    from digest.sources.pace import Pacer  # noqa: PLC0415

    fetch = settings.fetch
    guard = Guard(ports=frozenset(fetch.ports), allow_private=parse_networks(fetch.allow_private))
    return Fetcher(guard=guard, pacer=Pacer(at_once=fetch.connections), about_url=fetch.about_url)

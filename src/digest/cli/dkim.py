"""`digest dkim`: the keys that sign, their DNS records, and whether the world sees them. Needs no database; looks at the senders where there is one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.bad_values import quoted
from digest.cli.options import AsJson
from digest.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from digest.config import Settings
    from digest.mail.dkim import PrivateKey
    from digest.mail.dkim_check import Published, Signature, Texts
    from digest.mail.dkim_keys import KeyRecord
    from digest.settings_sections import DkimKey

app = typer.Typer(name="dkim", no_args_is_help=True, help="Keys and DNS records for signing what goes out.")

DNS_PORT = 53


@app.command()
def keygen(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Make the keys and print their DNS records.

    Those that the settings name: an RSA key of 2048 bits and, where dkim.second_selector is set, an Ed25519 key, in files that only their owner may read. A key that is there is never overwritten.

    Example: digest dkim keygen
    """
    from digest.errors import Conflict
    from digest.mail.dkim_keys import make_key, record_of

    settings = _settings(context)
    domain, missing = settings.dkim_domain, [place for place in settings.dkim_keys() if not place.file.exists()]
    if not missing:
        keys = settings.dkim_keys()
        files = " and ".join(str(place.file) for place in keys)
        raise Conflict(
            f"{files} {'exists' if len(keys) == 1 else 'exist'} already; a key is never overwritten",
            next_step="digest dkim record prints what to publish; for a new key set another selector and file",
        )
    made = [(place, make_key(place.algorithm, place.file)) for place in missing]
    records = [record_of(key, selector=place.selector, domain=domain) for place, key in made]
    _print_records(records, as_json=as_json)
    for place, _ in made:
        note(f"made {place.file}, readable by its owner only; keep a copy with your backups")
    note("publish the record in the DNS", next_step="digest dkim check, then set dkim.sign = true")


@app.command()
def record(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Print the DNS records to publish.

    As they stand in a zone file. A form of a DNS provider takes the strings joined and without quotes; with --json they stand so under value.

    Example: digest dkim record --json
    """
    _print_records([kept for _, _, kept in _keys(_settings(context))], as_json=as_json)


@app.command()
def check(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE.eml", help="A saved message, to verify its signatures; else the records are checked."
        ),
    ] = None,
    *,
    resolver: Annotated[
        str | None, typer.Option(metavar="ADDRESS:PORT", help="The name server to ask; else this machine's.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Verify FILE by our own keys instead of the DNS.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check the DNS records, or a saved message.

    Compares the DNS with the keys and, where there is a database, the newsletters' senders with the domain that signs; or verifies the signatures of FILE. Exits with 0 when all is well and with 1 when a record is missing, wrong or revoked, a sender is of another domain, or a signature is not valid. Changes nothing.

    Example: digest dkim check message.eml
    """
    from digest.errors import UsageError

    if offline and (file is None or resolver):
        raise UsageError("--offline verifies a FILE and asks no name server", next_step="name a saved message")
    if file is not None:
        texts = _own_texts(_settings(context)) if offline else _dns_texts(resolver)
        _check_file(file, texts, as_json=as_json)
        return
    settings = _settings(context)
    has_records = _check_records(settings, _dns_texts(resolver), as_json=as_json)
    if not _check_senders(settings) or not has_records:
        raise typer.Exit(1)


def _check_records(settings: "Settings", texts: "Texts", *, as_json: bool) -> bool:
    """Whether every key can be found."""
    from digest.mail.dkim_check import look_up
    from digest.mail.dkim_keys import is_short

    keys = _keys(settings)
    found = [look_up(kept, texts) for _, _, kept in keys]
    _print_published(found, as_json=as_json)
    for place, key, kept in keys:
        if is_short(key):
            note(f"{place.file} has {kept.bits} bits; 2048 are what it should have", next_step="a new key and selector")
        if place.file.stat().st_mode & 0o077:
            note(f"{place.file} may be read by others than its owner", next_step=f"chmod 600 {place.file}")
    if not all(each.is_usable for each in found):
        note("not every key can be found", next_step="publish what digest dkim record prints; a change may take hours")
        return False
    if not settings.dkim.sign:
        note("nothing is signed yet", next_step="set sign = true under [dkim] in digest.toml")
    return True


def _check_senders(settings: "Settings") -> bool:
    """Whether the domain that signs speaks for every newsletter's sender, as DMARC wants it."""
    from digest.core.message import ascii_address
    from digest.mail.dkim_check import Alignment, alignment_of

    signing, well = settings.dkim_domain, True
    for slug, address in _senders(settings):
        sender = ascii_address(address).rpartition("@")[2].lower()
        match alignment_of(sender, signing):
            case Alignment.FOREIGN:
                well = False
                note(
                    f"{slug} sends from {sender}, for which a signature of {signing} does not speak (DMARC)",
                    next_step=f'set domain = "{sender}" under [dkim], or change the newsletter\'s sender address',
                )
            case Alignment.SIBLING:
                note(
                    f"{slug} sends from {sender}: whether {signing} speaks for it, DMARC decides by who owns both",
                    next_step="sign with the sender's domain or a parent of it to be sure",
                )
            case Alignment.ALIGNED:
                pass
    return well


def _senders(settings: "Settings") -> list[tuple[str, str]]:
    """Slug and sender address of every newsletter; none, with a word, where there is no database."""
    from digest.app import connect
    from digest.errors import DatabaseError
    from digest.store.newsletters import list_newsletters
    from digest.store.schema import check_schema

    database = connect(settings)
    try:
        check_schema(database)
        with database.read() as session:
            return [(newsletter.slug, newsletter.sender_address) for newsletter in list_newsletters(session)]
    except DatabaseError as error:
        note(f"the newsletters' senders were not looked at: {error.message}")
        return []
    finally:
        database.close()


def _check_file(file: Path, texts: "Texts", *, as_json: bool) -> None:
    from digest.errors import DigestError
    from digest.mail.dkim_check import verify_message

    try:
        message = file.read_bytes()
    except OSError as error:
        raise DigestError(f"{file} cannot be read: {error.strerror}", next_step="name a saved message") from error
    signatures = verify_message(message, texts)
    _print_signatures(signatures, as_json=as_json)
    if not signatures:
        note(f"{file} has no DKIM signature")
    if not signatures or not all(each.valid for each in signatures):
        raise typer.Exit(1)


def _settings(context: typer.Context) -> "Settings":
    from digest.config import Settings

    return Settings.load(context.find_root().obj)


def _keys(settings: "Settings") -> "list[tuple[DkimKey, PrivateKey, KeyRecord]]":
    """Each key's place, the key and its record."""
    from digest.mail.dkim_keys import load_key, record_of

    domain = settings.dkim_domain
    loaded = [(place, load_key(place.file, place.algorithm)) for place in settings.dkim_keys()]
    return [(place, key, record_of(key, selector=place.selector, domain=domain)) for place, key in loaded]


def _own_texts(settings: "Settings") -> "Texts":
    from digest.mail.dkim_check import known_texts

    return known_texts(*(kept for _, _, kept in _keys(settings)))


def _dns_texts(server: str | None) -> "Texts":
    from digest.mail.dkim_check import dns_texts

    return dns_texts(_server(server) if server else None)


def _server(text: str) -> tuple[str, int]:
    """An address and a port: 127.0.0.1:5353, [::1]:5353, or an address alone.

    Raises:
        UsageError: no address of a network.
    """
    from ipaddress import ip_address

    from digest.core.digits import number_of
    from digest.errors import UsageError

    host, port = (text, str(DNS_PORT)) if text.count(":") != 1 and "]:" not in text else text.rsplit(":", 1)
    host = host.strip("[]")
    try:
        ip_address(host)
    except ValueError:
        host = ""
    if not host or not 0 < (number := number_of(port, most=65536) or 0) < 65536:
        raise UsageError(f"--resolver {quoted(text)} is no address and port", next_step="write it like 127.0.0.1:5353")
    return host, number


def _print_records(records: "list[KeyRecord]", *, as_json: bool) -> None:
    if as_json:
        print_json([
            {"name": each.name, "type": "TXT", "value": each.value, "strings": each.strings,
             "algorithm": each.algorithm, "bits": each.bits}
            for each in records
        ])  # fmt: skip
        return
    for each in records:
        typer.echo(each.zone_lines)


def _print_published(found: "list[Published]", *, as_json: bool) -> None:
    if as_json:
        print_json([
            {"name": each.record.name, "algorithm": each.record.algorithm, "bits": each.record.bits,
             "state": each.state, "meaning": each.meaning}
            for each in found
        ])  # fmt: skip
        return
    rows = [(each.record.name, each.record.algorithm, each.state, each.meaning) for each in found]
    print_table(rows, head=("name", "kind", "state", "meaning"))


def _print_signatures(signatures: "tuple[Signature, ...]", *, as_json: bool) -> None:
    if as_json:
        print_json(signatures)
        return
    rows = [
        (each.domain, each.selector, each.algorithm, "valid" if each.valid else "not valid", each.meaning)
        for each in signatures
    ]
    print_table(rows, head=("domain", "selector", "algorithm", "verdict", "meaning"))

"""Which column of a list of people means what, and what the words of its status column mean.

Names are compared without case, spaces and punctuation: "Email Address" is `emailaddress`. The first name of a role
that the header has wins: Mailchimp's "Address" is a postal one, but comes after "Email Address" here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from digest.core.digits import number_of
from digest.errors import ListError, UsageError


class Standing(StrEnum):
    """What a list says of a person, from the weakest to the strictest: of two rows the stricter counts."""

    ACTIVE = "active"
    PENDING = "pending"
    ENDED = "ended"
    SUPPRESSED = "suppressed"


STRICTNESS = {standing: rank for rank, standing in enumerate(Standing)}

ROLES: dict[str, tuple[str, ...]] = {
    "address": (
        "emailaddress", "email", "mail", "subscriberemail", "contactemail", "email1value", "emailadresse", "mailadresse",
        "adresseemail", "adressemail", "courriel", "correoelectronico", "correo", "indirizzoemail", "emailadres",
        "epost", "address",
    ),
    "name": ("name", "fullname", "displayname", "subscribername", "contactname", "yourname"),
    "first": ("firstname", "fname", "givenname", "vorname", "prenom", "nombre"),
    "last": ("lastname", "lname", "surname", "familyname", "nachname", "nom", "apellido", "apellidos"),
    "status": ("status", "subscribertype", "subscriberstatus", "subscriptionstatus", "memberstatus"),
    "on": ("subscribedtoemails", "subscribed", "emailsubscribed"),  # "false" means that they left
    "off": ("emaildisabled", "unsubscribed", "optedout", "emailoptout"),  # "true" means that they left
    "zone": ("timezone", "zone", "tz"),
    "hour": ("hour", "sendhour", "deliveryhour"),
    "language": ("language", "lang", "locale"),
    "agreed": (
        "optintime", "consentat", "subscribedat", "optindate", "signupdate", "subscriptiondate", "datesubscribed",
        "creationdate", "createdat", "created", "startdate", "dateadded", "joinedat", "joined",
    ),
    "ip": ("optinip", "ipaddress", "signupip", "ip"),
    "confirmed": ("confirmtime", "confirmedat", "confirmationdate", "confirmdate"),
    "left": ("unsubtime", "unsubscribedat", "unsubscriptiondate", "unsubscribedate", "endedat", "deletedat", "optoutdate"),
    "bounced": ("cleantime", "undeliverabilitydate", "bouncedat"),
    "origin": ("consentorigin",),
    "text": ("consenttext",),
}  # fmt: skip

# In this order: the first whose columns are all there.
_PROVIDERS: tuple[tuple[str, frozenset[str]], ...] = (
    ("digest", frozenset({"address", "consenthow"})),
    ("Mailchimp", frozenset({"emailaddress", "leid"})),
    ("Mailchimp", frozenset({"emailaddress", "memberrating"})),
    ("listmonk", frozenset({"uuid", "email", "attributes"})),
    ("Buttondown", frozenset({"email", "subscribertype"})),
    ("Buttondown", frozenset({"type", "metadata", "tags"})),
    ("Substack", frozenset({"email", "activesubscription"})),
    ("Substack", frozenset({"email", "emaildisabled"})),
    ("Ghost", frozenset({"email", "subscribedtoemails"})),
    ("Ghost", frozenset({"email", "complimentaryplan"})),
)

_WORDS: dict[Standing, str] = {
    Standing.ACTIVE: "active subscribed enabled confirmed regular premium paid free comp gift gifted trialed unpaid pastdue "
    "churning churned paused",
    Standing.PENDING: "pending unconfirmed unactivated notconfirmed",
    Standing.ENDED: "ended unsubscribed disabled inactive removed archived optedout optout deleted left",
    Standing.SUPPRESSED: "suppressed cleaned bounced hardbounced undeliverable malformed blocklisted blacklisted blocked "
    "complained complaint spam spammy spamcomplaint abuse",
}
STANDINGS = {word: standing for standing, words in _WORDS.items() for word in words.split()}
COMPLAINTS = frozenset({"complained", "complaint", "spam", "spammy", "spamcomplaint", "abuse"})
BLOCKS = frozenset({"blocklisted", "blacklisted", "blocked", "suppressed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A header, read: where each role stands."""

    header: tuple[str, ...]
    provider: str = "CSV"
    roles: Mapping[str, int] = field(default_factory=dict)

    def cell(self, cells: Sequence[str], role: str) -> str:
        """The cell of that role; empty where there is none."""
        at = self.roles.get(role)
        return cells[at].strip() if at is not None and at < len(cells) else ""


def read_columns(header: Sequence[str], *, mapping: Mapping[str, str]) -> Columns:
    """Recognise the columns; `mapping` names a column, or its number from 1, for a role, or "" for none.

    Raises:
        UsageError: the mapping names a role or column that does not exist.
        ListError: no column holds addresses.
    """
    names = [plain(cell) for cell in header]
    roles = {role: found for role, words in ROLES.items() if (found := _find(names, words)) is not None}
    provider = next((name for name, needed in _PROVIDERS if needed <= set(names)), "CSV")
    if provider == "Buttondown" and "status" not in roles:
        roles["status"] = names.index("type")
    for role, column in mapping.items():
        _map(roles, role, column, header)
    if "address" not in roles:
        raise ListError(
            f"no column holds addresses; the columns are: {', '.join(cell.strip() or '(empty)' for cell in header)}",
            next_step="say which: --map address=COLUMN",
        )
    return Columns(header=tuple(header), provider=provider, roles=roles)


def plain(name: str) -> str:
    """A column's name or a status word, without what differs by taste."""
    return "".join(char for char in name.casefold() if char.isalnum())


def _find(names: list[str], words: tuple[str, ...]) -> int | None:
    return next((names.index(word) for word in words if word in names), None)


def _map(roles: dict[str, int], role: str, column: str, header: Sequence[str]) -> None:
    if role not in ROLES:
        raise UsageError(f"there is no role {role!r} for a column", next_step=f"roles: {', '.join(ROLES)}")
    if not column:
        roles.pop(role, None)
        return
    names = [plain(cell) for cell in header]
    if plain(column) in names:
        roles[role] = names.index(plain(column))
    elif (number := number_of(column, most=len(header) + 1) or 0) and number <= len(header):
        roles[role] = number - 1
    else:
        raise UsageError(
            f"there is no column {column!r}; the columns are: {', '.join(cell.strip() for cell in header)}",
            next_step=f"name one of them, or its number: --map {role}=1",
        )

"""Limits of what a stranger may ask for: counted in the database by keyed hashes, answered by 429 and when to come back.

with database.write() as session:
    wait = take(session, whose(app.key, "join/network", network_of(request)), limit=20, per=HOUR, now=now)
if wait is not None:
    return too_many(desk, request, wait)
"""

import ipaddress
import math
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from digest.core.limits import whose
from digest.core.model import Newsletter
from digest.render.words import words_for
from digest.store.database import Session
from digest.store.tallies import take as take_one
from digest.web.desk import Desk, preferred_language

__all__ = ["DAY", "HOUR", "network_of", "take", "too_many", "whose"]

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

NETWORK_BITS = {4: 24, 6: 64}
"""What counts as one network: as a rule one household, office or machine."""


def take(session: Session, name: str, *, limit: int, per: timedelta, now: datetime) -> timedelta | None:
    """One more of `name` (of `whose`); None where it was taken, else how long to wait."""
    return take_one(session, name, limit=limit, per=per, now=now)


def network_of(request: Request) -> str:
    """The network that asks: /24, or /64 of IPv6. `unknown` without an address, so that it is one for all of those."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(ipaddress.ip_network((address, NETWORK_BITS[address.version]), strict=False))


def too_many(
    desk: Desk, request: Request, wait: timedelta, *, newsletter: Newsletter | None = None, language: str | None = None
) -> Response:
    """The answer to who asked too often: 429, and when there is one again (RFC 6585, RFC 9110 10.2.3).

    In the language of the page that was asked from; without one in the browser's.
    """
    seconds = max(1, math.ceil(wait.total_seconds()))
    tongue = language or preferred_language(request, newsletter)
    words = words_for(tongue)
    said = desk.say(
        request, words._("Please try again later"), words._("This was asked for too often."),
        newsletter=newsletter, language=tongue, status=429,
    )  # fmt: skip
    said.headers["Retry-After"] = str(seconds)
    return said

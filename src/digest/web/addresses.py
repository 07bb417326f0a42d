"""An address as somebody typed it: what it is, or why it cannot be used, in the reader's words."""

from digest.core.addresses import parse_address
from digest.render.words import Words
from digest.web.desk import Desk


class NoAddressError(Exception):
    """It cannot be used; the message is for the reader."""


def read_address(desk: Desk, typed: str, words: Words) -> str:
    """The address, with its domain as the mail server wants it.

    Raises:
        NoAddressError: it is none, or the mail server takes no such letters.
    """
    try:
        address = parse_address(typed)
    except ValueError:
        raise NoAddressError(words._("This is not an email address. Write it like anna@example.org.")) from None
    if not desk.app.settings.can_write_to(address):
        raise NoAddressError(
            words._("We cannot write to this address, because of the letters before the @. Please use another one.")
        )
    return address

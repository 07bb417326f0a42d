"""What a source's address must not tell: the user's name and password in it (docs/fetching.md F13)."""

import re

_USERINFO = re.compile(r"(?<=://)[^\s/?#<>\"]*@")  # RFC 3986, 3.2.1; up to the last @, since passwords may hold one


def hide_password(text: str) -> str:
    """A URL, or a text with URLs in it, without `user:password@`."""
    return _USERINFO.sub("", text) if "@" in text else text

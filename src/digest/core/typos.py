"""Slips of the finger in the domains that most readers have. They are suggested, never corrected."""

import difflib

_COMMON = (
    "gmail.com", "googlemail.com", "yahoo.com", "yahoo.co.uk", "yahoo.fr", "yahoo.de", "yahoo.co.jp", "ymail.com",
    "hotmail.com", "hotmail.fr", "hotmail.co.uk", "outlook.com", "outlook.de", "live.com", "msn.com", "icloud.com",
    "me.com", "mac.com", "aol.com", "proton.me", "protonmail.com", "gmx.de", "gmx.net", "gmx.at", "gmx.ch", "web.de",
    "t-online.de", "freenet.de", "posteo.de", "mailbox.org", "orange.fr", "wanadoo.fr", "free.fr", "laposte.net", "sfr.fr",
    "libero.it", "comcast.net", "verizon.net", "fastmail.com", "zoho.com", "mail.com", "email.com", "mail.ru", "yandex.ru",
    "qq.com", "163.com", "126.com", "naver.com", "docomo.ne.jp", "ezweb.ne.jp", "btinternet.com", "hotmail.de",
)  # fmt: skip
_LIKENESS = 0.85
_SHORTEST = 6
"""Shorter ones differ from too much that is right."""


def suggest_address(address: str) -> str | None:
    """The address that was meant, perhaps; None where nothing is likely to be wrong."""
    local, _, domain = address.rpartition("@")
    domain = domain.lower()
    if domain in _COMMON or len(domain) < _SHORTEST:
        return None
    near = difflib.get_close_matches(domain, _COMMON, n=1, cutoff=_LIKENESS)
    return f"{local}@{near[0]}" if near and _is_a_slip(domain, near[0]) else None


def _is_a_slip(domain: str, meant: str) -> bool:
    """One letter more, less, another, or two turned round; or another ending of a name that has one: gmail.con."""
    if domain.partition(".")[0] == meant.partition(".")[0]:
        return meant.partition(".")[2] in {"com", "net", "org"} and domain.partition(".")[2] not in _ENDINGS
    changes = [one for one in difflib.SequenceMatcher(None, domain, meant).get_opcodes() if one[0] != "equal"]
    return sum(max(end - start, to - since) for _, start, end, since, to in changes) <= 2


_ENDINGS = frozenset(
    [
        "com",
        "net",
        "org",
        "de",
        "fr",
        "uk",
        "co.uk",
        "at",
        "ch",
        "it",
        "es",
        "nl",
        "be",
        "se",
        "no",
        "dk",
        "fi",
        "pl",
        "ru",
        "jp",
        "co.jp",
        "com.br",
        "com.au",
        "ca",
        "ie",
        "in",
        "eu",
    ]
)

"""Rules about what a reader must find: how to leave, why it came, from where, and the preheader."""

import re
from collections.abc import Iterator

from digest.core.lint.document import Element
from digest.core.lint.finding import Severity, rule
from digest.core.lint.hit import Hit
from digest.core.lint.leaving import has_way_out
from digest.core.lint.mail import Mail

_WHY = re.compile(
    r"(?<!un)subscri|sign(?:ed)? up|you(?:’|'|&#39;)?re receiving|you are receiving|you receive|you get this|registered|(?<!dés)abonn|angemeldet|"
    r"erhalten|inscri|suscri|recibe|مشترک|دریافت|اشترك|تصلك|購読|お送り|登録",
    re.IGNORECASE,
)
_BROWSER = re.compile(
    r"browser|web version|view (?:it |this )?online|view (?:in|on) |webversion|navigateur|en ligne|navegador|مرورگر|المتصفح|"
    r"متصفح|ブラウザ|ウェブ",
    re.IGNORECASE,
)
# A house number, a post box or a postal code near a comma or a line's end.
_PLACE = re.compile(
    r"\b\d[\w/-]*\b[^.!?]{0,60}[,·|،、]|[,·|،、][^.!?]{0,60}\b\d[\w/-]*\b|〒|p\.?\s?o\.? box|postfach", re.IGNORECASE
)
SHORTEST, LONGEST = 40, 130


@rule(
    "unsubscribe", Severity.ERROR, "Mail to a list has a link to leave it.",
    why="CAN-SPAM, GDPR and every provider's rules; who finds none says that it is spam.",
    mend="Put a link that says “Unsubscribe” into the footer.",
)  # fmt: skip
def _unsubscribe(mail: Mail) -> Iterator[Hit]:
    if mail.html and mail.is_bulk and not has_way_out(mail.document):
        yield Hit("no link to unsubscribe was found")


@rule(
    "list-unknown", Severity.NOTE, "HTML without headers shows whether it goes to a list.",
    why="Mail to a list needs a way to leave, a reason and an address; mail to one person does not, and nothing here tells them apart.",
    mend="Say --list or --transactional.",
)  # fmt: skip
def _list_unknown(mail: Mail) -> Iterator[Hit]:
    if mail.html and mail.message is None and mail.to_list is None and not mail.is_bulk:
        yield Hit("no link to unsubscribe was found: it is taken for mail to one person")


@rule(
    "why-you-get-this", Severity.WARNING, "It says why the reader gets it.",
    why="Who has forgotten that they subscribed says that it is spam.",
    mend="“You get this email because you subscribed to …” in the footer.",
)  # fmt: skip
def _why_you_get_this(mail: Mail) -> Iterator[Hit]:
    if mail.html and mail.is_bulk and not _WHY.search(mail.document.words):
        yield Hit("nothing says why the reader gets it")


@rule(
    "postal-address", Severity.WARNING, "It has the sender's postal address.",
    why="CAN-SPAM (US), § 5 DDG (Germany) and others ask for it in each commercial mail.",
    mend="Write it into the footer.",
)  # fmt: skip
def _postal_address(mail: Mail) -> Iterator[Hit]:
    words = mail.document.words
    if mail.html and mail.is_bulk and not _PLACE.search(words[-1500:]):
        yield Hit("nothing at its end looks like a postal address")


@rule(
    "view-in-browser", Severity.NOTE, "It has a link to the same on the web.",
    why="Where a client breaks it, or hides its end, that is the way out.",
    mend="Add “View in browser”.",
)  # fmt: skip
def _view_in_browser(mail: Mail) -> Iterator[Hit]:
    links = [link for link in mail.document.all("a") if link.get("href")]
    if mail.html and mail.is_bulk and not any(_BROWSER.search(link.text) for link in links):
        yield Hit("no link to view it in a browser was found")


@rule(
    "preheader", Severity.WARNING, "What a mailbox shows beside the subject is 40 to 130 characters of its own.",
    why="Without a preheader it is “View in browser”; one that repeats the subject says nothing.",
    mend="Put a hidden line first in the body that says what else is in it.",
)  # fmt: skip
def _preheader(mail: Mail) -> Iterator[Hit]:
    if not mail.html:
        return
    hidden = _hidden(mail)
    if hidden is None:
        yield Hit("there is no preheader: the body begins with what everybody sees")
        return
    words = "".join(
        character for character in hidden.text if character not in "\u00ad\u034f\u200b\u200c\u200d\ufeff\u2007"
    ).strip()
    subject = str(mail.message.get("Subject", "")) if mail.message is not None else ""
    wide = sum(2 if ord(character) > 0x2E80 else 1 for character in words)  # an ideograph says as much as two letters
    if words and words == subject.strip():
        yield hidden.at("the preheader is the subject")
    elif not SHORTEST <= wide <= LONGEST * 2 or len(words) > LONGEST:
        yield hidden.at(f"the preheader has {len(words)} characters")


def _hidden(mail: Mail) -> Element | None:
    """The first element with words that nobody sees, before any that everybody sees."""
    begins = mail.document.begins
    return next((one for one in mail.document.elements if one.is_hidden and one.first < begins and one.text), None)

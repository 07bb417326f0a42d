"""Mail that is hard to write down, made from a seed: names, addresses, subjects and bodies in all scripts, and traps."""

import random
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from digest.core.merge import token
from digest.core.mime import clean_line

MERGE = "k3y"
SCRIPTS = (
    "ABCXYZabcxyz0189", "äöüßéçñåøłž", "абвгдЖЩЪ", "αβγδΩ", "אבגדה", "ابتثج", "कखगघअि", "กขคงจ", "漢字編集誌", "かなカナ",
    "한글뉴스", "ԱԲԳ", "აბგ", "አበገ", "e\u0301a\u0308o\u0302\u0323", "😀🎉👩\u200d👩\u200d👧🇩🇪", "\u202eabc\u202c\u200f\u200d", "𝔄𝕭𐍈",
)  # fmt: skip
TRAPS = (
    '"', "\\", "'", "<b>", "&", "&amp;", "<", ">", ",", ";", ":", "@", "(x)", "[y]", "=", "=3D", "=20", "=\r\n", ".", "..",
    "\r\n.\r\n", "\n.\n", "\r.\r", "\n.\r\n", "\r\n.\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n",
    "From ", "\nFrom me", "\n>From", "\r\nBcc: all@x.example", "\r\n\r\n", "\r", "\n", "\t", "  ", " \n", "\t\n", "\x00",
    "\x07", "\x0b", "\x0c", "\x1b[31m", "\x7f", "\x85", "\xa0", "\u2028", "\u2029", "\ufeff", "\ud800", "\udfff",
    "=?utf-8?q?fake?=", "=?utf-8?b?ZmFrZQ==?=", "=?", "?=", "%%", "%%k3y", "%%other:name%%", "--=_", "--", "\r\n--=_0",
    "{{ x }}", "{% y %}", "%00", "%0d%0a", "?a=b&c=d", "#", "https://x.example/?a=1&b=2",
)  # fmt: skip
LOCALS = (
    "anna", "b+news", "o'neil", "=ab", "=?utf-8?q?x?=", "a.b-c_d", "!#$%&'*+/=?^_`{|}~-", "x" * 64, "jörg", "用户", "пётр", "أحمد",
    "e\u0301va", "a%b", "{x}", "-dash", "..dots", "From",
)  # fmt: skip
DOMAINS = ("example.org", "sub.example.org", "müller.example", "例子.example", "xn--mller-kva.example", "straße.example",
           f"{'d' * 60}.{'e' * 60}.example")  # fmt: skip
FIELDS = ("name", "address", "unsubscribe_url", "preferences_url")


@dataclass(frozen=True)
class Piece:
    """A literal, or a merge field and how a reader should find its value written."""

    literal: str = ""
    field: str = ""
    place: str = "text"  # "text", "html", "url" (a piece of one), "html url"

    @property
    def template(self) -> str:
        return token(MERGE, self.field) if self.field else self.literal

    def read(self, values: dict[str, str]) -> str:
        if not self.field:
            return self.literal
        value = values[self.field]
        value = quote(value, safe="@") if "url" in self.place else value
        return escape(value) if "html" in self.place else value


@dataclass(frozen=True)
class Mail:
    """One variant: its subject and both parts."""

    subject: tuple[Piece, ...]
    text: tuple[Piece, ...]
    html: tuple[Piece, ...]


def template(pieces: tuple[Piece, ...]) -> str:
    return "".join(piece.template for piece in pieces)


def read_body(pieces: tuple[Piece, ...], values: dict[str, str]) -> str:
    """What a reader should find in a part: no NUL, no half characters, every line break of one kind."""
    whole = "".join(piece.read(values) for piece in pieces).replace("\x00", "")
    whole = whole.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode("utf-8")
    return whole if whole.endswith("\n") else f"{whole}\n"


def read_subject(pieces: tuple[Piece, ...], values: dict[str, str]) -> str:
    return clean_line("".join(piece.read(values) for piece in pieces))


def make_words(chance: random.Random, most: int = 6) -> str:
    """Script, traps, and plain runs whose ends fall on and beside the places where lines are broken."""
    parts = []
    for _ in range(chance.randint(0, most)):
        kind = chance.random()
        if kind < 0.4:
            script = chance.choice(SCRIPTS)
            parts.append("".join(chance.choice(script) for _ in range(chance.randint(1, 24))))
        elif kind < 0.8:
            parts.append(chance.choice(TRAPS))
        else:
            parts.append(chance.choice(("x", "é", "語", ".", "=", " y", "😀")) * chance.randint(70, 80))
    return "".join(parts)


def make_name(chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.03:
        return chance.choice(("n", "ñ", "語", "a ", '"', "\\")) * 1_000
    if kind < 0.1:
        return "".join(chance.choice("ab c.") for _ in range(chance.randint(50, 80)))
    return make_words(chance, most=4)


def make_address(chance: random.Random) -> str:
    return f"{chance.choice(LOCALS)}@{chance.choice(DOMAINS)}"


def make_mail(chance: random.Random) -> Mail:
    """A variant with fields wherever one may stand."""
    subject = [Piece(make_words(chance, most=3))]
    if chance.random() < 0.5:
        subject += [Piece(field=chance.choice(FIELDS[:2])), Piece(make_words(chance, most=2))]
    return Mail(tuple(subject), tuple(_make_text(chance)), tuple(_make_html(chance)))


def _make_text(chance: random.Random) -> list[Piece]:
    pieces = []
    for _ in range(chance.randint(1, 5)):
        pieces += [
            Piece(f"{make_words(chance)}\n"),
            Piece(field=chance.choice(FIELDS)),
            Piece(make_words(chance, most=2)),
        ]
    pieces += [Piece("\nhttps://x.example/?n="), Piece(field="name", place="url"), Piece("&a=")]
    pieces += [Piece(field="address", place="url"), Piece(" "), Piece(field="name")]
    return pieces


def _make_html(chance: random.Random) -> list[Piece]:
    pieces = []
    for _ in range(chance.randint(1, 3)):
        title = Piece(field=chance.choice(FIELDS), place="html")
        pieces += [Piece(f'<p>{escape(make_words(chance))}</p><p title="'), title, Piece('">'), title, Piece("</p>\n")]
    pieces += [Piece('<a href="'), Piece(field="unsubscribe_url", place="html"), Piece('">out</a>')]
    pieces += [Piece('<a class="b" href="https://x.example/?a=1&amp;n='), Piece(field="name", place="html url")]
    pieces += [Piece("&amp;u="), Piece(field="preferences_url", place="html url"), Piece('#f">in</a>')]
    pieces += [Piece('<a href="mailto:'), Piece(field="address", place="html url"), Piece('">write</a>')]
    pieces += [Piece('<a href="'), Piece(field="name", place="html url"), Piece('">odd</a>')]
    return pieces

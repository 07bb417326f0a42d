"""Rules about the document: language, title, headings, tables, leftovers."""

import re
from collections import Counter
from collections.abc import Iterator

from digest.core.lint.finding import Severity, rule
from digest.core.lint.hit import Hit
from digest.core.lint.mail import Mail

_LEFT = re.compile(
    r"</?mj-[a-z-]+|\{\{.{0,40}?\}\}|\{%.{0,40}?%\}|%%[\w:.-]{1,60}%%|\\u\{[0-9a-f]+\}|\*\|[A-Z_:]{2,40}\|\*"
)
_COMMENT = re.compile(r"<!--(?:(?!-->).)*+(?:-->)?+", re.DOTALL)  # one that never ends goes to the end, in one go


@rule(
    "lang", Severity.ERROR, "The html element says its language.",
    why="WCAG 2.2, 3.1.1: screen readers choose their voice by it.",
    mend='Write <html lang="en">.',
)  # fmt: skip
def _lang(mail: Mail) -> Iterator[Hit]:
    yield from _root_lacks(mail, "lang")


@rule(
    "dir", Severity.WARNING, "The html element says its direction.",
    why="Webmail puts mail into a page of its own direction.",
    mend='Write <html dir="ltr">, or rtl.',
)  # fmt: skip
def _dir(mail: Mail) -> Iterator[Hit]:
    yield from _root_lacks(mail, "dir")


@rule(
    "wrapper", Severity.WARNING, "The outermost element of the body repeats language and direction.",
    why="Gmail and Outlook.com take html and body away and keep what is in them.",
    mend='Write <div lang="en" dir="ltr"> round everything.',
)  # fmt: skip
def _wrapper(mail: Mail) -> Iterator[Hit]:
    visible = [one for one in mail.document.elements
               if one.parent is not None and one.parent.name == "body" and one.name in {"div", "table", "center", "main"} and not one.is_hidden]  # fmt: skip
    if visible and not (visible[0].get("lang") and visible[0].get("dir")):
        yield visible[0].at(f"<{visible[0].name}> has no lang or no dir")


@rule(
    "title", Severity.ERROR, "The document has a title.",
    why="WCAG 2.2, 2.4.2; screen readers say it first.",
    mend="Write <title>, as a rule with the subject.",
)  # fmt: skip
def _title(mail: Mail) -> Iterator[Hit]:
    titles = [title for title in mail.document.all("title") if not title.is_within("svg")]
    if mail.html and not any(title.text for title in titles):
        yield titles[0].at("the title is empty") if titles else Hit("there is no title", 1, 1)


@rule(
    "meta-charset", Severity.WARNING, "The head names its charset, UTF-8.",
    why="Mail that is saved or opened in a browser has no Content-Type.",
    mend='Write <meta charset="utf-8"> first in the head.',
)  # fmt: skip
def _meta_charset(mail: Mail) -> Iterator[Hit]:
    named = False
    for one in mail.document.all("meta"):
        said = one.get("charset") or (one.get("content") or "").lower().partition("charset=")[2]
        named = named or bool(said)
        if said and said.strip(" \"';").lower() not in {"utf-8", "utf8"}:
            yield one.at(f"a meta element says {said.strip()}")
    if mail.html and not named:
        yield Hit("no meta element names a charset", 1, 1)


@rule(
    "color-scheme", Severity.WARNING, "Both metas of the colour schemes are there.",
    why="Apple Mail inverts mail that does not say it knows the dark scheme.",
    mend='Write <meta name="color-scheme" content="light dark"> and the same as supported-color-schemes.',
)  # fmt: skip
def _color_scheme(mail: Mail) -> Iterator[Hit]:
    names = {(one.get("name") or "").lower() for one in mail.document.all("meta")}
    if mail.html:
        for name in ("color-scheme", "supported-color-schemes"):
            if name not in names:
                yield Hit(f"there is no meta {name}", 1, 1)


@rule(
    "table-role", Severity.WARNING, "Tables that lay things out say so.",
    why="WCAG 2.2, 1.3.1: else screen readers count rows and columns aloud.",
    mend='Write <table role="presentation">.',
)  # fmt: skip
def _table_role(mail: Mail) -> Iterator[Hit]:
    with_data = _tables_with_data(mail)
    for table in mail.document.all("table"):
        if (table.get("role") or "").lower() not in {"presentation", "none"} and table.number not in with_data:
            yield table.at("a table without role=presentation")


@rule(
    "one-h1", Severity.WARNING, "There is one h1.",
    why="WCAG 2.2, 2.4.6: it is what the mail is about.",
    mend="Make the title of the mail an h1, and no other.",
)  # fmt: skip
def _one_h1(mail: Mail) -> Iterator[Hit]:
    found = mail.document.all("h1")
    if mail.html and len(found) != 1:
        yield found[1].at(f"there are {len(found)} h1") if found else Hit("there is no h1", 1, 1)


@rule(
    "heading-order", Severity.WARNING, "No level of headings is left out.",
    why="WCAG 2.2, 1.3.1: readers who go from heading to heading miss what they skip.",
    mend="Follow an h2 by h2 or h3.",
)  # fmt: skip
def _heading_order(mail: Mail) -> Iterator[Hit]:
    before = 0
    for heading in mail.document.all("h1", "h2", "h3", "h4", "h5", "h6"):
        level = int(heading.name[1])
        if before and level > before + 1:
            yield heading.at(f"an {heading.name} follows an h{before}")
        before = level


@rule(
    "duplicate-id", Severity.WARNING, "No id is there twice.",
    why="HTML; links and labels go to the first one only.",
    mend="Give each its own.",
)  # fmt: skip
def _duplicate_id(mail: Mail) -> Iterator[Hit]:
    counts: Counter[str] = Counter()
    for element in mail.document.elements:
        if name := element.get("id"):
            counts[name] += 1
            if counts[name] == 2:
                yield element.at(f"id {name!r} is there twice")


@rule(
    "leftover", Severity.ERROR, "Nothing of a template is left.",
    why="A reader sees {{ name }} and knows that nobody looked.",
    mend="Fill the field, or mend the name.",
)  # fmt: skip
def _leftover(mail: Mail) -> Iterator[Hit]:
    html = re.sub(_COMMENT, lambda found: re.sub(r"[^\n]", " ", found[0]), mail.html or "")
    for found in _LEFT.finditer(html):
        yield Hit(f"{found[0]} is left", *mail.document.position(found.start()))


def _root_lacks(mail: Mail, name: str) -> Iterator[Hit]:
    root = next(iter(mail.document.all("html")), None)
    if mail.html and not (root and root.get(name)):
        yield root.at(f"<html> has no {name}") if root else Hit("there is no html element", 1, 1)


def _tables_with_data(mail: Mail) -> set[int]:
    """The tables that show data: they have a caption, or heads beside other cells, or heads that say what they are for.

    Frameworks lay out with <th>, too, as <td> is styled by some clients: with nothing else, or with tables in it.
    """
    said, heads, cells, layout = set[int](), set[int](), set[int](), set[int]()
    for one in mail.document.elements:
        if one.name not in {"th", "td", "caption", "thead", "table"}:
            continue
        table = next((above.number for above in one.above if above.name == "table"), -1)
        if one.name in {"caption", "thead"} or (one.name == "th" and any(map(one.get, ("scope", "abbr", "headers")))):
            said.add(table)
        elif one.name == "th":
            heads.add(table)
        elif one.name == "td":
            cells.add(table)
        elif head := next((above for above in one.above if above.name in {"th", "td"}), None):  # a table in a cell
            layout |= {table} if head.name == "th" else set()
    return said | (heads & cells - layout)

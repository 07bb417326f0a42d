"""Rules about style sheets, and what Gmail and Outlook drop them for."""

import re
from collections.abc import Iterator

from digest.core.lint.css import CLASSES_AND_IDS, declarations
from digest.core.lint.document import Document
from digest.core.lint.finding import Severity, rule
from digest.core.lint.hit import Hit
from digest.core.lint.mail import Mail

LARGEST_STYLES = 16_384
_RANGE = re.compile(r"@media.*?\([^()]*[<>]", re.IGNORECASE)
_GROUPING = re.compile(r"@(media|supports|layer|container)\b", re.IGNORECASE)
_URL = re.compile(r"\burl\(", re.IGNORECASE)
_FOREIGN = re.compile(r"@font-face\s*+\{[^}]*+\}?+|@import[^;]*+;?+", re.IGNORECASE)
_LAYOUT = frozenset({"width", "float", "position", "display", "column", "columns"})


@rule(
    "style-size", Severity.ERROR, "All style sheets together have at most 16,384 characters.",
    why="Gmail drops a style sheet that goes beyond 16 KB, and all that follow.",
    mend="Write styles inline; keep only what small screens and the dark scheme need.",
)  # fmt: skip
def _style_size(mail: Mail) -> Iterator[Hit]:
    sizes = [len(sheet.css) for sheet in mail.document.styles]
    for number, sheet in enumerate(mail.document.styles):
        if sum(sizes[: number + 1]) > LARGEST_STYLES:
            yield sheet.element.at(f"the style sheets have {sum(sizes):,} characters")
            return


@rule(
    "style-order", Severity.WARNING, "What small screens need comes first, the dark scheme last.",
    why="Gmail drops the rest of a style sheet from the first thing that it does not know.",
    mend="Move @media (prefers-color-scheme: dark) behind the other rules.",
)  # fmt: skip
def _style_order(mail: Mail) -> Iterator[Hit]:
    is_dark = False
    for sheet in mail.document.styles:
        for one in sheet.rules:
            query = one.head.lower()
            if not query.startswith("@media"):
                continue
            if "prefers-color-scheme" in query:
                is_dark = True
            elif is_dark and "width" in query:
                yield sheet.at(one.offset, "a rule for small screens comes after the dark scheme")
                return


@rule(
    "style-nested", Severity.ERROR, "No at-rule stands in another.",
    why="Gmail and Yahoo drop the whole style sheet.",
    mend='Write "@media screen and (…) and (…)" instead.',
)  # fmt: skip
def _style_nested(mail: Mail) -> Iterator[Hit]:
    for sheet in mail.document.styles:
        around: list[int] = []  # depths of the at-rules that are open
        for one in sheet.rules:
            around = [depth for depth in around if depth < one.depth]
            if found := _GROUPING.match(one.head):
                if around:
                    yield sheet.at(one.offset, f"@{found[1]} stands in another at-rule")
                around.append(one.depth)


@rule(
    "style-import", Severity.ERROR, "No style sheet is loaded from elsewhere.",
    why="caniemail: Gmail, Yahoo and Outlook load none, and it tells a third party who reads.",
    mend="Take @import and <link rel=stylesheet> out.",
)  # fmt: skip
def _style_import(mail: Mail) -> Iterator[Hit]:
    for sheet in mail.document.styles:
        for found in re.finditer("@import", sheet.plain, re.IGNORECASE):
            yield sheet.at(found.start(), "@import")
    for link in mail.document.all("link"):
        if "stylesheet" in (link.get("rel") or "").lower():
            yield link.at(f"a style sheet from {link.get('href')}")


@rule(
    "style-font", Severity.WARNING, "No fonts are loaded.",
    why="caniemail: Gmail, Outlook and Yahoo show none, and loading one tells a third party who reads.",
    mend="Name fonts that readers have.",
)  # fmt: skip
def _style_font(mail: Mail) -> Iterator[Hit]:
    for sheet in mail.document.styles:
        for found in re.finditer("@font-face", sheet.plain, re.IGNORECASE):
            yield sheet.at(found.start(), "@font-face")


@rule(
    "style-url", Severity.WARNING, "No style sheet loads pictures.",
    why="Gmail drops a style sheet that has url() in it.",
    mend="Use <img>, or a background in the style attribute.",
)  # fmt: skip
def _style_url(mail: Mail) -> Iterator[Hit]:
    for sheet in mail.document.styles:
        # Fonts and imports have rules of their own.
        plain = _FOREIGN.sub(lambda found: " " * len(found[0]), sheet.plain)
        for found in _URL.finditer(plain):
            yield sheet.at(found.start(), "url()")


@rule(
    "style-range", Severity.ERROR, "Media queries say min-width and max-width.",
    why="Range syntax, (width <= 480px), is unknown to mail clients; they drop the style sheet.",
    mend="Write (max-width: 480px).",
)  # fmt: skip
def _style_range(mail: Mail) -> Iterator[Hit]:
    for sheet in mail.document.styles:
        for one in sheet.rules:
            if found := _RANGE.match(one.head):
                yield sheet.at(one.offset, found[0])


@rule(
    "style-layout", Severity.NOTE, "Nothing that layout needs stands in a style sheet alone.",
    why="Gmail shows mail to accounts of other providers without style sheets.",
    mend="Repeat width, float, position and display in style attributes.",
)  # fmt: skip
def _style_layout(mail: Mail) -> Iterator[Hit]:
    for sheet in mail.document.styles:
        for one in sheet.rules_in_use:
            if "." not in one.head:
                continue
            for found in declarations(one.inside):
                if found.name in _LAYOUT and not _is_repeated(mail.document, one.head, found.name):
                    yield sheet.at(one.start + found.offset, f"{one.head} sets {found.name}")
                    break


@rule(
    "script", Severity.ERROR, "There is no script.",
    why="Every client takes it out; many filters refuse the mail.",
    mend="Link to a page that has it.",
)  # fmt: skip
def _script(mail: Mail) -> Iterator[Hit]:
    for element in mail.document.elements:
        if element.name == "script":
            yield element.at("<script>")
        for name in element.attributes:
            if name.startswith("on") and len(name) > 3:
                yield element.at(f"the attribute {name}")


@rule(
    "form", Severity.ERROR, "There is no form.",
    why="caniemail: Outlook takes forms out, others warn of them.",
    mend="Link to a page that has the form.",
)  # fmt: skip
def _form(mail: Mail) -> Iterator[Hit]:
    for element in mail.document.all("form"):
        yield element.at("<form>")


def _is_repeated(document: Document, selector: str, name: str) -> bool:
    """Whether each element with the classes at the end of a selector has the property in its own attributes, too."""
    for one in selector.split(","):
        wanted = CLASSES_AND_IDS.findall(re.split(r"[\s>+~]+", one.strip())[-1])
        rarest = min((document.named(each) for each in wanted), key=len, default=[])
        elements = [each for each in rarest if each.names.issuperset(wanted)]
        if not elements or any(name not in each.style and not each.get(name) for each in elements):
            return False
    return True

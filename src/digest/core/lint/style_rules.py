"""Rules about style sheets, and what Gmail and Outlook drop them for."""

import re
from collections.abc import Iterator

from digest.core.lint.finding import Hit, Severity, at, rule
from digest.core.lint.mail import Mail

LARGEST_STYLES = 16_384
_COMMENT = re.compile(r"/\*(?:[^*]++|\*(?!/))*+(?:\*/)?+")
_MEDIA = re.compile(r"@media[^{]*\{", re.IGNORECASE)
_RANGE = re.compile(r"@media[^{]*\([^()]*[<>]", re.IGNORECASE)
_LAYOUT = re.compile(r"(?:^|[;{\s])(width|float|position|display|columns?)\s*:", re.IGNORECASE)


@rule(
    "style-size", Severity.ERROR, "All style sheets together have at most 16,384 characters.",
    why="Gmail drops a style sheet that goes beyond 16 KB, and all that follow.",
    mend="Write styles inline; keep only what small screens and the dark scheme need.",
)  # fmt: skip
def _style_size(mail: Mail) -> Iterator[Hit]:
    total = 0
    for css, element in mail.document.styles:
        total += len(css)
        if total > LARGEST_STYLES:
            yield at(
                element, f"the style sheets have {sum(len(each) for each, _ in mail.document.styles):,} characters"
            )
            return


@rule(
    "style-order", Severity.WARNING, "What small screens need comes first, the dark scheme last.",
    why="Gmail drops the rest of a style sheet from the first thing that it does not know.",
    mend="Move @media (prefers-color-scheme: dark) behind the other rules.",
)  # fmt: skip
def _style_order(mail: Mail) -> Iterator[Hit]:
    css = "\n".join(each for each, _ in mail.document.styles)
    queries = [found[0].lower() for found in _MEDIA.finditer(_COMMENT.sub("", css))]
    dark = [number for number, query in enumerate(queries) if "prefers-color-scheme" in query]
    small = [number for number, query in enumerate(queries) if "width" in query]
    if dark and small and dark[0] < small[-1]:
        yield at(mail.document.styles[0][1], "a rule for small screens comes after the dark scheme")


@rule(
    "style-nested", Severity.ERROR, "No at-rule stands in another.",
    why="Gmail and Yahoo drop the whole style sheet.",
    mend='Write "@media screen and (…) and (…)" instead.',
)  # fmt: skip
def _style_nested(mail: Mail) -> Iterator[Hit]:
    for css, element in mail.document.styles:
        depth = 0
        inside: list[int] = []
        for found in re.finditer(r"@(media|supports|layer|container)\b|[{}]", _COMMENT.sub("", css), re.IGNORECASE):
            if found[0] == "{":
                depth += 1
            elif found[0] == "}":
                depth -= 1
                inside = [each for each in inside if each < depth]
            else:
                if inside:
                    yield at(element, f"@{found[1]} stands in another at-rule")
                inside.append(depth)


@rule(
    "style-import", Severity.ERROR, "No style sheet is loaded from elsewhere.",
    why="caniemail: Gmail, Yahoo and Outlook load none, and it tells a third party who reads.",
    mend="Take @import and <link rel=stylesheet> out.",
)  # fmt: skip
def _style_import(mail: Mail) -> Iterator[Hit]:
    for css, element in mail.document.styles:
        if "@import" in _COMMENT.sub("", css).lower():
            yield at(element, "@import")
    for link in mail.document.all("link"):
        if "stylesheet" in (link.get("rel") or "").lower():
            yield at(link, f"a style sheet from {link.get('href')}")


@rule(
    "style-font", Severity.WARNING, "No fonts are loaded.",
    why="caniemail: Gmail, Outlook and Yahoo show none, and loading one tells a third party who reads.",
    mend="Name fonts that readers have.",
)  # fmt: skip
def _style_font(mail: Mail) -> Iterator[Hit]:
    for css, element in mail.document.styles:
        if "@font-face" in _COMMENT.sub("", css).lower():
            yield at(element, "@font-face")


@rule(
    "style-url", Severity.WARNING, "No style sheet loads pictures.",
    why="Gmail drops a style sheet that has url() in it.",
    mend="Use <img>, or a background in the style attribute.",
)  # fmt: skip
def _style_url(mail: Mail) -> Iterator[Hit]:
    for css, element in mail.document.styles:
        plain = re.sub(r"@font-face\s*\{[^}]*\}|@import[^;]*;", "", _COMMENT.sub("", css), flags=re.IGNORECASE)
        if "url(" in plain.lower():
            yield at(element, "url()")


@rule(
    "style-range", Severity.ERROR, "Media queries say min-width and max-width.",
    why="Range syntax, (width <= 480px), is unknown to mail clients; they drop the style sheet.",
    mend="Write (max-width: 480px).",
)  # fmt: skip
def _style_range(mail: Mail) -> Iterator[Hit]:
    for css, element in mail.document.styles:
        for found in _RANGE.finditer(_COMMENT.sub("", css)):
            yield at(element, " ".join(found[0].split()))


@rule(
    "style-layout", Severity.NOTE, "Nothing that layout needs stands in a style sheet alone.",
    why="Gmail shows mail to accounts of other providers without style sheets.",
    mend="Repeat width, float, position and display in style attributes.",
)  # fmt: skip
def _style_layout(mail: Mail) -> Iterator[Hit]:
    for css, element in mail.document.styles:
        for selector, inside in plain_rules(css):
            # .moz-text-html is Thunderbird's own wrapper: what is written for one client is no layout of all.
            if "." in selector and ".moz-text-html" not in selector and (found := _LAYOUT.search(inside)):
                yield at(element, f"{' '.join(selector.split())} sets {found[1].lower()}")


@rule(
    "script", Severity.ERROR, "There is no script.",
    why="Every client takes it out; many filters refuse the mail.",
    mend="Link to a page that has it.",
)  # fmt: skip
def _script(mail: Mail) -> Iterator[Hit]:
    for element in mail.document.elements:
        if element.name == "script":
            yield at(element, "<script>")
        for name in element.attributes:
            if name.startswith("on") and len(name) > 3:
                yield at(element, f"the attribute {name}")


@rule(
    "form", Severity.ERROR, "There is no form.",
    why="caniemail: Outlook takes forms out, others warn of them.",
    mend="Link to a page that has the form.",
)  # fmt: skip
def _form(mail: Mail) -> Iterator[Hit]:
    for element in mail.document.all("form"):
        yield at(element, "<form>")


def plain_rules(css: str) -> Iterator[tuple[str, str]]:
    """Selector and declarations of each rule that stands in no at-rule."""
    css = _COMMENT.sub("", css)
    depth, start, selector = 0, 0, ""
    for place, character in enumerate(css):
        if character == "{":
            if depth == 0:
                selector = css[start:place].strip()
            start = place + 1
            depth += 1
        elif character == "}":
            depth = max(0, depth - 1)
            if depth == 0:
                if not selector.startswith("@"):
                    yield selector, css[start:place]
                start = place + 1

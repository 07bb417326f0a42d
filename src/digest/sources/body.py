"""A post's markup → text blocks, pictures with their captions, a quote (docs/sources.md, Cards).

Read before the allow-list runs, because that drops the classes by which captions are known. Blogger writes no <p>: two
<br> part paragraphs.
"""

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from digest.core.model import Picture
from digest.sources.clean import collapse, tame, words
from digest.sources.pictures import Found, see_picture

Node = Any  # selectolax's LexborNode


class Kind(StrEnum):
    """What a block is; only paragraphs make excerpts."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    QUOTE = "quote"
    ITEM = "item"
    CODE = "code"
    TABLE = "table"
    JUMP = "jump"  # the author's own "read more" mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A run of text."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a post's markup says."""

    blocks: tuple[Block, ...] = ()
    found: tuple[Found, ...] = ()

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """The running text, without headings, quotes, lists, code, tables and captions."""
        return tuple(block.text for block in self.blocks if block.kind is Kind.PARAGRAPH)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """In document order."""
        return tuple(one.picture for one in self.found)

    @property
    def text(self) -> str:
        """All text, a block a line."""
        return "\n".join(block.text for block in self.blocks if block.text)

    @property
    def letter(self) -> str:
        """All text as it stands in a letter: blocks apart, items of lists and quotes with their marks."""
        marks = {Kind.ITEM: "- ", Kind.QUOTE: "> "}
        return "\n\n".join(marks.get(block.kind, "") + block.text for block in self.blocks if block.text)


def read_body(markup: str, *bases: str | None) -> Body:
    """Blocks and pictures of a post, in document order."""
    if not markup.strip():
        return Body()
    reader = _Reader(bases=bases)
    root = LexborHTMLParser(tame(markup)).body
    if root is not None:
        _drop_furniture(root, markup)
        reader.walk(root, Kind.PARAGRAPH)
        reader.flush(Kind.PARAGRAPH)
    return Body(blocks=tuple(reader.blocks), found=tuple(reader.found))


def _drop_furniture(root: Node, markup: str) -> None:
    """Take out what the platform put between the author's words: buttons to subscribe, to share, related posts."""
    present = [one for one in _FURNITURE if one in markup]
    if not present:
        return
    for node in root.css(", ".join(f".{one}" for one in present)):
        node.decompose()


def read_text(markup: str) -> str:
    """The text of a short piece of markup, such as a title, on one line."""
    if "<" not in markup and "&" not in markup:
        return collapse(markup)
    root = LexborHTMLParser(tame(markup)).body
    return _inner_text(root) if root is not None else ""


_SKIPPED = words(
    "script style iframe object embed form select textarea button noscript template svg math audio video canvas head"
    " title noembed noframes"
)
_BLOCKS = {
    **dict.fromkeys(words("h1 h2 h3 h4 h5 h6"), Kind.HEADING),
    **dict.fromkeys(words("li dd dt"), Kind.ITEM),
    "blockquote": Kind.QUOTE,
    "pre": Kind.CODE,
    "table": Kind.TABLE,
}
_PLAIN_BLOCKS = words(
    "p div section article header footer main aside ul ol dl tr td th tbody thead address figure details summary hr"
    " center nav fieldset"
)
_FURNITURE = (
    "button-wrapper",
    "subscription-widget-wrap",
    "subscription-widget-wrap-editor",
    "sharedaddy",
    "jp-relatedposts",
    "feedflare",
    "kg-signup-card",
    "kg-button-card",
    "wp-block-button",
    "screen-reader-text",
)
"""Classes of Substack, Jetpack, FeedBurner, Ghost and WordPress."""
_PARAGRAPH_BREAK = re.compile(r"\n[^\S\n]*\n\s*")
_DEEPEST = 400


@dataclass(slots=True)
class _Reader:
    bases: tuple[str | None, ...]
    blocks: list[Block] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    _text: list[str] = field(default_factory=list)
    _images: int = 0

    def walk(self, parent: Node, kind: Kind, around: str | None = None, depth: int = 0) -> None:
        node = parent.first_child if depth < _DEEPEST else None
        while node is not None:
            tag = node.tag
            if tag == "-text":
                self._text.append(node.text_content.replace("\n", " "))
            elif tag == "br":
                self._text.append("\n")
            elif tag == "img":
                self._see(node, around)
            elif tag and tag not in _SKIPPED and tag[0] != "-":  # a processing instruction has none
                self._enter(node, tag, kind, around, depth)
            elif tag == "-comment" and (node.comment_content or "").strip() == "more":
                self._jump(kind)
            node = node.next

    def flush(self, kind: Kind) -> None:
        """What has been read becomes blocks."""
        if not self._text:
            return
        text = "".join(self._text)
        self._text.clear()
        for part in _PARAGRAPH_BREAK.split(text) if "\n" in text else (text,):
            if line := collapse(part):
                self.blocks.append(Block(kind=kind, text=line))

    def _enter(self, node: Node, tag: str, kind: Kind, around: str | None, depth: int) -> None:
        if tag == "a":
            attributes = node.attributes
            if attributes.get("name") == "more":
                self._jump(kind)
            self.walk(node, kind, attributes.get("href") or around, depth + 1)
            return
        caption = _caption_of(node, tag)
        if caption is not None:
            self._captioned(node, caption, kind, around)
        elif tag in _BLOCKS or tag in _PLAIN_BLOCKS:
            self.flush(kind)
            inner = kind if kind in {Kind.QUOTE, Kind.TABLE} else _BLOCKS.get(tag, kind)
            self.walk(node, inner, around, depth + 1)
            self.flush(inner)
        else:
            if tag == "span" and (node.id or "").startswith("more-"):
                self._jump(kind)
            self.walk(node, kind, around, depth + 1)

    def _captioned(self, node: Node, caption: str, kind: Kind, around: str | None) -> None:
        """A container of pictures and their caption: none of its text belongs to the running text."""
        self.flush(kind)
        before = len(self.found)
        for image in node.css("img"):
            self._see(image, _link_around(image, node) or around)
        if caption:
            self.found[before:] = [_with_caption(one, caption) for one in self.found[before:]]

    def _see(self, node: Node, around: str | None) -> None:
        one = see_picture(node.attributes, bases=self.bases, position=self._images, around=around)
        self._images += 1
        if one is not None:
            self.found.append(one)

    def _jump(self, kind: Kind) -> None:
        self.flush(kind)
        self.blocks.append(Block(kind=Kind.JUMP, text=""))


def _caption_of(node: Node, tag: str) -> str | None:
    """The caption's text where the node is a container of pictures, "" for an empty caption; None where it is none."""
    if tag == "figure":
        where = "figcaption"
    elif tag == "table" and "tr-caption-container" in (node.attributes.get("class") or ""):
        where = "td.tr-caption"
    elif tag in {"div", "dl"} and "wp-caption" in (node.attributes.get("class") or "").split():
        where = ".wp-caption-text"
    else:
        return None
    if node.css_first("img") is None:
        return None
    captions = node.css(where)
    return " ".join(filter(None, (_inner_text(one) for one in captions)))


def _with_caption(one: Found, caption: str) -> Found:
    picture = one.picture
    made = not picture.alt
    return replace(one, picture=replace(picture, caption=caption, alt=picture.alt or caption, alt_made=made))


def _link_around(image: Node, container: Node) -> str | None:
    node = image.parent
    while node is not None and node.mem_id != container.mem_id:
        if node.tag == "a":
            href: str | None = node.attributes.get("href")
            return href
        node = node.parent
    return None


def _inner_text(root: Node) -> str:
    reader = _Reader(bases=())
    reader.walk(root, Kind.PARAGRAPH)
    reader.flush(Kind.PARAGRAPH)
    return " ".join(block.text for block in reader.blocks if block.text)

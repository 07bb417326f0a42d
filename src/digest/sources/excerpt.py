"""Text blocks → lead, quote, made title, reading time, language (docs/sources.md, Cards)."""

import re
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from sentencex import segment

from digest.core import nameless
from digest.core.model import Picture
from digest.sources.body import Block, Body, Kind

LEAD_LIMIT = 280
TITLE_LIMIT = 70
_SENTENCES = 2
_THIN = 40
"""A first paragraph shorter than this ("Hello!") takes the next one in."""

_FEED_FOOTER = re.compile(
    r"^\s*(?:The post|L[’']article|Der Beitrag|La entrada|El post) .{1,300} (?:appeared first on|est apparu en premier sur|erschien zuerst auf|se publicó primero en|aparece primero en) .*$"
)
_CUT_MARK = re.compile(
    r"\s*(?:\[(?:…|\.\.\.|&hellip;)\]|(?:…|\.\.\.)?\s*(?:\(?(?:Read more|Read the rest|Continue reading|Keep reading|Weiterlesen|Leer más|Lire la suite|Lees meer|Leggi tutto|Continua a leggere|Leia mais|Läs mer|Czytaj dalej|Читать далее|View (?:the )?(?:Entire|Full|Original) Post)\b.{0,120})|\(more(?:…|\.\.\.)\)|続きを読む)\s*$",
    re.IGNORECASE,
)
_FOOTER_LENGTH = 200
_BYLINE = 60
"""Characters behind a title that are its author, date or newspaper."""
_PREFERRED = ({Kind.PARAGRAPH}, {Kind.ITEM, Kind.QUOTE}, {Kind.TABLE, Kind.HEADING, Kind.CODE})
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_WIDE_ENDS = "。！？．｡」』）】〉》"
_WORDS_A_MINUTE = 238
_CJK_A_MINUTE = 500
_ENOUGH_LETTERS = 80
_SAMPLE = 200
"""Of 1,075 real posts in seven languages, two are told wrong by 200 characters, the same two by 300, four by 150."""
_TAG = re.compile(r"^[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*$")


def lead(body: Body, *, language: str | None, title: str = "") -> str:
    """The first whole sentences of the running text, at most two of a paragraph and 280 characters in all.

    The author's own jump break ends it. One sentence that is longer is clipped at a word. Where the text begins with
    the post's own `title`, that is left out.
    """
    chosen = ""
    for paragraph in _without_title(_opening(body.blocks), title):
        for sentence in _sentences(paragraph, language)[:_SENTENCES]:
            longer = chosen + _gap(chosen) + sentence
            if len(longer) > LEAD_LIMIT:
                return chosen or clip(longer, LEAD_LIMIT)
            chosen = longer
        if len(chosen) >= _THIN:
            break
    return chosen


def quote(body: Body) -> str | None:
    """The first quotation of 20 to 300 characters."""
    return next((b.text for b in body.blocks if b.kind is Kind.QUOTE and 20 <= len(b.text) <= 300), None)


def made_title(
    body: Body, *, pictures: tuple[Picture, ...], at: datetime | None, zone: str, language: str | None
) -> str:
    """A title for a post that has none: its first sentence, else its picture's caption, else what it is and its day."""
    for paragraph in _opening(body.blocks):
        return clip((_sentences(paragraph, language) or [paragraph])[0], TITLE_LIMIT)
    for picture in pictures:
        if text := picture.caption or picture.alt:
            return clip(text, TITLE_LIMIT)
    return nameless.call("Photo" if pictures else "Post", at.astimezone(ZoneInfo(zone)).date() if at else None)


def reading_minutes(text: str) -> int:
    """Minutes at 238 words or 500 CJK characters each, rounded; 0 for less than one, which is not shown."""
    cjk = 0 if text.isascii() else len(_CJK.findall(text))
    words = len((_CJK.sub(" ", text) if cjk else text).split())
    minutes = words / _WORDS_A_MINUTE + cjk / _CJK_A_MINUTE
    return int(minutes + 0.5) if minutes >= 1 else 0


def language_tag(stated: str | None) -> str | None:
    """A stated language as a BCP 47 tag, or None where it is no tag ("English")."""
    text = (stated or "").strip()
    if not _TAG.match(text):
        return None
    first, *rest = re.split("[-_]", text)
    tags = [part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part for part in rest]
    return "-".join([first.lower(), *tags])


def detect_language(text: str) -> str | None:
    """The language of a text of at least eighty letters, else None: shorter ones are guesses."""
    sample = text[:_SAMPLE]
    if sum(map(str.isalpha, sample)) < _ENOUGH_LETTERS:
        return None
    from py3langid import classify  # noqa: PLC0415 - loads its model only for feeds that state no language

    return str(classify(sample)[0])


def clip(text: str, limit: int) -> str:
    """The text cut at a word, with an ellipsis where something was left out."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    head, space, _ = cut.rpartition(" ")
    kept = head if space and len(head) > limit // 2 else cut
    return kept.rstrip(" ,;:–—-") + "…"


def _opening(blocks: tuple[Block, ...]) -> Iterator[str]:
    """The paragraphs up to the jump break; where there are none, whatever text there is."""
    for kinds in _PREFERRED:
        is_found = False
        for block in blocks:
            if block.kind is Kind.JUMP and is_found:
                break
            if block.kind in kinds and (text := _without_footer(block.text)):
                is_found = True
                yield text
        if is_found:
            return


def _without_title(paragraphs: Iterator[str], title: str) -> Iterator[str]:
    """The paragraphs but a first one that is the title, or the title with a byline where more text follows."""
    first, second = next(paragraphs, None), next(paragraphs, None)
    if first is not None:
        rest = first[len(title) :] if title and first.casefold().startswith(title.casefold()) else None
        is_byline = rest is not None and len(rest) <= _BYLINE and not first.endswith((".", "!", "?", "…", ":"))
        if not (rest == "" or (is_byline and second is not None)):
            yield first
    if second is not None:
        yield second
    yield from paragraphs


def _without_footer(text: str) -> str:
    """The text without what blog software appends to a cut description."""
    if _FEED_FOOTER.match(text):
        return ""
    end = text[-_FOOTER_LENGTH:]
    cut = text[:-_FOOTER_LENGTH] + _CUT_MARK.sub("", end)
    return text if cut == text else cut.rstrip(" .…") + "…" if cut.strip() else ""


def _gap(text: str) -> str:
    """What stands between a text and the sentence after it: nothing behind a full-width mark, which has room of its own."""
    return "" if not text or text[-1] in _WIDE_ENDS else " "


def _sentences(text: str, language: str | None) -> list[str]:
    code = (language or "en").partition("-")[0]
    return [sentence for part in segment(code, text[: 4 * LEAD_LIMIT]) if (sentence := part.strip())]

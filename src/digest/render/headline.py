"""What an issue is called: title, subject and preheader, made of its leading posts."""

from collections.abc import Sequence

from digest.render.direction import beside, parted, steadied
from digest.render.words import Words, words_for

LONGEST_SUBJECT = 60
SHORTEST_PREHEADER, LONGEST_PREHEADER = 40, 130


def clip(text: str, length: int) -> str:
    """At most `length` characters, cut at a word and marked with an ellipsis."""
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    word = cut.rpartition(" ")[0] if text[length - 1] != " " else cut
    return (word if len(word) > length // 2 else cut).rstrip(" ,;:.–—-") + "…"


def make_title(titles: Sequence[str], *, count: int, words: Words, otherwise: str) -> str:
    """A title of at most 60 characters from the leading titles of `count` posts; `otherwise` where there are none."""
    if not titles:
        return clip(otherwise, LONGEST_SUBJECT)
    if len(titles) > 1 and not any("," in title for title in titles[:2]):
        both = _joined(titles[:2], count - 2, words)
        if len(both) <= LONGEST_SUBJECT:
            return both
    alone = _joined(titles[:1], count - 1, words)
    spare = LONGEST_SUBJECT - len(alone) + len(_bare(titles[0]))
    return alone if len(alone) <= LONGEST_SUBJECT else _joined([clip(_bare(titles[0]), spare)], count - 1, words)


def set_apart(subject: str, *, number: int, language: str) -> str:
    """The subject with the issue's number, for one that an earlier issue had; at most 60 characters."""
    words = words_for(language)
    tail = f" {words.dot} " + words._("Issue {n}").format(n=words.number(number))
    return clip(subject, LONGEST_SUBJECT - len(tail)) + tail


def make_preheader(titles: Sequence[str], *, subject: str, fillers: Sequence[str], words: Words) -> str:
    """What a mailbox shows beside the subject: the titles that the subject lacks, then other words; 40–130 characters."""
    between = f" {words.dot} "
    parts: list[str] = []
    for text in (*(title for title in titles if _bare(title) not in subject), *fillers):
        wanted = text in titles or (len(between.join(parts)) < SHORTEST_PREHEADER and subject not in text)
        if wanted and text and text not in parts:
            parts.append(text)
    return clip(beside(parts, words.direction, between), LONGEST_PREHEADER)


def _joined(titles: Sequence[str], rest: int, words: Words) -> str:
    if rest <= 0 and len(titles) == 1:
        return titles[0]
    bare = [_bare(title) for title in titles]
    names = [parted(steadied(name, words.direction), words.direction) for name in bare[:-1]]
    names.append(steadied(bare[-1], words.direction))
    if rest <= 0:
        return words._("{0} and {1}").format(*names)
    if len(names) == 2:
        return words.n("{0}, {1} and {n} more", "{0}, {1} and {n} more", rest, *names)
    if bare[0][-1] in "?!？！؟":  # a mark that ends a sentence starts a new one; an ellipsis does not
        return words.n("{0} And {n} more", "{0} And {n} more", rest, *names)
    return words.n("{0}, and {n} more", "{0}, and {n} more", rest, *names)


def _bare(title: str) -> str:
    return title.rstrip(" .,;:") or title

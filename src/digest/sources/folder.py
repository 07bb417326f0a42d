"""A folder of Markdown files with front matter: an editor's own posts and notes (docs/sources.md, Folders)."""

import datetime as dt
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import yaml
from markdown_it import MarkdownIt

from digest.core.model import Feed, Picture
from digest.errors import SourceError
from digest.sources.card import RawPost
from digest.sources.clean import collapse
from digest.sources.dates import parse_date
from digest.sources.keys import make_posts
from digest.sources.links import is_web, resolve

FILE_LIMIT = 1 << 20
"""Bytes of one file: some two hundred thousand words."""
MOST_FILES = 10_000
_FENCE = "---"
_LONG_AGO = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
_ENDINGS = {".md", ".markdown"}


class _Loader(yaml.SafeLoader):
    """YAML without aliases: nine lines of them stand for a thousand million words."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse `*name`; `&name` alone does no harm."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "references (*name) are not read; write it out", mark)
        return super().compose_node(parent, index)


def read_folder(path: Path, *, zone: str = "UTC") -> Feed:
    """The posts of a folder and its subfolders, the newest first; a broken file is a problem of the feed, by name.

    Slow where there is much to read, and on hostile files: see workshop.

    Raises:
        SourceError: the folder cannot be read, has no Markdown file, or more than ten thousand.
    """
    if not path.is_dir():
        raise SourceError(f"{path} is no folder", next_step="give a folder of Markdown files")
    raws: list[RawPost] = []
    problems: list[str] = []
    for file in _listed(path):
        try:
            raw = read_file(file, root=path, zone=zone)
        except SourceError as fault:
            problems.append(fault.message)
            continue
        if raw is not None:
            raws.append(raw)
    raws.sort(key=lambda raw: raw.published or _LONG_AGO, reverse=True)
    posts = make_posts(raws, home=None, zone=zone)
    return Feed(title=path.resolve().name, url=str(path), format="folder", posts=posts, problems=tuple(problems))


def read_file(file: Path, *, root: Path, zone: str) -> RawPost | None:
    """One file; None for a draft.

    Raises:
        SourceError: names the file, and the line where the front matter is broken.
    """
    try:
        text = _read(file).decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise SourceError(f"{file}: not UTF-8 at byte {fault.start}", next_step="save it as UTF-8") from fault
    except OSError as fault:
        raise SourceError(f"{file}: cannot be read: {fault.strerror}", next_step="check its permissions") from fault
    fields, markdown = _front_matter(text, file)
    if fields.get("draft") is True:
        return None
    return _raw(fields, markdown, file=file, root=root, zone=zone)


def _listed(path: Path) -> list[Path]:
    """The Markdown files, sorted. An empty folder is a mistake, or a disk that is not there: nobody's posts are gone."""
    files = sorted(islice(_files(path), MOST_FILES + 1))
    if not files:
        raise SourceError(f"{path} has no Markdown file", next_step="give a folder with files that end in .md")
    if len(files) > MOST_FILES:
        raise SourceError(f"{path} has more than {MOST_FILES:,} Markdown files", next_step="give a folder inside it")
    return files


def _files(path: Path) -> Iterator[Path]:
    """Hidden files and folders are not the reader's business; links to folders are not followed."""
    for folder, inner, names in os.walk(path):
        inner[:] = [name for name in inner if not name.startswith(".")]
        for name in names:
            file = Path(folder, name)
            if file.suffix.lower() in _ENDINGS and not name.startswith(".") and file.is_file():
                yield file


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        body = opened.read(FILE_LIMIT + 1)
    if len(body) > FILE_LIMIT:
        raise SourceError(f"{file}: larger than {FILE_LIMIT >> 20} MiB", next_step="split it")
    return body


def _front_matter(text: str, file: Path) -> tuple[dict[str, Any], str]:
    lines = text.splitlines(keepends=True)
    if not lines or lines[0].rstrip() != _FENCE:
        return {}, text
    end = next((number for number, line in enumerate(lines[1:], start=1) if line.rstrip() in {_FENCE, "..."}), None)
    if end is None:
        raise _broken(file, 1, "the front matter has no closing ---")
    try:
        fields = yaml.load("".join(lines[1:end]), Loader=_Loader) or {}  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as fault:
        mark = getattr(fault, "problem_mark", None)
        reason = getattr(fault, "problem", None) or str(fault)
        raise _broken(file, mark.line + 2 if mark else 2, collapse(reason)) from fault
    if not isinstance(fields, dict):
        raise _broken(file, 2, "the front matter must be names and values, such as title: Hello")
    _check_values(fields, lines[:end], file)
    return fields, "".join(lines[end + 1 :])


def _check_values(fields: dict[Any, Any], lines: list[str], file: Path) -> None:
    """Types that would be misread quietly are refused; unknown names are other programs' and stay."""
    for name in ("title", "link", "author", "language", "image", "alt", "caption", "kind"):
        value = fields.get(name)
        if value is not None and not isinstance(value, str | int | float):
            raise _broken(file, _line_of(name, lines), f"{name} must be text")
    for name in ("topics", "tags"):
        value = fields.get(name)
        if any(isinstance(one, list | dict) for one in (value if isinstance(value, list) else [])):
            raise _broken(file, _line_of(name, lines), f"{name} must be a list of words")
    if not isinstance(fields.get("draft", False), bool):
        raise _broken(file, _line_of("draft", lines), "draft must be true or false")
    for name in ("date", "updated"):
        if fields.get(name) is not None and _date(fields, name, zone="UTC") is None:
            raise _broken(file, _line_of(name, lines), f"{name} must be like 2017-08-11 or 2017-08-11T07:42:00-07:00")
    if fields.get("kind", "post") not in {"post", "note"}:
        raise _broken(file, _line_of("kind", lines), "kind must be post or note")


def _raw(fields: dict[str, Any], markdown: str, *, file: Path, root: Path, zone: str) -> RawPost:
    link = _text(fields, "link")
    name = file.relative_to(root).as_posix()
    return RawPost(
        guid=_text(fields, "id") or name,
        title=_text(fields, "title"),
        link=link if is_web(link) else None,
        markup=MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown),
        bases=(link or None,),
        published=_date(fields, "date", zone=zone),
        updated=_date(fields, "updated", zone=zone),
        date_raw=str(fields["date"]) if fields.get("date") else None,
        author=_text(fields, "author") or None,
        topics=_topics(fields),
        language=_text(fields, "language") or None,
        leading=_picture(fields, link),
        note=fields.get("kind") == "note",
    )


def _date(fields: dict[str, Any], name: str, *, zone: str) -> dt.datetime | None:
    """YAML reads dates itself: one without a zone is in the source's, a day is its midnight."""
    value = fields.get(name)
    return parse_date(value.isoformat() if isinstance(value, dt.date) else str(value or ""), zone=zone)


def _topics(fields: dict[str, Any]) -> tuple[str, ...]:
    value = fields.get("topics", fields.get("tags"))
    listed = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(str(one) for one in listed)


def _picture(fields: dict[str, Any], link: str) -> Picture | None:
    src = resolve(_text(fields, "image"), link)
    if src is None:
        return None
    alt, caption = _text(fields, "alt"), _text(fields, "caption")
    return Picture(src=src, alt=alt or caption, alt_made=bool(caption and not alt), caption=caption or None)


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return "" if value is None else collapse(str(value))


def _line_of(name: str, lines: list[str]) -> int:
    return next((number for number, line in enumerate(lines, start=1) if line.startswith(f"{name}:")), 1)


def _broken(file: Path, line: int, reason: str) -> SourceError:
    return SourceError(
        f"{file}, line {line}: {reason}", next_step="correct the front matter; the other files were read"
    )

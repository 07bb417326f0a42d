"""Themes: which there are, what they say, a new one, and whether one can be used."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digest.actions.sample_preview import preview_sample
from digest.errors import Conflict, TemplateError, UsageError
from digest.paths import shipped
from digest.render.catalogues import languages
from digest.render.notice import Notice, NoticeKind, render_notice
from digest.render.templates import theme_folders, theme_names
from digest.render.theme import Theme, load_theme, read_variables, theme_files


@dataclass(frozen=True, slots=True, kw_only=True)
class ThemeHome:
    """A theme and where its own files are."""

    name: str
    folder: Path
    is_own: bool  # the user's
    files: tuple[str, ...]  # its own; it takes the others from its base


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A theme that can be used, and how large the sample issue is in it."""

    name: str
    largest_octets: int  # of the HTML of the sample issue, in any language
    languages: tuple[str, ...]


def list_themes(templates: Path | None) -> tuple[ThemeHome, ...]:
    """Every theme, by name."""
    return tuple(_home(name, templates) for name in theme_names(templates))


def show_theme(name: str, templates: Path | None) -> tuple[Theme, dict[str, tuple[Any, Path]]]:
    """The theme, and each variable with its value and the file that says so.

    Raises:
        TemplateError: it is not there, or a variable is wrong.
    """
    files = theme_files(theme_folders(name, templates))
    theme = load_theme(name, files, {})
    said = {key: (value, file) for file in files for key, value in read_variables(file)}
    return theme, said


def make_theme(name: str, templates: Path, *, base: str, full: bool = False) -> ThemeHome:
    """A theme of the user's own that begins as another. `full`: with a copy of every file, to change all of it.

    Raises:
        Conflict: there is one of this name.
        TemplateError: no such base, or no name for a theme.
        UsageError: the folder cannot be written.
    """
    if name in theme_names(templates):
        raise Conflict(f"there is a theme {name} already", next_step=f"digest theme show {name}; choose another name")
    folders = theme_folders(base, templates)
    folder = templates / "issue" / name
    try:
        folder.mkdir(parents=True)
        if full:
            for source in reversed(folders):
                shutil.copytree(source, folder, dirs_exist_ok=True)
            _write_base(folder / "theme.toml", base, folders)
        else:
            _write_base(folder / "theme.toml", base, folders)
        theme_folders(name, templates)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}", next_step="check the folder") from error
    except TemplateError:
        shutil.rmtree(folder)
        raise
    return _home(name, templates)


def check_theme(name: str, templates: Path | None) -> Checked:
    """Render the sample issue and the notices in every language.

    Raises:
        TemplateError: what is wrong, with file, line and column, and the way out.
    """
    largest = 0
    for language in languages():
        made = preview_sample(name, language, templates=templates)
        largest = max(largest, len(made.rendered.html.encode()))
        for kind in NoticeKind:
            notice = Notice(kind=kind, address="reader@example.org", action_url="https://news.example/x")
            render_notice(notice, made.newsletter, language=language, templates=templates)
    return Checked(name=name, largest_octets=largest, languages=languages())


def _home(name: str, templates: Path | None) -> ThemeHome:
    own = templates / "issue" / name if templates else None
    is_own = own is not None and own.is_dir()
    folder = own if own is not None and is_own else shipped("templates") / "issue" / name
    return ThemeHome(
        name=name, folder=folder, is_own=is_own, files=tuple(sorted(each.name for each in folder.iterdir()))
    )


def _write_base(file: Path, base: str, folders: tuple[Path, ...]) -> None:
    """The variables of the base as comments: each says what it is now, and is changed by taking the mark away."""
    values: dict[str, Any] = {}
    for source in theme_files(folders):
        values |= dict(read_variables(source))
    lines = [
        f"# What is not here is that of {base}. Take the # away from a line to change it; digest theme check tells what is wrong.",
        f'base = "{base}"',
        "",
    ]
    section = ""
    for name, value in sorted(values.items(), key=lambda item: ("." in item[0], item[0])):
        part, dot, key = name.rpartition(".")
        if dot and part != section:
            section = part
            lines += ["", f"[{part}]"]
        lines.append(f"# {key} = {_toml(value)}")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)

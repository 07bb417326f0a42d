"""Themes: which there are, what they say, a new one, and whether one can be used."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digest.actions.sample_preview import preview_sample, sample_notice
from digest.core.lint.finding import Finding, Severity
from digest.core.lint.linter import lint
from digest.core.lint.mail import read_html, read_message
from digest.errors import Conflict, DigestError, TemplateError
from digest.paths import shipped
from digest.render.catalogues import languages
from digest.render.notice import NoticeKind, render_notice
from digest.render.templates import BASE_THEME, theme_folders, theme_names, used_templates
from digest.render.theme import Theme, load_theme, read_variables, theme_files

_SECTION = re.compile(r"\[(\w+)\]")
_VARIABLE = re.compile(r"""(\w+) = (?:"[^"]*"|[^"#\s]+)\s+# (.+)""")


@dataclass(frozen=True, slots=True, kw_only=True)
class ThemeHome:
    """A theme and where its own files are."""

    name: str
    folder: Path
    is_own: bool  # the user's
    files: tuple[str, ...]  # its own; it takes the others from its base


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A theme that can be rendered, how large the sample issue is in it, and what else is to be said."""

    name: str
    largest_octets: int  # of the HTML of the sample issue, in any language
    languages: tuple[str, ...]
    findings: tuple[Finding, ...]  # of the linter, each once, though it may be in every language
    unused: tuple[
        str, ...
    ]  # files of its own that no part includes: misspelt, or of a section that is off; no mere copies

    @property
    def is_usable(self) -> bool:
        """Whether a mail in it may be sent."""
        return all(one.severity is not Severity.ERROR for one in self.findings)


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
        DigestError: the folder cannot be written.
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
        raise DigestError(f"{folder} cannot be written: {error.strerror}", next_step="check the folder") from error
    except TemplateError:
        shutil.rmtree(folder)
        raise
    return _home(name, templates)


def check_theme(name: str, templates: Path | None) -> Checked:
    """Render the sample issue and the notices in every language, and lint them.

    Raises:
        TemplateError: what is wrong, with file, line and column, and the way out.
    """
    largest, found = 0, dict[tuple[str, str], Finding]()
    for language in languages():
        made = preview_sample(name, language, templates=templates)
        largest = max(largest, len(made.rendered.html.encode()))
        mails = [read_message(made.envelope.message)]
        for kind in NoticeKind:
            rendered = render_notice(sample_notice(kind), made.newsletter, language=language, templates=templates)
            mails.append(read_html(rendered.html, to_list=False))
        found |= {(one.rule, one.said): one for mail in mails for one in lint(mail)}
    return Checked(
        name=name,
        largest_octets=largest,
        languages=languages(),
        findings=tuple(found.values()),
        unused=_unused(name, templates),
    )


def _unused(name: str, templates: Path | None) -> tuple[str, ...]:
    home, folders = _home(name, templates), theme_folders(name, templates)
    used = used_templates(folders)
    spare = [file for file in home.files if file.endswith(".j2") and file not in used]
    return tuple(file for file in spare if not _is_copy(home.folder / file, folders))


def _is_copy(file: Path, folders: tuple[Path, ...]) -> bool:
    """Whether a theme below has the same file: a whole copy has those that its base's own parts have replaced."""
    below = [folder / file.name for folder in folders if folder != file.parent]
    return any(other.is_file() and other.read_bytes() == file.read_bytes() for other in below)


def _home(name: str, templates: Path | None) -> ThemeHome:
    ours = shipped("templates") / "issue" / name
    own = templates / "issue" / name if templates else ours
    is_own = own.is_dir() and not (ours.is_dir() and own.samefile(ours))  # in a checkout the two may be one
    folder = own if is_own else ours
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
    section, meanings = "", _meanings()
    for name, value in sorted(values.items(), key=lambda item: ("." in item[0], item[0])):
        part, dot, key = name.rpartition(".")
        if dot and part != section:
            section = part
            lines += ["", f"[{part}]"]
        said = meanings.get(name) or meanings.get(f"light.{key}" if part == "dark" else "", "")
        lines.append(f"# {key} = {_toml(value)}" + (f"  # {said}" if said else ""))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _meanings() -> dict[str, str]:
    """What each variable is, by the comments in the editorial theme's file."""
    section, found = "", dict[str, str]()
    for line in (shipped("templates") / "issue" / BASE_THEME / "theme.toml").read_text(encoding="utf-8").splitlines():
        if opened := _SECTION.match(line):
            section = opened[1] + "."
        elif variable := _VARIABLE.match(line):
            found[section + variable[1]] = variable[2]
    return found


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)

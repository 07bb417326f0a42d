"""Templates: Jinja in a sandbox, one environment a theme, compiled once; errors with file, line and column.

A theme is a folder `issue/<theme>/`. A file is looked for in the user's folder first, then in the shipped theme of
that name, then in those of the theme that its theme.toml names as `base`, at last in the shipped editorial theme: to
change one part, copy one file.
"""

import difflib
import os
import re
import tomllib
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateSyntaxError, UndefinedError
from jinja2.environment import Environment
from jinja2.exceptions import SecurityError, TemplateNotFound
from jinja2.exceptions import TemplateError as JinjaError

from digest.errors import TemplateError
from digest.paths import shipped
from digest.render import view
from digest.render.columns import fill, unbroken, wrap
from digest.render.direction import beside, isolate
from digest.render.markup import check_source
from digest.render.sandbox import BoundedSandbox, render_bounded
from digest.render.stamps import Stamp, read_toml, stamps_of
from digest.render.theme import variable_lines
from digest.render.words import Words

BASE_THEME = "editorial"
MEND = "mend the template; docs/templates.md lists the names that it may use"
_THEME_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_NAMED = re.compile(r"'([^']+)'")
_NO_FIELD = re.compile(r"'digest\.render\.view\.(\w+) object' has no attribute '(\w+)'")
FAULTS = (JinjaError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RuntimeError, MemoryError)


def theme_folders(theme: str, own: Path | None = None) -> tuple[Path, ...]:
    """The folders of a theme, first come first served.

    Raises:
        TemplateError: there is no such theme, or bases go in a circle.
    """
    if not _THEME_NAME.fullmatch(theme):
        raise TemplateError(f"{theme!r} is no theme's name", next_step="a theme's name has a-z, 0-9, - and _")
    chain = found = _folders_of(theme, own)
    names = [theme]
    while base := _base_of(found):
        name, file = base
        if name in names:
            raise _circle([*names[names.index(name) :], name], file)
        names.append(name)
        found = _folders_of(name, own, said_in=file)
        chain = [*chain, *found]
    return tuple(dict.fromkeys([*chain, shipped("templates") / "issue" / BASE_THEME]))


def theme_names(own: Path | None = None) -> tuple[str, ...]:
    """Every theme there is, shipped or the user's own."""
    homes = [folder / "issue" for folder in (shipped("templates"), own) if folder]
    return tuple(
        sorted({folder.name for home in homes if home.is_dir() for folder in home.iterdir() if folder.is_dir()})
    )


def _folders_of(theme: str, own: Path | None, *, said_in: Path | None = None) -> list[Path]:
    """`said_in`: the theme.toml that names it as its base."""
    homes = [*([own / "issue"] if own else []), shipped("templates") / "issue"]
    candidates = list(dict.fromkeys(home / theme for home in homes))  # in a checkout the two may be one
    found = [folder for folder in candidates if folder.is_dir()]
    if not _THEME_NAME.fullmatch(theme) or not found:
        place = f"{_base_line(said_in)}: " if said_in else ""
        raise TemplateError(
            f"{place}there is no theme {theme}: looked for {' and '.join(map(str, candidates))}",
            next_step=f"there are: {', '.join(theme_names(own))}; digest theme new makes one",
        )
    return found


def _base_of(folders: list[Path]) -> tuple[str, Path] | None:
    """The theme that one begins with, `base` in its theme.toml, and that file. A broken one is told of when its variables are read."""
    for file in (folder / "theme.toml" for folder in folders):
        try:
            named = read_toml(file).get("base")
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            continue
        if named is not None:
            return str(named), file
    return None


def _base_line(file: Path) -> str:
    line = variable_lines(file).get("base")
    return f"{file}, line {line}" if line else str(file)


def _circle(names: list[str], file: Path) -> TemplateError:
    if len(names) == 2:
        said, step = f"the base of {names[0]} is {names[0]} itself", "name another theme there"
    else:
        said, step = f"bases go in a circle: {' → '.join(names)}", "let one of them name another theme"
    step += f", or take that line away: it then begins as {BASE_THEME}"
    return TemplateError(f"{_base_line(file)}: {said}", next_step=step)


def fill_template(folders: tuple[Path, ...], name: str, values: Mapping[str, Any]) -> str:
    """The template `name` with these values.

    Raises:
        TemplateError: broken syntax, an unknown name or component, something the sandbox forbids, no end.
    """
    try:
        return render_bounded(environment(folders, stamps_of(folders)).get_template(name), values)
    except TemplateSyntaxError as error:
        raise _syntax_fault(error, folders) from None
    except TemplateNotFound as error:
        raise TemplateError(
            f"the template {error.name} is missing: looked in {', '.join(map(str, folders))}",
            next_step="check the name in {% include %}",
        ) from None
    except FAULTS as error:
        raise _running_fault(error, folders) from None


@lru_cache(maxsize=32)
def environment(folders: tuple[Path, ...], _stamps: tuple[Stamp, ...]) -> Environment:
    """The sandbox of a theme. Templates see what they are given, and nothing of the machine.

    One for the files as they stand: where one has changed or come, all are compiled again, so a daemon picks up a new look.
    """
    return BoundedSandbox(
        filters={
            "wrap": wrap,
            "rule": lambda text, character="-": fill(character, text),
            "isolate": isolate,
            "beside": beside,
            "unbroken": unbroken,
        },
        ours=(Words._, Words.number),
        loader=_CheckedLoader([str(folder) for folder in folders]),
        autoescape=_is_markup,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )


def used_templates(folders: tuple[Path, ...]) -> frozenset[str]:
    """The files that were filled or included for these folders, since the program began."""
    loader = environment(folders, stamps_of(folders)).loader
    return frozenset(loader.used) if isinstance(loader, _CheckedLoader) else frozenset()


class _CheckedLoader(FileSystemLoader):
    """Files of the theme's folders; an MJML template is checked before it is compiled."""

    def __init__(self, folders: list[str]) -> None:
        super().__init__(folders)
        self.used: set[str] = set()

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        try:
            source, filename, is_fresh = super().get_source(environment, template)
        except TemplateNotFound:  # an OSError too
            raise
        except (OSError, UnicodeDecodeError) as error:
            raise _unreadable(next(_places(self.searchpath, template)), error) from None
        if template.endswith(".mjml.j2"):
            check_source(source, file=filename)
        self.used.add(template)
        return source, filename, is_fresh


def _places(folders: Iterable[str | PathLike[str]], name: str) -> Iterator[Path]:
    return (file for folder in folders if os.path.lexists(file := Path(folder) / name))


def _unreadable(file: Path, error: OSError | UnicodeDecodeError) -> TemplateError:
    if isinstance(error, OSError):
        return TemplateError(f"{file} cannot be read: {error.strerror}", next_step="check its permissions")
    line = error.object.count(b"\n", 0, error.start) + 1
    return _fault(str(file), line, f"it is not UTF-8: {error.reason}", next_step="save the file as UTF-8")


def _is_markup(name: str | None) -> bool:
    return not (name or "").endswith(".txt.j2")


def _syntax_fault(error: TemplateSyntaxError, folders: tuple[Path, ...]) -> TemplateError:
    return _fault(error.filename or error.name or str(folders[0]), error.lineno, error.message or "broken syntax")


def _running_fault(error: Exception, folders: tuple[Path, ...]) -> TemplateError:
    """Jinja rewrites the traceback, so that the last frame inside a template names its file and line."""
    roots = tuple(str(folder) for folder in folders)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(roots)]
    message = f"the sandbox forbids it: {error}" if isinstance(error, SecurityError) else str(error)
    if isinstance(error, RecursionError):
        message = "it includes or calls itself without end"
    elif isinstance(error, MemoryError):
        message = "it takes more memory than there is"
    elif not isinstance(error, JinjaError | UndefinedError):
        message = f"{type(error).__name__}: {error}"
    if not frames:
        return TemplateError(message)
    near = _near_field(message)
    next_step = f"did you mean {near}?" if near else MEND
    return _fault(frames[-1].filename, frames[-1].lineno or 1, message, next_step=next_step)


def _near_field(message: str) -> str | None:
    """The field of one of our values that a template may have meant."""
    found = _NO_FIELD.fullmatch(message)
    fields = getattr(getattr(view, found[1], None), "__dataclass_fields__", ()) if found else ()
    return next(iter(difflib.get_close_matches(found[2], fields, n=1, cutoff=0.5)), None) if found else None


def _fault(file: str, line: int, message: str, *, next_step: str = MEND) -> TemplateError:
    return TemplateError(f"{file}, line {line}, column {_column(file, line, message)}: {message}", next_step=next_step)


def _column(file: str, line: int, message: str) -> int:
    """Where the line has the name that the message speaks of, else where its first word stands; from 1."""
    try:
        text = Path(file).read_text(encoding="utf-8").splitlines()[line - 1]
    except (OSError, IndexError, UnicodeDecodeError):
        return 1
    names = [name for name in reversed(_NAMED.findall(message)) if name in text]
    return (text.find(names[0]) if names else len(text) - len(text.lstrip())) + 1

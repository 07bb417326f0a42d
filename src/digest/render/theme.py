"""Theme variables: theme.toml of the theme, then the newsletter's own, checked before any of them reaches CSS."""

import colorsys
import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digest.core.digits import number_of
from digest.errors import TemplateError
from digest.render.clean import clean_link
from digest.render.stamps import read_toml

LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3 (AA) for text of any size

_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_TABLE = re.compile(r"\s*\[([\w.]+)\]")
_KEY = re.compile(r"\s*([\w.]+)\s*=")
_FONTS = re.compile(r"[\w ,\-]+")  # no quotes: escaped ones make mrml drop the rule; names with spaces need none
_RANGES = {
    "width": (560, 640),
    "radius": (0, 40),
    "padding": (16, 64),
    "picture_width": (0, 640),
    "space": (12, 64),
    "type.title_weight": (100, 900),
}
_READABLE = (13, 64)  # pixels: nothing smaller
_RATIO = (0.3, 3.0)

# Text on ground, in both schemes.
_READ = (
    ("ink", "sheet"), ("ink", "paper"), ("ink", "note"),
    ("soft", "sheet"), ("soft", "paper"), ("soft", "note"), ("soft", "ground"),
    ("accent", "sheet"), ("accent", "paper"), ("accent", "note"), ("on_accent", "accent"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Theme:
    """The look: colours of both schemes by name, fonts by name, parts that are shown, lengths in pixels."""

    name: str
    light: Mapping[str, str]
    dark: Mapping[str, str]
    fonts: Mapping[str, str]
    sections: Mapping[str, bool]
    width: int
    radius: int
    padding: int
    space: int  # above the title; the rest follows it
    apart: bool  # each part on a sheet of its own
    type: Mapping[str, int]  # sizes of letters, one weight
    picture_width: int  # 0: as wide as the words
    image_ratio: float  # height by width at most
    logo: str  # https address, or empty

    @property
    def inner(self) -> int:
        """The width of what stands on the sheet."""
        return self.width - 2 * self.padding


def load_theme(name: str, files: tuple[Path, ...], variables: Mapping[str, Any]) -> Theme:
    """The theme from its files, least first, and the newsletter's `variables`.

    A variable is written as in theme.toml (`{"light": {"accent": "#0B5C50"}}`) or with a dot (`"light.accent"`).

    Raises:
        TemplateError: unknown variable, a value that is no colour, font list or length, or contrast below 4.5.
    """
    values: dict[str, Any] = {}
    places: dict[str, str] = {}
    for file in files:
        read = _read(file)
        read.pop("base", None)  # templates.theme_folders has followed it
        found = {variable: f"{file}, line {line}" for variable, line in variable_lines(file).items()}
        _merge(values, read, places=found, where=str(file), known=None if file is files[0] else frozenset(values))
        places |= found
    own = "theme_variables of the newsletter"
    _merge(values, variables, places={}, where=own, known=frozenset(values))
    places |= {variable: own for variable, _ in _flat(variables)}
    _check_contrast(name, values, places)
    single = {key: value for key, value in values.items() if "." not in key}
    parts: dict[str, Any] = {part: _section(values, part) for part in ("light", "dark", "fonts", "sections", "type")}
    return Theme(name=name, **single, **parts)


def theme_files(folders: tuple[Path, ...]) -> tuple[Path, ...]:
    """The theme.toml files of a theme's folders, least first."""
    files = [folder / "theme.toml" for folder in reversed(folders)]
    return tuple(file for file in files if file.is_file())


def read_variables(file: Path) -> list[tuple[str, Any]]:
    """The variables that a theme.toml sets, with dots in their names.

    Raises:
        TemplateError: it cannot be read.
    """
    read = _read(file)
    read.pop("base", None)
    return _flat(read)


def variable_lines(file: Path) -> dict[str, int]:
    """The line of each variable, for errors: tomllib does not tell. One written in an unusual way is missing."""
    found, table = dict[str, int](), ""
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if header := _TABLE.match(line):
            table = f"{header[1]}."
        elif key := _KEY.match(line):
            found[table + key[1]] = number
    return found


def contrast(one: str, other: str) -> float:
    """The contrast of two #RRGGBB colours, from 1 to 21 (WCAG 2.2, relative luminance)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def nearest_passing(colour: str, *grounds: str) -> str:
    """The colour of the same hue, nearest in lightness, that can be read on each of these; else the better of black and white."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    for step in range(1, 256):
        for moved in (lightness - step / 255, lightness + step / 255):
            if 0 <= moved <= 1:
                channels = colorsys.hls_to_rgb(hue, moved, saturation)
                found = "#" + "".join(f"{round(channel * 255):02X}" for channel in channels)
                if _least(found, grounds) >= LEAST_CONTRAST:
                    return found
    return max("#000000", "#FFFFFF", key=lambda end: _least(end, grounds))


def _least(colour: str, grounds: Iterable[str]) -> float:
    return min(contrast(colour, ground) for ground in grounds)


def _read(file: Path) -> dict[str, Any]:
    try:
        return read_toml(file)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TemplateError(f"{file}: {error}", next_step="mend that file") from error


def _merge(
    values: dict[str, Any],
    new: Mapping[str, Any],
    *,
    places: Mapping[str, str],
    where: str,
    known: frozenset[str] | None,
) -> None:
    for name, value in _flat(new):
        place = places.get(name, where)
        if known is not None and name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            raise TemplateError(
                f"{place}: there is no theme variable {name}",
                next_step=f"did you mean {close[0]}?" if close else f"there are: {', '.join(sorted(known))}",
            )
        values[name] = _checked(name, value, place)


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            pairs += _flat(value, f"{prefix}{name}.")
        else:
            pairs.append((prefix + name, value))
    return pairs


def _checked(name: str, value: Any, where: str) -> Any:
    if name in _RANGES or name.startswith("type."):
        low, high = _RANGES.get(name) or _READABLE
        words = value if isinstance(value, str) else ""  # a command line has nothing else
        number = number_of(words, most=high + 1) if words.isdecimal() else value
        if type(number) is int and low <= number <= high:
            return number
        raise TemplateError(f"{where}: {name} is {value!r}", next_step=f"write a whole number from {low} to {high}")
    if name.startswith("sections.") or name == "apart":
        return _switch(name, value, where)
    if name == "image_ratio":
        return _ratio(value, where)
    if name == "logo":
        return _logo(value, where)
    if name.startswith("fonts."):
        if isinstance(value, str) and _FONTS.fullmatch(value):
            return value
        raise TemplateError(f"{where}: {name} is {value!r}", next_step="write font names with commas, without quotes")
    if isinstance(value, str) and _COLOUR.fullmatch(value):
        return value
    raise TemplateError(f"{where}: {name} is {value!r}", next_step="write a colour as #RRGGBB")


def _switch(name: str, value: Any, where: str) -> bool:
    known = {"true": True, "false": False}.get(value) if isinstance(value, str) else value
    if isinstance(known, bool):
        return known
    raise TemplateError(f"{where}: {name} is {value!r}", next_step="write true or false")


def _ratio(value: Any, where: str) -> float:
    low, high = _RATIO
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if low <= number <= high:
        return number
    raise TemplateError(f"{where}: image_ratio is {value!r}", next_step=f"write a number from {low} to {high}")


def _logo(value: Any, where: str) -> str:
    if value == "":
        return ""
    link = clean_link(value) if isinstance(value, str) else None
    if link and link.startswith("https://") and not link.lower().endswith((".svg", ".svgz", ".webp")):
        return link
    raise TemplateError(
        f"{where}: logo is {value!r}",
        next_step="write the https address of a PNG, JPEG or GIF: mail clients show no other",
    )


def _check_contrast(name: str, values: Mapping[str, Any], places: Mapping[str, str]) -> None:
    for scheme in ("light", "dark"):
        for text, ground in _READ:
            one, other = values[f"{scheme}.{text}"], values[f"{scheme}.{ground}"]
            if (ratio := contrast(one, other)) < LEAST_CONTRAST:
                place = places.get(f"{scheme}.{text}", f"theme {name}")
                raise TemplateError(
                    f"{place}: {scheme}.{text} {one} on {scheme}.{ground} {other} has a contrast of {ratio:.1f}",
                    next_step=f"the least is {LEAST_CONTRAST} (WCAG 2.2 AA); the nearest {scheme}.{text} that has it is "
                    + _proposal(values, scheme, text, other),
                )


def _proposal(values: Mapping[str, Any], scheme: str, text: str, ground: str) -> str:
    """A colour for the text that passes wherever it stands, or, where the grounds are too unlike for that, on this one."""
    others = {other for pair in _READ if text in pair for other in pair if other != text}
    colour, grounds = values[f"{scheme}.{text}"], [values[f"{scheme}.{other}"] for other in sorted(others)]
    found = nearest_passing(colour, *grounds)
    return found if _least(found, grounds) >= LEAST_CONTRAST else nearest_passing(colour, ground)


def _section(values: Mapping[str, Any], part: str) -> dict[str, Any]:
    prefix = part + "."
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

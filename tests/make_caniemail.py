"""`python -m tests.make_caniemail caniemail.json 2.0.2`: the linter's table of what mail clients support, from caniemail's data.

The data is public under the MIT licence, whose text and notices are LICENSES/caniemail.txt and go with the wheel. Give the file of
the package of that name, and its version; what the linter does not ask for is left out.
"""

import json
import sys
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parents[1] / "src" / "digest" / "core" / "lint" / "support.py"
FAMILIES = {"gmail": "Gmail", "apple-mail": "Apple Mail", "outlook": "Outlook", "yahoo": "Yahoo"}
WORD = ("windows", "windows-mail")
"""The Outlooks that Word lays out: what they do not know, all others may."""

# What is written in a mail → the feature that stands for it there. `*`: any value.
PROPERTIES = {
    ("display", "flex"): "css-display-flex", ("display", "grid"): "css-display-grid", ("position", "*"): "css-position",
    ("float", "*"): "css-float", ("object-fit", "*"): "css-object-fit", ("clip-path", "*"): "css-clip-path",
    ("transform", "*"): "css-transform", ("gap", "*"): "css-gap", ("filter", "*"): "css-filter",
    ("grid-template-columns", "*"): "css-grid-template", ("flex-direction", "*"): "css-flex-direction",
    ("align-items", "*"): "css-align-items", ("justify-content", "*"): "css-justify-content",
    ("background-image", "*"): "css-background-image", ("box-shadow", "*"): "css-box-shadow",
    ("opacity", "*"): "css-opacity", ("overflow", "*"): "css-overflow", ("animation", "*"): "css-animation",
    ("transition", "*"): "css-transition", ("aspect-ratio", "*"): "css-aspect-ratio", ("inset", "*"): "css-inset",
    ("z-index", "*"): "css-z-index", ("visibility", "*"): "css-visibility", ("column-count", "*"): "css-column-count",
    ("writing-mode", "*"): "css-writing-mode", ("text-shadow", "*"): "css-text-shadow",
    ("mix-blend-mode", "*"): "css-mix-blend-mode", ("backdrop-filter", "*"): "css-backdrop-filter",
}  # fmt: skip
VALUES = {
    "var(": "css-variables", "calc(": "css-unit-calc", "clamp(": "css-function-clamp", "min(": "css-function-min",
    "max(": "css-function-max", "linear-gradient(": "css-linear-gradient", "radial-gradient(": "css-radial-gradient",
    "light-dark(": "css-function-light-dark",
}  # fmt: skip
ELEMENTS = {
    "video": "html-video", "audio": "html-audio", "svg": "html-svg", "object": "html-object", "form": "html-form",
    "picture": "html-picture", "dialog": "html-dialog", "select": "html-select", "textarea": "html-textarea",
    "meter": "html-meter", "progress": "html-progress", "marquee": "html-marquee", "base": "html-base",
}  # fmt: skip


def support(feature: dict[str, Any]) -> dict[str, str]:
    """For each family `y`, `n`, or `a` for in part, by the newest version of each of its programs."""
    found = {}
    for family, name in FAMILIES.items():
        programs = feature["stats"].get(family, {})
        newest = {one: list(versions.values())[-1][:1] for one, versions in programs.items() if versions}
        groups = {name: [mark for one, mark in newest.items() if family != "outlook" or one not in WORD]}
        if family == "outlook":
            groups["Outlook for Windows"] = [mark for one, mark in newest.items() if one in WORD]
        for group, marks in groups.items():
            if known := {mark for mark in marks if mark in "yna"}:
                found[group] = known.pop() if len(known) == 1 else "a"
    return found


def write_table(source: Path, version: str) -> str:
    """The module's text."""
    data = json.loads(source.read_text(encoding="utf-8"))
    features = {each["slug"]: each for each in data["data"]}
    parts = [
        '"""What mail clients support: caniemail\'s data (caniemail.com), trimmed to what the linter asks.\n',
        f"Of {data['last_update_date'][:10]}, from the npm package caniemail {version}. Copyright (c) 2019 HTeuMeuLeu; the package © Avi Goldman,",
        "© Andrew Powell. MIT licence: its text goes with this program as LICENSES/caniemail.txt.",
        "Written by `python -m tests.make_caniemail`, not by hand.",
        '"""\n',
        f'UPDATED = "{data["last_update_date"][:10]}"\n',
    ]
    for name, meaning, table in (
        ("PROPERTIES", "Property and value, `*` for any → where it works: y, n, or a for in part.", PROPERTIES),
        ("VALUES", "What stands in a value.", VALUES),
        ("ELEMENTS", "Elements.", ELEMENTS),
    ):
        kind = "tuple[str, str]" if name == "PROPERTIES" else "str"
        parts.append(f"{name}: dict[{kind}, dict[str, str]] = {{")
        parts += [f"    {key!r}: {support(features[slug])!r}," for key, slug in table.items() if slug in features]
        parts.append(f'}}\n"""{meaning}"""\n')
    return "\n".join(parts)


if __name__ == "__main__":
    TABLE.write_text(write_table(Path(sys.argv[1]), sys.argv[2]), encoding="utf-8")

"""Write the tables of docs/settings.md from the settings themselves: `python -m tests.make_settings`."""

import json
from pathlib import Path

from digest.config import Setting, list_settings, list_tables, section_texts

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
MARK = "<!-- written by python -m tests.make_settings -->\n"


def settings_tables() -> str:
    """Everything below the mark."""
    parts = []
    for section, text in {"": "Above every section.", **section_texts()}.items():
        rows = [_row(setting) for setting in list_settings() if setting.section == section]
        head = f"## [{section}]" if section else "## At the top of the file"
        table = "| setting | type | default | variable | meaning |\n|---|---|---|---|---|\n" + "".join(rows)
        parts.append(f"{head}\n\n{text}\n\n{table}")
        parts += [_entry(head, *entry) for head, entry in list_tables().items() if section and f"[{section}." in head]
    return MARK + "\n" + "\n".join(parts)


def _entry(head: str, kind: type, settings: tuple[Setting, ...]) -> str:
    """A table within a section; it has no variables of its own."""
    rows = [f"| {' | '.join(cells[:3] + cells[4:])} |\n" for cells in map(_cells, settings)]
    table = "| setting | type | default | meaning |\n|---|---|---|---|\n" + "".join(rows)
    return f"### {head}\n\n{kind.__doc__}\n\n{table}"


def _row(setting: Setting) -> str:
    return f"| {' | '.join(_cells(setting))} |\n"


def _cells(setting: Setting) -> list[str]:
    default = "unset" if setting.default is None else f"`{_toml(setting.default)}`"
    cells = [f"`{setting.name}`", setting.kind, default, f"`{setting.variable}`", setting.text]
    return [cell.replace("|", "\\|") for cell in cells]


def _toml(value: object) -> str:
    return json.dumps(value if isinstance(value, int | float | list | tuple | dict) else str(value))


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text(encoding="utf-8").split(MARK)[0] + settings_tables(), encoding="utf-8")

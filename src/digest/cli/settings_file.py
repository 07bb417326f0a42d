"""The text of a new digest.toml: every setting with its meaning; those not chosen stand as comments."""

import json
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digest.config import Setting

_HEAD = """\
# The settings of digest; docs/settings.md tells more. A line without # differs from the default or was chosen.
# Each setting has an environment variable that wins over this file: DIGEST_SMTP__HOST for host under [smtp].
# Relative paths start at this file's folder. Passwords belong into files of the secrets folder, not here.
"""


def settings_text(chosen: dict[str, dict[str, Any]]) -> str:
    """TOML of the chosen values, by section ("" above every section) and name, with all others as comments.

    Raises:
        KeyError: there is no such setting.
    """
    from digest.config import list_settings, section_texts

    settings = list_settings()
    known = {(setting.section, setting.name) for setting in settings}
    if unknown := [name for section, values in chosen.items() for name in values if (section, name) not in known]:
        raise KeyError(*unknown)
    parts = [_HEAD]
    for section, text in {"": "", **section_texts()}.items():
        if section:
            parts.append(f"\n[{section}]  # {text[0].lower()}{text[1:].rstrip('.')}\n")
        for setting in settings:
            if setting.section == section:
                parts += _lines(setting, chosen.get(section, {}))
    return "".join(parts)


def _lines(setting: "Setting", chosen: dict[str, Any]) -> Iterator[str]:
    yield "\n" + textwrap.fill(setting.text, 110, initial_indent="# ", subsequent_indent="# ") + "\n"
    if setting.name in chosen:
        yield f"{setting.name} = {_toml(chosen[setting.name])}\n"
    elif setting.default is None:
        yield f"# {setting.name} =\n"
    else:
        yield f"# {setting.name} = {_toml(setting.default)}\n"


def _toml(value: Any) -> str:
    """A TOML value. JSON's strings are TOML's basic strings, but for the delete character (TOML 1.0)."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(name)} = {_toml(item)}" for name, item in value.items()) + "}"
    plain = value if isinstance(value, bool | int | float) else str(value)
    return json.dumps(plain, ensure_ascii=False).replace("\x7f", "\\u007f")

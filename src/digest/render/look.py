"""What a mail or a page looks like: a theme with the newsletter's variables, and the templates that use it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from digest.render.stamps import Stamp, stamps_of
from digest.render.templates import fill_template, theme_folders
from digest.render.theme import Theme, load_theme, theme_files


@dataclass(frozen=True, slots=True)
class Look:
    """A theme, and the folders of its templates, first come first served."""

    theme: Theme
    folders: tuple[Path, ...]

    def fill(self, name: str, values: Mapping[str, Any]) -> str:
        """The template `name` with these values and the theme.

        Raises:
            TemplateError: the template is broken.
        """
        return fill_template(self.folders, name, {"theme": self.theme, **values})


def look_of(theme: str, variables: Mapping[str, Any], templates: Path | None = None) -> Look:
    """The look of a newsletter: its theme's name and its own `variables`; `templates` is the user's own folder of them.

    Raises:
        TemplateError: a theme that is not there, or variables that nothing could be rendered with; and the way out.
    """
    folders = theme_folders(theme, templates)
    files = theme_files(folders)
    kept = json.dumps(variables, sort_keys=True, default=str)
    return Look(_loaded(theme, files, stamps_of(files), kept), folders)


@lru_cache(maxsize=64)
def _loaded(name: str, files: tuple[Path, ...], _stamps: tuple[Stamp, ...], variables: str) -> Theme:
    return load_theme(name, files, json.loads(variables))

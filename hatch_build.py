"""Compiles the gettext catalogues: into the wheel, or in a checkout beside their sources."""

import tempfile
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CatalogueHook(BuildHookInterface):
    """Each `digest.po` gets its `digest.mo` beside it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before a wheel is packed, or a checkout is installed."""
        folder = Path(self.root) / "src" / "digest" / "locale"
        out = None if version == "editable" else Path(tempfile.mkdtemp(prefix="digest-catalogues-"))
        for source in sorted(folder.glob("*/LC_MESSAGES/digest.po")):
            language = source.parent.parent.name
            compiled = out / f"{language}.mo" if out else source.with_suffix(".mo")
            with source.open("rb") as read, compiled.open("wb") as write:
                write_mo(write, read_po(read))
            if out:
                build_data["force_include"][str(compiled)] = f"digest/locale/{language}/LC_MESSAGES/digest.mo"

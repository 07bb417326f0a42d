"""The gettext catalogues of the words that readers see: `locale/<language>/LC_MESSAGES/digest.po`.

A wheel carries them compiled; a checkout, where nobody has compiled them, reads the sources.
"""

import gettext
from functools import lru_cache
from io import BytesIO
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "locale"
SOURCE = "en"
"""The language of the words in the program; it has no catalogue."""


def languages() -> tuple[str, ...]:
    """The languages that the words are there in."""
    return (SOURCE, *sorted(folder.name for folder in FOLDER.iterdir() if (folder / "LC_MESSAGES").is_dir()))


@lru_cache(maxsize=64)
def catalogue_of(language: str) -> gettext.NullTranslations:
    """The words of a BCP 47 language, of the nearest one that is there (de of de-AT); English where none is."""
    parts = language.replace("_", "-").split("-")
    for length in range(len(parts), 0, -1):
        name = "_".join(parts[:length])
        folder = FOLDER / name / "LC_MESSAGES"
        if (compiled := folder / "digest.mo").is_file():
            return gettext.GNUTranslations(compiled.open("rb"))
        if (source := folder / "digest.po").is_file():
            return gettext.GNUTranslations(BytesIO(compile_catalogue(source)))
    return gettext.NullTranslations()


def compile_catalogue(source: Path) -> bytes:
    """The binary form of a catalogue."""
    from babel.messages.mofile import write_mo  # noqa: PLC0415 - in a wheel nobody needs them
    from babel.messages.pofile import read_po  # noqa: PLC0415

    out = BytesIO()
    with source.open("rb") as file:
        write_mo(out, read_po(file))
    return out.getvalue()

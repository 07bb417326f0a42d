"""Where the files that ship with the program are: inside the wheel, or beside src/ in a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """The folder `templates` or `alembic`, or a file under one of them.

    An installed wheel carries them in the package; a checkout keeps them at the top level.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    for base in (_PACKAGE, _PACKAGE.parent.parent):
        if (path := base / name).exists():
            return path
    raise FileNotFoundError(f"{name} is missing from this installation of digest; install it again")


def sample(name: str) -> Path:
    """A file of the sample blog, which travels in the package."""
    return _PACKAGE / "sample" / name

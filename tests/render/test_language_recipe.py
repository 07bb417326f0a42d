"""docs/recipes/a-language.md, followed: its commands are run in a copy of the checkout, and the words are made up."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from babel.messages.pofile import read_po, write_po
from tests.command import clean_environment

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "docs/recipes/a-language.md"
COMMANDS = re.findall(r"```\n\s*uv run (.+)\n\s*```", RECIPE.read_text(encoding="utf-8"))


def test_another_language_is_a_file(tmp_path: Path) -> None:
    for name in ("src", "tests", "templates", "pyproject.toml"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    add, update, test, look = COMMANDS
    assert re.search(r"it: (\d+) messages, \1 to translate", follow(tmp_path, add))
    translate(tmp_path / "src/digest/locale/it/LC_MESSAGES/digest.po")
    assert re.search(r"it: \d+ messages, 0 to translate", follow(tmp_path, update))
    quick = " -n 0 -k [it] --noconftest"  # its fixtures take longer to load than the tests to run
    assert " passed" in follow(tmp_path, test + quick)
    follow(tmp_path, look)
    html = (tmp_path / "look/editorial/it/issue.html").read_text(encoding="utf-8")
    assert '<html lang="it" dir="ltr"' in html
    assert "Unsubscribe&gt;" in html
    assert "Mercoledì 9 agosto" in html


def follow(folder: Path, command: str) -> str:
    program, *arguments = command.split()
    start = [sys.executable] if program == "python" else [Path(sys.executable).parent / program]
    done = subprocess.run(
        [*start, *arguments], cwd=folder, capture_output=True, text=True, check=False,
        env=clean_environment({"PYTHONPATH": f"{folder / 'src'}:{folder}"}),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def translate(file: Path) -> None:
    """Each message in angles: nobody here speaks every language."""
    with file.open("rb") as source:
        catalogue = read_po(source, locale="it")
    for message in catalogue:
        if isinstance(message.id, tuple):
            message.string = tuple(f"<{message.id[1]}>" for _ in range(catalogue.num_plurals))
        elif message.id:
            message.string = f"<{message.id}>"
    with file.open("wb") as out:
        write_po(out, catalogue)

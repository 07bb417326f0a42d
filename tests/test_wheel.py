"""The wheel works outside the checkout: installed in an empty environment elsewhere, it runs the demo."""

import mailbox
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from digest.render.catalogues import languages

ROOT = Path(__file__).parents[1]
UV = os.environ.get("UV") or shutil.which("uv")


def run(*command: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not UV:
        pytest.skip("uv is not here: the wheel cannot be built and installed")
    out = tmp_path_factory.mktemp("wheel")
    run(UV, "build", "--quiet", "--wheel", "--out-dir", out, cwd=ROOT)
    return next(out.glob("*.whl"))


def test_the_wheel_carries_templates_and_migrations_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.startswith("digest/templates/issue/editorial/") for name in names)
    assert any(name.startswith("digest/alembic/versions/0001") for name in names)
    assert "digest/sample/blogger-sample.atom" in names
    assert any(name.endswith("/licenses/LICENSES/caniemail.txt") for name in names), (
        "the licence of data that it carries"
    )
    assert {f"digest/locale/{language}/LC_MESSAGES/digest.mo" for language in languages()[1:]} < set(names)
    assert not [
        name for name in names if name.startswith(("tests/", "templates/", "alembic/")) or "__pycache__" in name
    ]


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_the_installed_wheel_runs_the_demo(wheel: Path, tmp_path: Path) -> None:
    run(str(UV), "venv", "--quiet", "--python", sys.executable, tmp_path / "env", cwd=tmp_path)
    python = tmp_path / "env" / "bin" / "python"
    run(str(UV), "pip", "install", "--quiet", "--python", python, wheel, cwd=tmp_path)
    run(python.with_name("digest"), "demo", "--into", tmp_path / "demo", cwd=tmp_path)
    assert len(mailbox.Maildir(tmp_path / "demo" / "mailbox")) == 3

"""In CI nothing is skipped: a run that skips fails and says what it skipped."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import clean_environment

ROOT = Path(__file__).parents[1]

BODY = """
import pytest

def test_one():
    assert True

@pytest.mark.skip(reason="the moon is full")
def test_two():
    assert True
"""


WHOLE_FILE = """
import pytest

pytest.skip("the sea is low", allow_module_level=True)
"""


CORPUS = """
import pytest

@pytest.mark.corpus
@pytest.mark.skip(reason="no feeds")
def test_real_feeds():
    assert True

def test_another():
    assert True
"""


def run_pytest(root: Path, processes: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Without the plugins that are found by themselves: each costs a start of Python its imports."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "xdist", "-n", processes, root]
    env = env | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("place", "processes"), [("nothing", "0"), ("nothing", "2"), ("a folder beside it", "0"), ("a variable", "0")]
)
def test_only_tests_of_a_corpus_that_a_clone_cannot_have_may_skip_and_loudly(
    place: str, processes: str, tmp_path: Path
) -> None:
    root = tmp_path / "clone"
    (root / "tests").mkdir(parents=True)
    for name in ("__init__.py", "skips.py", "postgres.py", "command.py", "forked.py", "scratch.py"):
        shutil.copyfile(ROOT / "tests" / name, root / "tests" / name)
    (root / "conftest.py").write_text("from tests.skips import *\n")
    (root / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    (root / "test_it.py").write_text(CORPUS)
    if place == "a folder beside it":
        (tmp_path / "shared" / "feeds").mkdir(parents=True)
    feeds = str(tmp_path / "elsewhere") if place == "a variable" else ""
    env = clean_environment({"PYTHONPATH": str(root), "CI": "true", "DIGEST_TEST_FEEDS": feeds})
    done = run_pytest(root, processes, env)
    heading = "NOT TESTED: the real feeds are not here" if place == "nothing" else "FAILED: nothing may be skipped here"
    assert done.returncode == (0 if place == "nothing" else 1), done.stdout
    assert heading in done.stdout
    assert "test_it.py::test_real_feeds: Skipped: no feeds" in done.stdout


@pytest.mark.parametrize(("demand", "code", "processes"), [("true", 1, "0"), ("true", 1, "2"), ("", 0, "0")])
def test_a_skipped_test_fails_the_run_where_all_are_demanded(
    demand: str, code: int, processes: str, tmp_path: Path
) -> None:
    (tmp_path / "conftest.py").write_text("from tests.skips import *\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(BODY)
    (tmp_path / "test_file.py").write_text(WHOLE_FILE)
    env = clean_environment({"PYTHONPATH": str(ROOT), "CI": "", "DIGEST_TEST_DEMAND_ALL": demand})
    done = run_pytest(tmp_path, processes, env)
    assert done.returncode == code, done.stdout
    assert ("test_it.py::test_two: Skipped: the moon is full" in done.stdout) is (code == 1)
    assert ("test_file.py: Skipped: the sea is low" in done.stdout) is (code == 1)

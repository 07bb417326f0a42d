"""The rules of the house, as tests: floors, style, types, file sizes, the cost of --help."""

import ast
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "src").rglob("*.py"))
ALL_FILES = [*FILES, *sorted((ROOT / "alembic").rglob("*.py")), *sorted((ROOT / "tests").rglob("*.py"))]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)


def test_imports_go_down_only() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_ruff_finds_nothing() -> None:
    done = run("ruff", "check", "--no-cache", ".")
    assert done.returncode == 0, done.stdout


def test_ruff_would_change_no_format() -> None:
    done = run("ruff", "format", "--no-cache", "--check", ".")
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_mypy_strict_finds_nothing() -> None:
    done = run("mypy")
    assert done.returncode == 0, done.stdout


def test_no_file_is_over_400_lines() -> None:
    written = [file for file in ALL_FILES if not file.name.startswith("0001_")]  # that one is made (make_migration.py)
    lengths = {str(file.relative_to(ROOT)): len(file.read_text("utf-8").splitlines()) for file in written}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT / "src")))
def test_no_await_inside_a_transaction(file: Path) -> None:
    """`with database.read()/write()` never spans an await: no transaction is open across the network."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                call = item.context_expr
                if (
                    isinstance(call, ast.Call)
                    and isinstance(call.func, ast.Attribute)
                    and call.func.attr in {"read", "write"}
                ):
                    awaits = [n.lineno for n in ast.walk(node) if isinstance(n, ast.Await | ast.AsyncFor)]
                    assert not awaits, f"{file}: await in a transaction at lines {awaits}"


HEAVY = {
    "sqlalchemy",
    "sqlmodel",
    "pydantic",
    "httpcore",
    "mjml",
    "jinja2",
    "feedparser",
    "aiosmtplib",
    "cryptography",
    "dkim",
    "dns",
    "apscheduler",
    "rich",
}


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv=['digest','--help']\n"
        "from digest.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage" in done.stdout
    assert not HEAVY & {name.split(".")[0] for name in done.stderr.split()}


def test_help_costs_under_a_quarter_second_of_cpu() -> None:
    command = [Path(sys.executable).with_name("digest"), "--help"]
    costs = []
    for _ in range(4):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        costs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(costs) < 0.25

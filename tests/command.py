"""The real command `digest`, in a process of its own."""

import fcntl
import os
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import forked
from tests.forked import prctl

DIGEST = Path(sys.executable).with_name("digest")


def run_digest(*arguments: str | Path, cwd: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run it to its end; the settings are those of the folder and of `env`, and nothing of the caller's."""
    given = options.pop("input", None)
    if given is not None:
        options["stdin"] = subprocess.PIPE
    with start_digest(*arguments, cwd=cwd, **options) as process:
        try:
            out, err = process.communicate(given, timeout=110)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def start_digest(*arguments: str | Path, cwd: Path, **options: Any) -> subprocess.Popen[str]:
    """Start it, to be interrupted or overlapped: by a fork (tests/forked.py), unless `exact` or the like forbid it.

    With `code` it is that Python, which finds the words in `sys.argv[1:]`.
    """
    command, code = options.pop("command", None), options.pop("code", None)
    env = clean_environment(options.pop("env", {}))
    exact = options.pop("exact", False) or command or "preexec_fn" in options or not forked.starts_alike(env)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    if not exact:
        return forked.Forked(
            ["-c" if code else DIGEST, *arguments], code=code, cwd=cwd, env=env, **{**pipes, **options}
        )
    words = [*(command or ([sys.executable, "-c", code] if code else [DIGEST])), *arguments]
    if options.pop("new_terminal", False):
        options |= {"start_new_session": True, "preexec_fn": lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)}
    return subprocess.Popen(words, cwd=cwd, env=env, **{**pipes, **options})


def clean_environment(more: dict[str, str]) -> dict[str, str]:
    """The environment without the settings of whoever runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DIGEST_")} | more


def obey_permissions() -> None:
    """For `preexec_fn`: root ignores the permissions of files until these capabilities are out of its reach."""
    if os.geteuid() == 0:
        for capability in (1, 2, 3):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER of capabilities(7)
            prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP: gone at the next exec


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[dict[str, Any]]:
    """A folder with so much space, and what to start a process with: where no disk can be mounted, a limit of files."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        yield {"preexec_fn": lambda: _limit_files(kilobytes * 1024)}
        return
    try:
        yield {}
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _limit_files(size: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

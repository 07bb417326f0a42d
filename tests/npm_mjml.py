"""npm's mjml, the renderer that MJML comes from: what ours is compared with, by developers who have Node."""

import json
import os
import shutil
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("npm_mjml.cjs")
HOW = "npm install mjml, in a folder of its own, and name that folder by --npm"


class NoMjml(Exception):
    """Node or its mjml is not here; says which, and how to get it."""


@dataclass(frozen=True)
class NpmMjml:
    """An installed mjml."""

    node: str
    modules: Path

    @property
    def version(self) -> str:
        """Its version, with Node's."""
        own = json.loads((self.modules / "mjml" / "package.json").read_text(encoding="utf-8"))["version"]
        node = subprocess.run([self.node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
        return f"mjml {own} on Node {node.removeprefix('v')}"

    def compile(self, mjml: str, *, rounds: int = 0) -> "Compiled":
        """The HTML, and how long it took: the first time, and so many times more in the same process.

        Raises:
            RuntimeError: it failed.
        """
        done = subprocess.run(
            [self.node, str(SCRIPT)],
            input=json.dumps({"mjml": mjml, "rounds": rounds}),
            capture_output=True, text=True, check=False, env={**os.environ, "NODE_PATH": str(self.modules)},
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"npm's mjml failed: {done.stderr.strip()}")
        said = json.loads(done.stdout)
        return Compiled(
            html=said["html"],
            errors=tuple(said["errors"]),
            first_ms=said["first"],
            warm_ms=statistics.median(said["warm"]) if said["warm"] else None,
        )


@dataclass(frozen=True)
class Compiled:
    """What it made of a document; CPU milliseconds of its process."""

    html: str
    errors: tuple[str, ...]
    first_ms: float
    warm_ms: float | None


def find_mjml(folder: Path | None) -> NpmMjml:
    """The mjml of this folder's node_modules, else of the current folder's, else the one that is installed for all.

    Raises:
        NoMjml: there is none.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node:
        raise NoMjml(f"Node is not installed: Debian's nodejs and npm, then {HOW}")
    places = [(folder or Path.cwd()) / "node_modules"]
    if folder is None and npm:
        root = subprocess.run([npm, "root", "--global"], capture_output=True, text=True, check=False).stdout.strip()
        places += [Path(root)] if root else []
    for modules in places:
        if (modules / "mjml" / "package.json").is_file():
            return NpmMjml(node, modules)
    raise NoMjml(f"npm's mjml is not in {' nor in '.join(map(str, places))}: {HOW}")

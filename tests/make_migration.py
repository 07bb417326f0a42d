"""`python -m tests.make_migration "What it does"`: a migration to the declared tables, to be read and mended by hand."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command

from digest.paths import shipped
from digest.store import schema
from digest.store.database import Database


def main() -> None:
    message = " ".join(sys.argv[1:])
    versions = shipped("alembic") / "versions"
    if not message:
        sys.exit('say what it does: python -m tests.make_migration "Add a mood to each issue"')
    number = len(list(versions.glob("0*.py"))) + 1
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'digest.db'}")
        with schema.migration(database) as connection:
            config = schema.configuration(connection)
            command.upgrade(config, "head")
            command.revision(config, message, autogenerate=True, rev_id=f"{number:04}")
        database.close()
    (written,) = versions.glob(f"{number:04}_*.py")
    written.write_text(re.sub(r"    # ###.*\n", "", written.read_text("utf-8")), "utf-8")
    subprocess.run([sys.executable, "-m", "ruff", "format", written], check=True)
    written.write_text(shorten(written.read_text("utf-8")), "utf-8")


def shorten(text: str) -> str:
    """Without what goes without saying: an index goes with its table, and a batch of one table needs no block."""
    head, down = text.split("def downgrade() -> None:\n")
    dropped = set(re.findall(r'op\.drop_table\("(\w+)"\)', down))
    for table in dropped:
        block = rf'    with op\.batch_alter_table\("{table}", schema=None\) as batch_op:\n(?:        .*\n)+\n?'
        down = re.sub(block, lambda found: "" if _only_drops_indexes(found[0]) else found[0], down)
    down = re.sub(r'(?:    op\.drop_table\("\w+"\)\n){2,}', lambda found: _drops(found[0]), down)
    head = re.sub(r"(?<=,)\n {12,}(?=[^)])", " ", re.sub(r"\(\n {12,}", "(", head))  # what is within a table's
    head = re.sub(r",?\n {8,}\)", ")", head)  # line stands on that line
    head = re.sub(r"\n\n(?=    op)", "\n", head)
    block = r'    with op\.batch_alter_table\("(\w+)", schema=None\) as batch_op:\n((?:        batch_op\.create_index\(.*\n)+)(?!        )'
    head = re.sub(block, lambda found: _indexes(*found.groups()), head)
    return f"{head}def downgrade() -> None:\n{down}"


def _drops(lines: str) -> str:
    """Many tables in one loop."""
    names = ", ".join(re.findall(r'"\w+"', lines))
    return f"    for table in ({names}):\n        op.drop_table(table)\n"


def _indexes(table: str, lines: str) -> str:
    """An index needs no batch on either database."""
    return re.sub(
        r" {8}batch_op\.create_index\((?:batch_op\.f\((\".*?\")\)|(\".*?\")), ",
        lambda found: f'    op.create_index({f"op.f({found[1]})" if found[1] else found[2]}, "{table}", ',
        lines,
    )


def _only_drops_indexes(block: str) -> bool:
    return set(re.findall(r"batch_op\.([a-z]\w+)\(", block)) <= {"drop_index"}


if __name__ == "__main__":
    main()

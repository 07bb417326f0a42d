"""Tables on a terminal: ruled, wrapped between words only; where not even that fits, one block for each row.

An address, a link or a date that is cut in the middle cannot be copied, so no word is ever cut.
"""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text


def print_ruled(rows: Sequence[Sequence[str]], *, head: Sequence[str], title: str | None = None) -> None:
    """Print to the terminal on stdout: between rules, in a narrow one with a rule under the head only, or in blocks."""
    console = Console(highlight=False)
    ruled = Table(title=title, title_justify="left", header_style="bold")
    bare = Table(
        title=title, title_justify="left", header_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False
    )
    for table, frame in ((ruled, 3 * len(head) + 1), (bare, 2 * len(head) - 1)):
        widths = fit_columns([head, *rows], console.width - frame)
        if widths is None:
            continue
        for name, width in zip(head, widths, strict=True):
            table.add_column(Text(name), width=width)
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        console.print(table)
        return
    _print_blocks(console, rows, head=head, title=title)


def fit_columns(rows: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """The width of each column, or None where the longest words alone need more room.

    Every column gets the width of its longest word; what is left goes, one by one, to the column that is wrapped most.
    """
    columns = list(zip(*rows, strict=True))
    least = [max(1, *(cell_len(word) for cell in column for word in cell.split(" "))) for column in columns]
    if sum(least) > room:
        return None
    natural = [max(map(cell_len, column)) for column in columns]
    widths = list(least)
    for _ in range(room - sum(widths)):
        most = max(range(len(widths)), key=lambda at: natural[at] / widths[at])
        if natural[most] <= widths[most]:
            break
        widths[most] += 1
    return widths


def _print_blocks(
    console: Console, rows: Sequence[Sequence[str]], *, head: Sequence[str], title: str | None = None
) -> None:
    if title:
        console.print(Text(title), soft_wrap=True)
    names = max(map(len, head))
    for row in rows:
        console.rule(style="dim")
        for name, cell in zip(head, row, strict=True):
            console.print(Text.assemble((f"{name:<{names}}", "bold"), "  ", cell), soft_wrap=True)

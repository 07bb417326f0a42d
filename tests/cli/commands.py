"""The tree of commands as they are parsed. Typer has a Click of its own: click's names are not used."""

from collections.abc import Iterator
from dataclasses import dataclass

import typer
from typer.core import TyperCommand, TyperGroup

from digest.cli.main import app


@dataclass(frozen=True)
class Command:
    """One command and its name as it is typed."""

    words: tuple[str, ...]
    parsed: TyperCommand

    @property
    def name(self) -> str:
        return " ".join(("digest", *self.words))

    @property
    def help(self) -> str:
        """As it is shown on a terminal of 80 columns."""
        return shown_help(self.parsed, self.name)

    @property
    def options(self) -> set[str]:
        return {name for each in self.parsed.params for name in each.opts}


def root() -> TyperGroup:
    command = typer.main.get_command(app)
    assert isinstance(command, TyperGroup)
    return command


def groups() -> Iterator[tuple[tuple[str, ...], TyperGroup]]:
    """Every noun, the program itself first."""
    yield (), root()
    for name, command in root().commands.items():
        if isinstance(command, TyperGroup):
            yield (name,), command


def commands() -> Iterator[Command]:
    """Every command, in the order of the help."""
    for words, group in groups():
        for name, command in group.commands.items():
            if not isinstance(command, TyperGroup):
                yield Command((*words, name), command)


def shown_help(command: TyperCommand | TyperGroup, name: str) -> str:
    with typer.Context(command, info_name=name, terminal_width=80, max_content_width=80) as context:
        return command.get_help(context)

"""The commands by name. A command's module is loaded when the command is called; `digest --help` reads this page alone."""

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from digest.cli.values import SpokenCommand

EXIT_CODES = (
    "Exit codes: 0 done; 1 error; 2 usage; 3 partly done; 4 nothing to do; 75 try again later; 130 interrupted."
)

SUMMARIES = {
    "demo": "Show the whole life of a newsletter on a sample blog.",
    "init": "Make a folder with settings, secrets and a database.",
    "run": "Gather, publish and deliver what is due, once.",
    "serve": "Gather, publish and deliver until stopped.",
    "explain": "Say why somebody got an issue, or a post is in it.",
    "plan": "Show when the next issues are due.",
    "preview": "Show an issue as a reader would get it.",
    "lint": "Say what is wrong with an email, anybody's.",
    "theme": "What mails look like: themes, their variables, your own.",
    "db": "Upgrade, check, back up and copy the database.",
    "newsletter": "What is sent, as whom, and how often.",
    "topic": "What a newsletter writes about, for readers to choose.",
    "source": "Where posts come from: feeds, folders of Markdown.",
    "post": "Gathered posts: list, hold, release, exclude, pin.",
    "issue": "Issues: list, show, approve, stop, and the editor's note.",
    "delivery": "Who got an issue: the ledger, row by row.",
    "notice": "Confirmations, welcomes and goodbyes: list, send again.",
    "links": "The keys that sign readers' links.",
    "dkim": "Keys and DNS records for signing what goes out.",
    "subscriber": "The people who get a newsletter.",
}
"""In the order of the help. Each is the first sentence of its command's own help; a test holds them equal."""

ELSEWHERE = {
    "status": "digest plan: what comes; digest issue list: what went out; digest source list: what is read",
    "check": "digest db check, digest source check, digest dkim check; digest preview looks at the next issue",
    "doctor": "digest db check; digest source list and digest issue list tell what is wrong with sources and issues",
    "send": "digest run sends what is due; digest issue test --to ADDRESS sends one copy to yourself",
    "test": "digest issue test --to ADDRESS",
    "import": "digest subscriber import FILE; digest source import FILE.opml",
    "export": "digest subscriber export; digest source export",
    "add": "digest source add URL; digest subscriber add ADDRESS; digest newsletter add SLUG",
    "subscribe": "digest subscriber add ADDRESS",
    "feed": "digest source add URL",
    "config": "edit digest.toml; docs/settings.md tells what it takes",
}
"""What other programs call it → what to type here."""

_MODULES = {"issue": "issue_stats"}  # it adds to those of `issue_watch`, they to those of `issue_sending`, and so on


class LazyGroup(TyperGroup):
    """The program's own group."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = _Loaded()

    def invoke(self, ctx: Any) -> Any:
        """Run a command; a value that an option cannot take is said in our words. What is missing is said by Typer.

        A question that is broken off by Ctrl-C is an interruption as anywhere else, and not a no.
        """
        try:
            return super().invoke(ctx)
        except typer.Abort as left:
            if isinstance(left.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from None
            typer.echo("nothing was changed", err=True)
            raise typer.Exit(1) from None
        except typer.BadParameter as fault:
            if type(fault) is not typer.BadParameter or fault.param is None:
                raise
            from digest.cli.bad_values import in_our_words

            raise in_our_words(fault) from fault

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """What others call it is answered with what does it here."""
        if not ctx.resilient_parsing and (step := ELSEWHERE.get(args[0])):
            from digest.errors import UsageError

            raise UsageError(f"there is no command {args[0]!r}", next_step=step)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the base class has it
        """The list in `digest --help`, without loading what it lists."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))


class _Loaded(MutableMapping[str, Any]):
    """Name → command, loaded at its first use; the names are known before."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            if name not in SUMMARIES:
                raise KeyError(name)
            self._loaded[name] = _load(name)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(SUMMARIES)

    def __len__(self) -> int:
        return len(SUMMARIES)

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]


def _load(name: str) -> Any:
    """A noun's group, or a command of its own, as the library builds it."""
    module = import_module(f"digest.cli.{_MODULES.get(name, name)}")
    holder = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    holder.callback()(_hold)  # makes a group of it, so that one command alone keeps its name
    if noun := getattr(module, "app", None):
        holder.add_typer(noun)
    else:
        holder.command()(getattr(module, name))
    _finish(holder)
    group = typer.main.get_command(holder)
    assert isinstance(group, TyperGroup)
    return group.commands[name]


def _hold() -> None:
    """Nothing: the program's own callback has run."""


def _finish(noun: typer.Typer) -> None:
    """Every command's help ends with the same line and names no types, a new command's too."""
    for command in noun.registered_commands:
        command.epilog, command.cls = EXIT_CODES, SpokenCommand
    for group in noun.registered_groups:
        if group.typer_instance is not None:
            _finish(group.typer_instance)

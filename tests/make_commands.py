"""Write docs/commands.md from the commands themselves: `python -m tests.make_commands`."""

from pathlib import Path

from typer.core import TyperArgument, TyperOption

from digest.cli.main import EXIT_CODES
from tests.cli.commands import Command, commands, groups

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"
MARK = "<!-- written by python -m tests.make_commands -->\n"


def commands_page() -> str:
    """Everything below the mark."""
    nouns = {words: group.help for words, group in groups()}
    parts = []
    for words, text in nouns.items():
        head = f"## digest {words[0]}\n\n{text}\n" if words else "## On its own\n"
        parts += [head, *(_entry(each) for each in commands() if each.words[:-1] == words)]
    return f"{MARK}\n{EXIT_CODES}\n\n" + "\n".join(parts)


def _entry(command: Command) -> str:
    text, _, example = (command.parsed.help or "").partition("\nExample: ")
    rows = "".join(_row(each) for each in command.parsed.params if isinstance(each, TyperArgument | TyperOption))
    return (
        f"### {command.name}\n\n{text.strip()}\n\n```\n{example.strip()}\n```\n\n"
        f"| option | meaning |\n|---|---|\n{rows or '| none | |'}"
    )


def _row(option: TyperArgument | TyperOption) -> str:
    if isinstance(option, TyperArgument):
        names = f"{option.metavar}{'…' if option.nargs == -1 else ''}"
        names = names if option.required else f"[{names}]"
    else:
        flags = ", ".join([*option.opts, *option.secondary_opts])
        value = option.metavar or "|".join(option.type_descriptor.choices or ())
        names = flags if option.is_flag else f"{flags} {value}"
    needed = " Required." if isinstance(option, TyperOption) and option.required else ""
    default = f" [default: {option.default}]" if _tells_default(option) else ""
    meaning = f"{option.help or ''}{needed}{default}".replace("|", "\\|")
    return f"| `{names.replace('|', chr(92) + '|')}` | {meaning} |\n"


def _tells_default(option: TyperArgument | TyperOption) -> bool:
    if isinstance(option, TyperOption) and option.is_flag:
        return False
    return option.default not in (None, "") and "[default:" not in (option.help or "")


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text(encoding="utf-8").split(MARK)[0] + commands_page(), encoding="utf-8")

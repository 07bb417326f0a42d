"""Every command speaks with one voice: the tree of commands is walked, so that a new one is held to it too."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.commands import Command, commands, groups, root, shown_help
from tests.command import DIGEST, clean_environment, run_digest
from typer.core import TyperArgument, TyperOption

from digest import __version__
from digest.cli.index import ELSEWHERE, SUMMARIES

ROOT = Path(__file__).parents[2]

EVERY = [pytest.param(command, id=command.name) for command in commands()]

NO_JSON = {"digest serve": "it runs until it is stopped and prints nothing; its logs have a form of their own"}
CANNOT_BE_UNDONE = {
    "digest delivery accept",
    "digest delivery retry",
    "digest notice retry",
    "digest issue cancel",
    "digest newsletter remove",
    "digest source remove",
    "digest links rotate",
    "digest subscriber erase",
    "digest subscriber unsuppress",
    "digest topic remove",
}
CHANGE_MUCH = {
    "digest run", "digest source import", "digest subscriber import", "digest delivery accept", "digest delivery retry"
}  # fmt: skip


def example_of(command: Command) -> str:
    """The example as it is shown: on one line, or it could not be copied."""
    examples = [line.strip() for line in command.help.splitlines() if line.strip().startswith("Example: ")]
    assert len(examples) == 1, f"{command.name} has no line that begins with Example"
    return examples[0].removeprefix("Example: ")


@pytest.mark.parametrize("command", EVERY)
def test_a_command_says_what_it_does_how_it_is_called_and_how_it_ends(command: Command) -> None:
    assert command.parsed.get_short_help_str(55).endswith("."), "its first sentence is cut off in the list"
    assert "..." not in command.parsed.get_short_help_str(55)
    assert "Exit codes: 0 done; 1 error; 2 usage" in command.help
    pythons = r"<\w|\[\[|\{[a-z]|\{[A-Z]+\}|<=|>="
    assert not re.search(pythons, command.help), "that is Python's name of it: give it a metavar"
    options = [each for each in command.parsed.params if isinstance(each, TyperOption)]
    assert all(each.help for each in options)
    assert {
        each.name for each in options if not (each.is_flag or each.metavar or each.type_descriptor.is_choice)
    } == set()


@pytest.mark.parametrize("command", EVERY)
def test_the_example_of_a_command_is_one_that_works(command: Command) -> None:
    called, *words = shlex.split(example_of(command))
    if words[0] == "--config":
        words = words[2:]
    number = len(command.words)
    assert (called, tuple(words[:number])) == ("digest", command.words)
    command.parsed.make_context(command.name, words[number:])  # parses every argument and option, or raises


@pytest.mark.parametrize("command", EVERY)
def test_a_command_speaks_json_and_asks_where_it_should(command: Command) -> None:
    assert ("--json" in command.options) == (command.name not in NO_JSON), command.name
    assert ("--yes" in command.options) == (command.name in CANNOT_BE_UNDONE), command.name
    assert ("--dry-run" in command.options) == (command.name in CHANGE_MUCH), command.name


@pytest.mark.parametrize("command", EVERY)
def test_options_of_one_name_mean_the_same(command: Command) -> None:
    for option in command.parsed.params:
        if "--newsletter" in option.opts and command.name != "digest init":
            assert (option.opts, option.metavar) == (["--newsletter", "-n"], "SLUG"), command.name
        if "--json" in option.opts:
            assert option.help == "Print one JSON document.", command.name
    assert not any(argument.name == "newsletter" for argument in command.parsed.params
                   if isinstance(argument, TyperArgument)), "a newsletter is named by an option"  # fmt: skip


@pytest.mark.parametrize("words", [pytest.param(words, id=" ".join(words) or "digest") for words, _ in groups()])
def test_the_list_of_a_noun_cuts_no_sentence_off(words: tuple[str, ...]) -> None:
    group = dict(groups())[words]
    shown = shown_help(group, " ".join(("digest", *words)))
    listed = shown.partition("Commands:")[2]
    assert listed.count("\n") >= len(group.commands)
    assert "..." not in listed


def test_the_program_tells_its_version(tmp_path: Path) -> None:
    done = run_digest("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{__version__}\n", "")


def test_a_name_that_other_programs_have_is_answered_with_ours(tmp_path: Path) -> None:
    done = run_digest("status", cwd=tmp_path)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: there is no command 'status'")
    ours = tuple(command.name for command in commands())
    named = {name for step in ELSEWHERE.values() for name in re.findall(r"digest(?: [a-z-]+)+", step)}
    assert named
    assert {name for name in named if not name.startswith(ours)} == set()


def test_a_reader_who_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    """As in `digest … | head -1`: 128 + SIGPIPE, and not a word."""
    reading, writing = os.pipe()
    os.close(reading)
    env = clean_environment({})
    words = [DIGEST, "newsletter", "--help"]
    done = subprocess.run(words, cwd=tmp_path, env=env, stdout=writing, stderr=subprocess.PIPE, check=False, timeout=60)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_the_program_offers_shell_completion() -> None:
    assert "--install-completion" in shown_help(root(), "digest")


def test_the_page_of_commands_is_up_to_date() -> None:
    from tests.make_commands import PAGE, commands_page

    assert PAGE.read_text(encoding="utf-8").endswith(commands_page()), "run: python -m tests.make_commands"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_what_can_follow(shell: str, tmp_path: Path) -> None:
    words = "digest issue "
    asked = {
        "COMP_WORDS": words,
        "COMP_CWORD": "2",
        "_TYPER_COMPLETE_ARGS": words,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    done = run_digest(cwd=tmp_path, env={"_DIGEST_COMPLETE": f"complete_{shell}", **asked})
    assert {"approve", "cancel", "test"} <= set(re.findall(r"\w+", done.stdout)), done.stderr


def test_the_list_of_commands_says_what_their_own_help_says() -> None:
    """`digest --help` reads a page of its own, so that it loads no command."""
    told = {name: (command.help or "").split("\n\n")[0].replace("\n", " ") for name, command in root().commands.items()}
    assert {name: text.split(". ")[0].rstrip(".") + "." for name, text in told.items()} == SUMMARIES


def test_a_command_loads_its_own_module_only() -> None:
    code = "import sys; from tests.cli.commands import root; root().commands['plan']; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {name for name in done.stdout.split() if name.startswith("digest.cli.")}
    assert "digest.cli.plan" in loaded
    assert not loaded & {f"digest.cli.{name}" for name in SUMMARIES if name != "plan"}

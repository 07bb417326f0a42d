"""The command `digest`: assembles the nouns, turns exceptions into sentences and exit codes.

No heavy import happens here or in any command module's head: `digest --help` answers in under 0.25 s of CPU.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from digest import __version__
from digest.cli.index import EXIT_CODES, LazyGroup
from digest.cli.output import note
from digest.errors import DigestError, Interrupted, NothingToDo

BROKEN_PIPE = 141
"""What shells say of a program whose reader left (128 + SIGPIPE)."""

app = typer.Typer(
    name="digest",
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Gathers the posts of blogs and sends them to subscribers as a digest email, once each, on schedule.",
    epilog="Start with: digest demo. " + EXIT_CODES,
)


def _print_version(*, wanted: bool) -> None:
    """Called while the options are read: afterwards Typer wants a command."""
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The settings file; else DIGEST_CONFIG, else ./digest.toml.")
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback does it
        bool,
        typer.Option(
            "--version",
            help="Print the version and stop.",
            is_eager=True,
            callback=lambda wanted: _print_version(wanted=wanted),
        ),
    ] = False,
) -> None:
    context.obj = config


def main() -> None:
    """The entry point: every known error is one sentence on stderr and its exit code; no traceback.

    DIGEST_DEBUG=1 shows the traceback of an unknown one.
    """
    try:
        app()
    except SystemExit as ended:
        if ended.code == Interrupted.exit_code:  # Typer turns Ctrl-C into this code and says nothing
            typer.echo("interrupted; nothing half-done was kept", err=True)
        if isinstance(ended.__context__, BrokenPipeError):  # Typer says 1, which would be an error: `digest … | head`
            sys.exit(BROKEN_PIPE)
        raise
    except DigestError as error:
        is_fault = not isinstance(error, (NothingToDo, Interrupted))
        note(f"error: {error.message}" if is_fault else error.message, next_step=error.next_step)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("interrupted; nothing half-done was kept", err=True)
        sys.exit(Interrupted.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(BROKEN_PIPE)
    except Exception as error:
        if os.environ.get("DIGEST_DEBUG"):
            raise
        note(f"error: a fault in digest itself: {type(error).__name__}: {error}")
        typer.echo("next: run it again with DIGEST_DEBUG=1 and report what it prints", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()

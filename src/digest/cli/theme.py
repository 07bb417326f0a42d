"""`digest theme`: what mails look like. Needs no database."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.options import AsJson
from digest.cli.output import note, print_facts, print_json, print_table

if TYPE_CHECKING:
    from digest.actions.themes import Checked
    from digest.config import Settings

app = typer.Typer(name="theme", no_args_is_help=True, help="What mails look like: themes, their variables, your own.")

Name = Annotated[str, typer.Argument(metavar="THEME", help="Its name: digest theme list.")]


@app.command(name="list")
def list_all(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the themes: shipped ones and yours.

    Example: digest theme list
    """
    from digest.actions.themes import list_themes

    homes = list_themes(_templates(context))
    if as_json:
        print_json(homes)
        return
    print_table(
        [(home.name, "yours" if home.is_own else "shipped", home.folder, len(home.files)) for home in homes],
        head=("theme", "whose", "folder", "files of its own"),
    )


@app.command()
def show(context: typer.Context, theme: Name, *, as_json: AsJson = False) -> None:
    """Show a theme's variables, and which file says so.

    Example: digest theme show cards
    """
    from digest.actions.themes import show_theme

    _, said = show_theme(theme, _templates(context))
    if as_json:
        print_json({name: {"value": value, "file": file} for name, (value, file) in sorted(said.items())})
        return
    print_table(
        [(name, value if value != "" else "(none)", file) for name, (value, file) in sorted(said.items())],
        head=("variable", "value", "file"),
    )


@app.command()
def new(
    context: typer.Context,
    theme: Annotated[str, typer.Argument(metavar="NAME", help="Letters a-z, digits, - and _.")],
    *,
    base: Annotated[str, typer.Option("--from", metavar="THEME", help="The theme to begin with.")] = "editorial",
    full: Annotated[bool, typer.Option("--full", help="Copy every file, to change all of it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a theme of your own, which begins as another.

    Writes one file, theme.toml, with every variable as a comment. To change a part, copy its file from the theme it begins with.

    Example: digest theme new ours --from cards
    """
    from digest.actions.themes import make_theme

    made = make_theme(theme, _templates(context), base=base, full=full)
    if as_json:
        print_json(made)
    else:
        print_facts({"theme": made.name, "folder": made.folder, "files": ", ".join(made.files)})
    note(
        f"edit {made.folder / 'theme.toml'}", next_step=f"digest theme check {theme}, then digest theme preview {theme}"
    )


@app.command()
def check(context: typer.Context, theme: Name, *, as_json: AsJson = False) -> None:
    """Say whether a theme can be used.

    Looks at variables, contrast in both schemes and MJML, renders a sample issue and the notices in every language, and lints them. Exits with 1 where a mail would be held back.

    Example: digest theme check ours
    """
    from digest.actions.themes import check_theme

    checked = check_theme(theme, _templates(context))
    if as_json:
        print_json(checked)
    else:
        _print_checked(checked)
    if not checked.is_usable:
        raise typer.Exit(1)


def _print_checked(checked: "Checked") -> None:
    print_facts({
        "theme": checked.name,
        "sample issue": f"up to {checked.largest_octets:,} octets of HTML",
        "languages": ", ".join(checked.languages),
    })  # fmt: skip
    if checked.findings:
        rows = [(one.severity, one.rule, one.said, one.mend) for one in checked.findings]
        print_table(rows, head=("severity", "rule", "what", "mend"))
    for file in checked.unused:
        note(f"no part includes {file}", next_step="check its name; docs/templates.md lists the parts")
    if checked.is_usable:
        note(f"{checked.name} can be used", next_step=f"digest newsletter edit SLUG --theme {checked.name}")
    else:
        note(f"issues in {checked.name} would be held back", next_step="docs/lint.md says why each is asked")


@app.command()
def preview(
    context: typer.Context,
    theme: Name,
    *,
    language: Annotated[
        list[str] | None, typer.Option("--language", metavar="TAG", help="Only this one; may be repeated.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder to write into.")] = Path("preview"),
    show_it: Annotated[bool, typer.Option("--open", help="Open the first in the browser.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the sample issue in a theme.

    And beside it the mails to confirm, to welcome and to say goodbye.

    Example: digest theme preview cards --language fa --open
    """
    from digest.cli.samples import write_and_print

    write_and_print(
        _settings(context), out, themes=(theme,), spoken=tuple(language or ()), show=show_it, as_json=as_json
    )


def _templates(context: typer.Context) -> Path:
    settings = _settings(context)
    return settings.path(settings.templates)


def _settings(context: typer.Context) -> "Settings":
    from digest.config import Settings

    return Settings.load(context.find_root().obj)

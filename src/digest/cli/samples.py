"""Writing the sample issue, for `digest preview --sample` and `digest theme preview`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from digest.cli.output import note, print_json, print_table, progress

if TYPE_CHECKING:
    from digest.config import Settings


def write_and_print(
    settings: "Settings",
    out: Path,
    *,
    themes: Sequence[str] = (),
    spoken: Sequence[str] = (),
    show: bool = False,
    screenshots: bool = False,
    as_json: bool = False,
) -> None:
    """Each theme in each language into folders under `out`, and what was written.

    Raises:
        TemplateError: a theme is not there, or broken.
        UsageError: the folder cannot be written.
    """
    from digest.actions.sample_preview import write_samples
    from digest.actions.screenshots import take_pictures

    written = []
    with progress("rendering") as bar:
        for sample in write_samples(out, themes=themes, spoken=spoken, templates=settings.path(settings.templates)):
            written.append(sample)
            if screenshots:
                note(f"pictures: {take_pictures(sample.files.html)}")
            bar.advance()
    if as_json:
        print_json(written)
    else:
        rows = [(one.theme, one.language, one.octets, one.subject, one.files.html) for one in written]
        print_table(rows, head=("theme", "language", "octets", "subject", "html"))
    if show and written:
        open_in_browser(written[0].files.html.absolute().as_uri())


def open_in_browser(address: str) -> None:
    """Show it, or say where it is."""
    import webbrowser

    if not webbrowser.open(address):
        note(f"no browser could be started; open {address}")

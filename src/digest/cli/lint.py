"""`digest lint`: what is wrong with an email, anybody's."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.options import AsJson, Newsletter
from digest.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.core.lint.finding import Finding
    from digest.core.lint.mail import Mail

STDIN = Path("-")
LARGEST_HTML = 5_000_000


def lint(
    context: typer.Context,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE", help="Messages (.eml) or HTML (.html); - reads stdin.")
    ] = None,
    *,
    issue: Annotated[int | None, typer.Option(min=1, help="An issue of yours instead, in every variant.")] = None,
    newsletter: Newsletter = None,
    ignore: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Leave this rule out; may be repeated.")
    ] = None,
    to_list: Annotated[
        bool | None,
        typer.Option(
            "--list/--transactional",
            help="Whether it goes to a list and needs a way to leave, or to one person. Else its headers tell, or a link to unsubscribe.",
        ),
    ] = None,
    rules: Annotated[bool, typer.Option("--rules", help="List the rules and end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with an email, anybody's.

    Each finding has a rule, a place, a reason and a way to mend it; docs/lint.md explains them. Exits with 1 where there are errors; warnings and notes leave it at 0.

    Example: digest lint newsletter.eml --json
    """
    from digest.core.lint.linter import RULES
    from digest.core.lint.linter import lint as find
    from digest.errors import UsageError

    if rules:
        head = ("rule", "severity", "what")
        every = [(one.id, one.severity, one.what) for one in RULES.values()]
        print_json([dict(zip(head, one, strict=True)) for one in every]) if as_json else print_table(every, head=head)
        return
    if unknown := [name for name in ignore or () if name not in RULES]:
        raise UsageError(f"there is no rule {unknown[0]}", next_step="digest lint --rules lists them")
    if bool(files) == (issue is not None):
        raise UsageError("name files, or an issue", next_step="digest lint FILE, or digest lint --issue N")
    mails = _issue(context, newsletter, issue) if issue is not None else _read(files or [], to_list=to_list)
    found = [(name, find(mail, ignore=ignore or ())) for name, mail in mails]
    if as_json:
        print_json([{"file": name, "findings": findings} for name, findings in found])
    else:
        _print(found)
    if any(one.severity == "error" for _, findings in found for one in findings):
        raise typer.Exit(1)


def _read(files: list[Path], *, to_list: bool | None) -> "Iterator[tuple[str, Mail]]":
    from digest.core.lint.mail import NotAMail, read_html, read_message
    from digest.errors import DigestError, UsageError

    for file in files:
        try:
            raw = sys.stdin.buffer.read() if file == STDIN else file.read_bytes()
        except OSError as error:
            raise DigestError(f"{file} cannot be read: {error.strerror}", next_step="check the name") from error
        try:
            if _is_html(file, raw):
                if len(raw) > LARGEST_HTML:
                    raise NotAMail(f"it has {len(raw):,} octets; the linter takes {LARGEST_HTML:,} of HTML")  # noqa: TRY301
                html = raw.decode("utf-8", "replace")
                if not html.strip("\ufeff \t\r\n"):
                    raise NotAMail("there is nothing in it")  # noqa: TRY301
                if _is_page(html):
                    note(f"{file} is left out: it is a page on the web, no mail")
                else:
                    yield str(file), read_html(html, to_list=to_list, is_lossy=html.encode("utf-8") != raw)
            else:
                yield str(file), read_message(raw, to_list=to_list)
        except NotAMail as error:
            raise UsageError(f"{file}: {error}", next_step="give a message (.eml) or HTML (.html)") from error


def _is_html(file: Path, raw: bytes) -> bool:
    if file.suffix.lower() in {".html", ".htm"}:
        return True
    return file.suffix.lower() != ".eml" and raw.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


def _is_page(html: str) -> bool:
    """Whether its head tells search engines and social networks what it is: an issue on the web, as `digest preview` writes it."""
    head = html[: html.find("<body")].lower()
    return 'rel="canonical"' in head and 'property="og:' in head


def _issue(context: typer.Context, newsletter: str | None, number: int | None) -> "Iterator[tuple[str, Mail]]":
    """Each variant as a message to a reader."""
    from digest.actions.lint_issue import issue_messages
    from digest.cli.context import open_app
    from digest.core.lint.mail import read_message

    opened = open_app(context)
    made = issue_messages(
        opened.database,
        now=opened.clock(),
        newsletter=newsletter,
        number=number,
        web_base=opened.settings.web.base_url,
    )
    for language, message in made:
        yield f"issue {number} ({language})", read_message(message)


def _print(found: "list[tuple[str, tuple[Finding, ...]]]") -> None:
    rows = [
        (name, one.severity, one.rule, f"{one.line}:{one.column}" if one.line else "", one.said, one.mend)
        for name, findings in found
        for one in findings
    ]
    if rows:
        print_table(rows, head=("file", "severity", "rule", "place", "what", "mend"))
    every = [str(one.severity) for _, findings in found for one in findings]
    counts = ", ".join(
        f"{(n := every.count(kind))} {kind}{'' if n == 1 else 's'}" for kind in ("error", "warning", "note")
    )
    note(f"{len(found)} looked at: {counts}", next_step="docs/lint.md says why each is asked" if rows else None)

"""The short form of a mail has every error that the whole has."""

from datetime import UTC, datetime

import pytest
from tests.render import sample_issue as sample

from digest.core.lint.brief import Brief
from digest.core.lint.finding import Severity
from digest.core.lint.linter import RULES, lint
from digest.core.lint.mail import Mail, read_message
from digest.core.message import compose, lay_out
from digest.core.model import Rendered
from digest.core.people import Recipient
from digest.render.issue import render_issue

ISSUE = sample.issue(sample.CONTENT)
WHOLE = render_issue(ISSUE, sample.NEWSLETTER, language="en").html
READER = Recipient(delivery_id=0, subscriber_id=0, address="reader@example.org", name="")
BROKEN = {  # what stands in the body of a good mail → the rules that find an error in it
    "": set(),
    '<a href="/here">x</a>': {"link-address"},
    '<a href="https://intra net/">x</a>': {"link-host"},
    '<p><a href="https://x.example/"> </a></p>': {"link-empty"},
    '<a href="https://x.example/"><img src="https://x.example/a.png"></a>': {"img-alt"},
    '<img alt="" src="http://x.example/a.png">': {"img-https"},
    '<IMG ALT="" SRC="https://x.example/a.svg">': {"img-format"},
    "<div><script>1</script></div>": {"script"},
    '<td onclick="1">x</td>': {"script"},
    "<form>x</form>": {"form"},
    "<style>@import url(x.css);</style>": {"style-import"},
    "<style>@media (width>600px){@media print{p{color:red}}}</style>": {"style-nested", "style-range"},
    f"<style>{'p{color:red}' * 1500}</style>": {"style-size"},
    f"<p>{'word ' * 25_000}</p>": {"html-size"},
}


def errors(mail: Mail) -> set[str]:
    return {one.rule for one in lint(mail, only=Severity.ERROR)}


def message(html: str, *, base: str | None = "https://n.example") -> bytes:
    rendered = Rendered(subject="Hello", preheader="", html=html, text="Hello")
    skeleton = lay_out(rendered, newsletter=sample.NEWSLETTER, issue_id=1, merge_key=ISSUE.merge_key, language="en")
    return compose(skeleton, READER, key=b"k" * 32, base_url=base, dated=datetime(2026, 1, 1, tzinfo=UTC)).message


@pytest.mark.parametrize(("words", "rules"), BROKEN.items(), ids=map(str, range(len(BROKEN))))
def test_an_error_is_in_the_short_form_too(words: str, rules: set[str]) -> None:
    raw = message(WHOLE.replace("</body>", f"{words}</body>"))
    assert errors(read_message(raw)) >= rules
    brief = Brief()
    assert errors(brief.read(raw)) == errors(read_message(raw))
    brief.note_good(read_message(message(WHOLE)))
    assert errors(brief.read(raw)) == errors(read_message(raw)), "also where the rest was seen before"


@pytest.mark.parametrize("cut", ["lang=", "<title", "unsubscribe"])
def test_what_is_missing_is_missing_in_it_too(cut: str) -> None:
    raw = message(WHOLE.replace(cut, "x-"), base=None)
    assert errors(Brief().read(raw)) == errors(read_message(raw)) != set()


def test_it_is_a_short_form_of_every_rule_of_this_severity() -> None:
    known = {"link-address", "link-host", "link-empty", "img-alt", "img-https", "img-format", "script", "form", "style-import",
             "style-nested", "style-range", "style-size", "html-size", "lang", "title", "unsubscribe", "one-click",
             "charset", "line-length", "alternative", "headers", "leftover"}  # fmt: skip
    assert {one.id for one in RULES.values() if one.severity is Severity.ERROR} == known, "does the short form have it?"

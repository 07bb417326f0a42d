"""The form for other people's sites: plain HTML to paste, without a script, a style or anything from elsewhere.

It carries no signature, so that it is good for years; what it posts is shown once more by our own page, to be sent.
"""

from collections.abc import Sequence
from html import escape

from digest.core.model import Newsletter
from digest.render.words import Words


def snippet(
    action: str,
    *,
    newsletter: Newsletter,
    words: Words,
    cadences: Sequence[tuple[int, str]],
    topics: Sequence[tuple[str, str]],
) -> str:
    """HTML for this newsletter, posting to `action`; choices stand in it where there are any."""
    lines = [
        f"<!-- {escape(newsletter.name).replace('--', '- -')} -->",
        f'<form action="{escape(action)}" method="post" lang="{words.language}" dir="{words.direction}">',
        f'  <input type="hidden" name="lang" value="{words.language}">',
        f"  <p><label>{escape(words._('Your email address'))}<br>",
        '    <input type="email" name="address" required autocomplete="email" maxlength="254"></label></p>',
    ]
    if len(cadences) > 1:
        options = [f'<option value="{number}">{escape(name)}</option>' for number, name in cadences]
        lines += [f"  <p><label>{escape(words._('How often'))}<br>", f'    <select name="cadence">{"".join(options)}</select></label></p>']  # fmt: skip
    lines += [
        f'  <p><label><input type="checkbox" name="topic" value="{slug}"> {escape(name)}</label></p>'
        for slug, name in topics
    ]
    lines += [
        '  <div hidden><label>Website <input name="website" tabindex="-1" autocomplete="off"></label></div>',
        f"  <p><button>{escape(words._('Subscribe'))}</button></p>",
        "</form>",
    ]
    return "\n".join(lines) + "\n"

"""The form for other people's sites: plain HTML to paste, without a style or anything from elsewhere.

It carries no signature, so that it is good for years; what it posts is shown once more by our own page, to be sent. Its one
script stands behind it and guesses the time zone; without it the form is whole.
"""

from collections.abc import Sequence
from html import escape

from digest.core.model import Newsletter
from digest.render.words import Words

ZONES = (
    "Pacific/Honolulu", "America/Anchorage", "America/Los_Angeles", "America/Denver", "America/Chicago", "America/Mexico_City",
    "America/New_York", "America/Bogota", "America/Halifax", "America/Sao_Paulo", "Atlantic/Azores", "Europe/London",
    "Europe/Lisbon", "Africa/Lagos", "Europe/Paris", "Europe/Berlin", "Africa/Cairo", "Africa/Johannesburg", "Europe/Athens",
    "Europe/Istanbul", "Africa/Nairobi", "Asia/Riyadh", "Asia/Tehran", "Asia/Dubai", "Asia/Karachi", "Asia/Kolkata",
    "Asia/Dhaka", "Asia/Bangkok", "Asia/Shanghai", "Asia/Manila", "Asia/Tokyo", "Australia/Sydney", "Pacific/Auckland",
)  # fmt: skip
"""One place for most clocks that people live by, from west to east: all five hundred would be longer than the page around
the form. The browser's own is added where scripts run, and our page offers every one."""

GUESS_ZONE = (
    "try{(function(s,z){if(!z)return;s.value=z;if(s.value!==z)s.add(new Option(z,z,true,true))})"
    "(document.currentScript.previousElementSibling.zone,Intl.DateTimeFormat().resolvedOptions().timeZone)}catch(e){}"
)


def asks_for_zone(newsletter: Newsletter) -> bool:
    """Whether a reader's clock decides when mail comes; a day's pause, which heeds it too, is no reason to ask."""
    return newsletter.reader_zones or newsletter.quiet_hours is not None


def snippet(
    action: str,
    *,
    newsletter: Newsletter,
    words: Words,
    cadences: Sequence[tuple[int, str]],
    topics: Sequence[tuple[str, str]],
    languages: Sequence[tuple[str, str]],
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
    if languages:
        options = [f'<option value="{tag}" lang="{tag}"{" selected" if tag == words.language else ""}>{escape(own)}</option>'
                   for tag, own in languages]  # fmt: skip
        lines += [f"  <p><label>{escape(words._('Language'))}<br>", f'    <select name="language">{"".join(options)}</select></label></p>']  # fmt: skip
    places = [f'<option value="">{escape(words._("The newsletter’s own"))}</option>', *(f"<option>{one}</option>" for one in ZONES)]  # fmt: skip
    if asked := asks_for_zone(newsletter):
        lines += [f"  <p><label>{escape(words._('Time zone'))}<br>", f'    <select name="zone">{"".join(places)}</select></label></p>']  # fmt: skip
    lines += [
        '  <div hidden><label>Website <input name="website" tabindex="-1" autocomplete="off"></label></div>',
        f"  <p><button>{escape(words._('Subscribe'))}</button></p>",
        "</form>",
        *([f"<script>{GUESS_ZONE}</script>"] if asked else []),
    ]
    return "\n".join(lines) + "\n"

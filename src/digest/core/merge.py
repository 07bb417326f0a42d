"""Merge fields: what differs from reader to reader, left open by the renderer and filled by joining bytes.

A token carries its issue's unguessable key, so that a hostile post cannot forge one. Private-use characters and
Jinja tokens are mangled by the MJML renderer in links; this form survives in text, attributes and previews.
"""

FIELDS = ("name", "address", "unsubscribe_url", "preferences_url")


def token(key: str, field: str) -> str:
    """The open field: `%%key:field%%`.

    Raises:
        ValueError: there is no such field.
    """
    if field not in FIELDS:
        raise ValueError(f"there is no merge field {field!r}; there are {', '.join(FIELDS)}")
    return f"%%{key}:{field}%%"

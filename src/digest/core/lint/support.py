"""What mail clients support, trimmed from the public data of caniemail.

MIT licence, © Rémi Parmentier and contributors, of 2025-09-09.
Written by `python -m tests.make_caniemail`, not by hand.
"""

UPDATED = "2025-09-09"

PROPERTIES: dict[tuple[str, str], dict[str, str]] = {
    ("display", "flex"): {"Gmail": "a", "Apple Mail": "y", "Outlook": "a", "Yahoo": "y"},
    ("display", "grid"): {"Gmail": "a", "Apple Mail": "y", "Outlook": "a", "Yahoo": "n"},
    ("position", "*"): {"Gmail": "n", "Apple Mail": "a", "Outlook": "a", "Yahoo": "a"},
    ("float", "*"): {"Gmail": "a", "Apple Mail": "y", "Outlook": "a", "Yahoo": "a"},
    ("object-fit", "*"): {"Gmail": "a", "Apple Mail": "y", "Outlook": "a", "Yahoo": "n"},
    ("clip-path", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Yahoo": "n"},
    ("transform", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Yahoo": "n"},
    ("gap", "*"): {"Gmail": "a", "Apple Mail": "y", "Outlook": "a", "Yahoo": "n"},
    ("filter", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Yahoo": "n"},
    ("grid-template-columns", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Yahoo": "n"},
    ("flex-direction", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "a", "Yahoo": "n"},
    ("align-items", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "a", "Yahoo": "n"},
    ("justify-content", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "a", "Yahoo": "n"},
    ("background-image", "*"): {"Gmail": "y", "Apple Mail": "y", "Outlook": "a", "Yahoo": "a"},
    ("box-shadow", "*"): {"Gmail": "a", "Apple Mail": "y", "Outlook": "a", "Yahoo": "n"},
    ("opacity", "*"): {"Gmail": "a", "Apple Mail": "y", "Outlook": "a", "Yahoo": "y"},
    ("overflow", "*"): {"Gmail": "a", "Apple Mail": "a", "Outlook": "a", "Yahoo": "a"},
    ("animation", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Yahoo": "n"},
    ("transition", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Yahoo": "a"},
    ("aspect-ratio", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Yahoo": "n"},
    ("inset", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Yahoo": "n"},
    ("z-index", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "a", "Yahoo": "y"},
    ("visibility", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "a", "Yahoo": "y"},
    ("column-count", "*"): {"Gmail": "a", "Apple Mail": "y", "Outlook": "a", "Yahoo": "n"},
    ("writing-mode", "*"): {"Gmail": "a", "Apple Mail": "y", "Outlook": "a", "Yahoo": "n"},
    ("text-shadow", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Yahoo": "y"},
    ("mix-blend-mode", "*"): {"Gmail": "a", "Apple Mail": "y", "Outlook": "a", "Yahoo": "n"},
    ("backdrop-filter", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "a", "Yahoo": "n"},
}
"""Property and value, `*` for any → where it works: y, n, or a for in part."""

VALUES: dict[str, dict[str, str]] = {
    "var(": {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Yahoo": "n"},
    "calc(": {"Gmail": "a", "Apple Mail": "y", "Outlook": "n", "Yahoo": "n"},
    "clamp(": {"Gmail": "a", "Apple Mail": "y", "Outlook": "n", "Yahoo": "n"},
    "min(": {"Gmail": "a", "Apple Mail": "y", "Outlook": "n", "Yahoo": "n"},
    "max(": {"Gmail": "a", "Apple Mail": "y", "Outlook": "n", "Yahoo": "n"},
    "linear-gradient(": {"Gmail": "a", "Apple Mail": "y", "Outlook": "n", "Yahoo": "n"},
    "radial-gradient(": {"Gmail": "a", "Apple Mail": "y", "Outlook": "n", "Yahoo": "n"},
    "light-dark(": {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Yahoo": "n"},
}
"""What stands in a value."""

ELEMENTS: dict[str, dict[str, str]] = {
    "video": {"Gmail": "n", "Apple Mail": "a", "Outlook": "a", "Yahoo": "n"},
    "audio": {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Yahoo": "n"},
    "svg": {"Gmail": "n", "Apple Mail": "a", "Outlook": "n", "Yahoo": "n"},
    "object": {"Gmail": "n", "Apple Mail": "a", "Outlook": "n", "Yahoo": "n"},
    "form": {"Gmail": "a", "Apple Mail": "y", "Outlook": "a", "Yahoo": "a"},
    "picture": {"Gmail": "n", "Apple Mail": "a", "Outlook": "n", "Yahoo": "n"},
    "dialog": {"Gmail": "a", "Apple Mail": "y", "Outlook": "n", "Yahoo": "n"},
    "select": {"Gmail": "a", "Apple Mail": "a", "Outlook": "a", "Yahoo": "a"},
    "textarea": {"Gmail": "y", "Apple Mail": "y", "Outlook": "a", "Yahoo": "a"},
    "meter": {"Gmail": "a", "Apple Mail": "y", "Outlook": "a", "Yahoo": "n"},
    "progress": {"Gmail": "a", "Apple Mail": "y", "Outlook": "n", "Yahoo": "n"},
    "marquee": {"Gmail": "n", "Apple Mail": "y", "Outlook": "a", "Yahoo": "a"},
    "base": {"Gmail": "a", "Apple Mail": "y", "Outlook": "a", "Yahoo": "a"},
}
"""Elements."""

"""What mail clients support: caniemail's data (caniemail.com), trimmed to what the linter asks.

Of 2026-05-13, from the npm package caniemail 2.0.2. Copyright (c) 2019 HTeuMeuLeu; the package © Avi Goldman,
© Andrew Powell. MIT licence: its text goes with this program as LICENSES/caniemail.txt.
Written by `python -m tests.make_caniemail`, not by hand.
"""

UPDATED = "2026-05-13"

PROPERTIES: dict[tuple[str, str], dict[str, str]] = {
    ("display", "flex"): {"Gmail": "a", "Apple Mail": "y", "Outlook": "y", "Outlook for Windows": "n", "Yahoo": "y"},
    ("display", "grid"): {"Gmail": "a", "Apple Mail": "y", "Outlook": "y", "Outlook for Windows": "n", "Yahoo": "y"},
    ("position", "*"): {"Gmail": "n", "Apple Mail": "a", "Outlook": "a", "Outlook for Windows": "n", "Yahoo": "a"},
    ("float", "*"): {"Gmail": "a", "Apple Mail": "y", "Outlook": "y", "Outlook for Windows": "n", "Yahoo": "a"},
    ("object-fit", "*"): {"Gmail": "a", "Apple Mail": "y", "Outlook": "y", "Outlook for Windows": "n", "Yahoo": "n"},
    ("clip-path", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "n"},
    ("transform", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "n"},
    ("gap", "*"): {"Gmail": "a", "Apple Mail": "y", "Outlook": "a", "Outlook for Windows": "n", "Yahoo": "n"},
    ("filter", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "n"},
    ("grid-template-columns", "*"): {
        "Gmail": "n",
        "Apple Mail": "y",
        "Outlook": "n",
        "Outlook for Windows": "n",
        "Yahoo": "n",
    },
    ("flex-direction", "*"): {
        "Gmail": "n",
        "Apple Mail": "y",
        "Outlook": "a",
        "Outlook for Windows": "n",
        "Yahoo": "n",
    },
    ("align-items", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "y", "Outlook for Windows": "n", "Yahoo": "n"},
    ("justify-content", "*"): {
        "Gmail": "n",
        "Apple Mail": "y",
        "Outlook": "y",
        "Outlook for Windows": "n",
        "Yahoo": "n",
    },
    ("background-image", "*"): {
        "Gmail": "y",
        "Apple Mail": "y",
        "Outlook": "y",
        "Outlook for Windows": "n",
        "Yahoo": "a",
    },
    ("box-shadow", "*"): {"Gmail": "a", "Apple Mail": "y", "Outlook": "y", "Outlook for Windows": "n", "Yahoo": "n"},
    ("opacity", "*"): {"Gmail": "a", "Apple Mail": "y", "Outlook": "y", "Outlook for Windows": "n", "Yahoo": "y"},
    ("overflow", "*"): {"Gmail": "a", "Apple Mail": "a", "Outlook": "a", "Outlook for Windows": "n", "Yahoo": "a"},
    ("animation", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "n"},
    ("transition", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "a"},
    ("aspect-ratio", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "n"},
    ("inset", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "n"},
    ("z-index", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "y", "Outlook for Windows": "n", "Yahoo": "y"},
    ("visibility", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "y", "Outlook for Windows": "n", "Yahoo": "y"},
    ("column-count", "*"): {"Gmail": "a", "Apple Mail": "y", "Outlook": "y", "Outlook for Windows": "n", "Yahoo": "n"},
    ("writing-mode", "*"): {"Gmail": "a", "Apple Mail": "y", "Outlook": "y", "Outlook for Windows": "n", "Yahoo": "n"},
    ("text-shadow", "*"): {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "y"},
    ("mix-blend-mode", "*"): {
        "Gmail": "a",
        "Apple Mail": "y",
        "Outlook": "y",
        "Outlook for Windows": "n",
        "Yahoo": "n",
    },
    ("backdrop-filter", "*"): {
        "Gmail": "n",
        "Apple Mail": "y",
        "Outlook": "a",
        "Outlook for Windows": "n",
        "Yahoo": "n",
    },
}
"""Property and value, `*` for any → where it works: y, n, or a for in part."""

VALUES: dict[str, dict[str, str]] = {
    "var(": {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "n"},
    "calc(": {"Gmail": "a", "Apple Mail": "y", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "n"},
    "clamp(": {"Gmail": "a", "Apple Mail": "y", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "n"},
    "min(": {"Gmail": "a", "Apple Mail": "y", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "n"},
    "max(": {"Gmail": "a", "Apple Mail": "y", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "n"},
    "linear-gradient(": {"Gmail": "a", "Apple Mail": "y", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "n"},
    "radial-gradient(": {"Gmail": "a", "Apple Mail": "y", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "n"},
    "light-dark(": {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "n"},
}
"""What stands in a value."""

ELEMENTS: dict[str, dict[str, str]] = {
    "video": {"Gmail": "n", "Apple Mail": "a", "Outlook": "a", "Outlook for Windows": "n", "Yahoo": "n"},
    "audio": {"Gmail": "n", "Apple Mail": "y", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "n"},
    "svg": {"Gmail": "n", "Apple Mail": "a", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "n"},
    "object": {"Gmail": "n", "Apple Mail": "a", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "n"},
    "form": {"Gmail": "a", "Apple Mail": "y", "Outlook": "a", "Outlook for Windows": "n", "Yahoo": "a"},
    "picture": {"Gmail": "n", "Apple Mail": "a", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "n"},
    "dialog": {"Gmail": "a", "Apple Mail": "y", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "n"},
    "select": {"Gmail": "a", "Apple Mail": "a", "Outlook": "y", "Outlook for Windows": "n", "Yahoo": "a"},
    "textarea": {"Gmail": "y", "Apple Mail": "y", "Outlook": "a", "Outlook for Windows": "n", "Yahoo": "a"},
    "meter": {"Gmail": "a", "Apple Mail": "y", "Outlook": "y", "Outlook for Windows": "n", "Yahoo": "n"},
    "progress": {"Gmail": "a", "Apple Mail": "y", "Outlook": "n", "Outlook for Windows": "n", "Yahoo": "n"},
    "marquee": {"Gmail": "n", "Apple Mail": "y", "Outlook": "a", "Outlook for Windows": "n", "Yahoo": "a"},
    "base": {"Gmail": "a", "Apple Mail": "y", "Outlook": "a", "Outlook for Windows": "a", "Yahoo": "a"},
}
"""Elements."""

"""The figures as bars, in SVG by hand: rate and CPU of each sender."""

from html import escape
from typing import Any

_SENDERS = (("smtp-source", "smtp_source_"), ("digest", ""), ("digest, DKIM", "dkim_"), ("naive", "naive_"))
_WIDTH, _LEFT, _BAR, _STEP = 720, 130, 22, 32


def draw(found: dict[str, Any]) -> str:
    """An SVG document; senders that were not measured are left out."""
    panels = (("Messages a second (more is better)", "rate"), ("CPU µs a message (less is better)", "cpu_us"))
    body, top = [], 60
    for title, key in panels:
        values = [(label, found[prefix + key]) for label, prefix in _SENDERS if found.get(prefix + key) is not None]
        body.append(f'<text x="16" y="{top}" font-weight="bold">{escape(title)}</text>')
        body += [
            _bar(label, value, max(v for _, v in values), top + 12 + n * _STEP)
            for n, (label, value) in enumerate(values)
        ]
        top += 44 + len(values) * _STEP
    head = f"{found['recipients']:,} recipients, {found['message_bytes']:,} octets a message, {found['database']}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top}" viewBox="0 0 {_WIDTH} {top}" '
        'font-family="sans-serif" font-size="14" role="img">\n'
        f'<title>Speed of delivery</title>\n<rect width="{_WIDTH}" height="{top}" fill="#ffffff"/>\n'
        f'<text x="16" y="28" font-size="16">{escape(head)}</text>\n' + "\n".join(body) + "\n</svg>\n"
    )


def _bar(label: str, value: float, largest: float, top: float) -> str:
    length = max(1.0, (_WIDTH - _LEFT - 90) * value / largest)
    fill = "#2b6cb0" if label.startswith("digest") else "#a0aec0"
    return (
        f'<text x="{_LEFT - 8}" y="{top + 16}" text-anchor="end">{escape(label)}</text>'
        f'<rect x="{_LEFT}" y="{top}" width="{length:.1f}" height="{_BAR}" fill="{fill}"/>'
        f'<text x="{_LEFT + length + 6:.1f}" y="{top + 16}">{value:,.0f}</text>'
    )

"""The MJML components and attributes that mrml 6 renders. It lets unknown ones pass in silence; we don't.

Left out on purpose: mj-font (no web fonts in mail), mj-include (no file access; Jinja includes), mj-html-attributes
(mrml fails on it), mj-carousel and mj-accordion (layout that lives in `<style>` alone, dead in Gmail and Outlook).
"""

_PADDING = "padding padding-top padding-right padding-bottom padding-left"
_BORDER = "border border-top border-right border-bottom border-left border-radius"
_INNER = " ".join(f"inner-{name}" for name in _BORDER.split()) + " inner-background-color"
_TEXT = "color font-family font-size font-style font-weight letter-spacing line-height text-decoration text-transform"
_LINK = "href rel target title name"
_BACKGROUND = (
    "background-color background-url background-repeat background-size background-position "
    "background-position-x background-position-y"
)
_BOX = f"{_PADDING} {_BORDER} {_BACKGROUND} direction full-width text-align"

_BODY = {
    "mj-body": "background-color width id",
    "mj-wrapper": f"{_BOX} gap",
    "mj-section": _BOX,
    "mj-group": "background-color direction vertical-align width",
    "mj-column": f"{_PADDING} {_BORDER} {_INNER} background-color direction vertical-align width",
    "mj-text": f"{_PADDING} {_TEXT} align container-background-color height vertical-align",
    "mj-button": (
        f"{_PADDING} {_BORDER} {_TEXT} {_LINK} align background-color container-background-color height "
        "inner-padding text-align vertical-align width"
    ),
    "mj-image": (
        f"{_PADDING} {_BORDER} {_LINK} align alt container-background-color fluid-on-mobile font-size height "
        "max-height sizes src srcset usemap width"
    ),
    "mj-divider": f"{_PADDING} align border-color border-style border-width container-background-color width",
    "mj-spacer": f"{_PADDING} container-background-color height",
    "mj-table": (
        f"{_PADDING} {_TEXT} align border cellpadding cellspacing container-background-color role table-layout width"
    ),
    "mj-hero": f"{_PADDING} {_BACKGROUND} background-height background-width border-radius height mode vertical-align "
    "width container-background-color inner-background-color",
    "mj-navbar": f"{_PADDING} align base-url hamburger",
    "mj-navbar-link": f"{_PADDING} {_TEXT} {_LINK}",
    "mj-social": f"{_PADDING} {_TEXT} align border-radius container-background-color icon-height icon-padding "
    "icon-size inner-padding mode table-layout text-padding vertical-align",
    "mj-social-element": f"{_PADDING} {_TEXT} {_LINK} align alt background-color border-radius icon-height "
    "icon-padding icon-size src text-padding vertical-align",
    "mj-raw": "position",
}
_HEAD = {
    "mjml": "lang dir owa",
    "mj-head": "",
    "mj-attributes": "",
    "mj-title": "",
    "mj-preview": "",
    "mj-style": "",
    "mj-breakpoint": "width",
}

COMPONENTS: dict[str, frozenset[str]] = {
    **{name: frozenset(attributes.split()) for name, attributes in _HEAD.items()},
    **{name: frozenset([*attributes.split(), "css-class", "mj-class"]) for name, attributes in _BODY.items()},
}
_EVERY = frozenset().union(*COMPONENTS.values())
COMPONENTS["mj-all"] = _EVERY
COMPONENTS["mj-class"] = _EVERY | {"name"}

HTML_INSIDE = frozenset({"mj-text", "mj-button", "mj-raw", "mj-table", "mj-navbar-link", "mj-social-element"})
TEXT_INSIDE = frozenset({"mj-title", "mj-preview"})
STRUCTURE = frozenset({"mjml", "mj-head", "mj-body", "mj-wrapper", "mj-section", "mj-group", "mj-column", "mj-hero"})
SECTIONS = frozenset({"mj-section", "mj-wrapper", "mj-hero"})
LINES = frozenset({"mj-text", "mj-image", "mj-button", "mj-table", "mj-divider", "mj-spacer"})  # of a column
_CONTENT = LINES | {"mj-raw", "mj-social", "mj-navbar"}
HOLDS = {
    "mjml": frozenset({"mj-head", "mj-body"}),
    "mj-head": frozenset({"mj-attributes", "mj-title", "mj-preview", "mj-style", "mj-breakpoint", "mj-raw"}),
    "mj-body": SECTIONS | {"mj-raw"},
    "mj-wrapper": frozenset({"mj-section", "mj-hero", "mj-raw"}),
    "mj-section": frozenset({"mj-column", "mj-group", "mj-raw"}),
    "mj-group": frozenset({"mj-column", "mj-raw"}),
    "mj-column": _CONTENT,
    "mj-hero": _CONTENT,
    "mj-social": frozenset({"mj-social-element", "mj-raw"}),
    "mj-navbar": frozenset({"mj-navbar-link", "mj-raw"}),
}
"""What may stand in what. Elsewhere mrml passes it on: words without a cell round them, which Outlook lays out anywhere."""
REFUSED = {
    "mj-include": "{% include %} does that",
    "mj-font": "mail loads no fonts",
    "mj-html-attributes": "write attributes where they belong",
    "mj-carousel": "Gmail and Outlook drop the styles it lives in",
    "mj-accordion": "Gmail and Outlook drop the styles it lives in",
}
VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})

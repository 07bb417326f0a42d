"""Theme variables: what a newsletter may change, and what is refused."""

import colorsys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.render import sample_issue as sample

from digest.errors import TemplateError
from digest.render.issue import render_issue
from digest.render.look import look_of
from digest.render.templates import theme_folders, theme_names
from digest.render.theme import LEAST_CONTRAST, contrast, load_theme, nearest_passing, theme_files


def html(variables: dict[str, Any]) -> str:
    newsletter = replace(sample.NEWSLETTER, theme_variables=variables)
    return render_issue(sample.issue(), newsletter, language="en").html


def test_a_newsletter_changes_colours_fonts_and_width() -> None:
    changed = html({"light": {"accent": "#7A1F3D"}, "fonts.heading": "Verdana, sans-serif", "width": 640})
    assert "#7A1F3D" in changed
    assert "Verdana, sans-serif" in changed
    assert 'width="576"' in changed  # 640 less twice 32
    assert 'width="576"' in html({"width": "640"})


@pytest.mark.parametrize(
    ("variables", "says", "next_step"),
    [
        ({"light.acent": "#000000"}, "no theme variable light.acent", "light.accent"),
        ({"light": {"accent": "red"}}, "'red'", "#RRGGBB"),
        ({"light.accent": "#000000;}</style>"}, "light.accent", "#RRGGBB"),
        ({"fonts.body": "x;background:url(x)"}, "fonts.body", "font names"),
        ({"width": 9000}, "9000", "560 to 640"),
        ({"width": "wide"}, "'wide'", "whole number"),
        ({"light.accent": "#9FD8CF"}, "contrast of 1.", "4.5"),
        ({"dark.soft": "#444444"}, "dark.soft #444444 on dark.sheet", "4.5"),
        ({"light.accent": "#9FD8CF"}, "light.accent #9FD8CF", "nearest light.accent that has it is #"),
        ({"image_ratio": "7"}, "image_ratio is '7'", "from 0.3 to 3.0"),
        ({"logo": "http://x.example/logo.png"}, "logo", "https address"),
        ({"logo": "https://x.example/logo.svg"}, "logo", "PNG, JPEG or GIF"),
        ({"type.text": 12}, "type.text is 12", "from 13 to 64"),
        ({"apart": "perhaps"}, "apart is 'perhaps'", "true or false"),
        ({"sections.pictures": "maybe"}, "'maybe'", "true or false"),
    ],
)
def test_a_wrong_variable_is_refused_with_the_way_out(variables: dict[str, Any], says: str, next_step: str) -> None:
    with pytest.raises(TemplateError) as caught:
        html(variables)
    assert says in caught.value.message
    assert next_step in (caught.value.next_step or "")


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("ground", ["#FFFFFF", "#1B1C1F", "#0D5C53", "#777777"])
@pytest.mark.parametrize("colour", ["#9FD8CF", "#FFFF00", "#808080", "#123456", "#FF0000"])
def test_the_proposed_colour_passes_and_keeps_its_hue(colour: str, ground: str) -> None:
    found = nearest_passing(colour, ground)
    assert contrast(found, ground) >= LEAST_CONTRAST
    if found not in {"#000000", "#FFFFFF"}:
        hues = [
            colorsys.rgb_to_hls(*(int(each[at : at + 2], 16) / 255 for at in (1, 3, 5)))[0] for each in (colour, found)
        ]
        assert abs(hues[0] - hues[1]) < 0.03 or abs(hues[0] - hues[1]) > 0.97 or colour == "#808080"


@pytest.mark.parametrize("theme", theme_names())
@pytest.mark.parametrize(
    "name", ["light.ink", "light.soft", "light.accent", "dark.soft", "dark.accent", "dark.on_accent"]
)
def test_what_is_proposed_is_accepted(theme: str, name: str) -> None:
    wrong = "#C9A227" if name != "dark.accent" else "#5A1020"
    wrong = "#E8D9A0" if name == "dark.on_accent" else wrong if not name.startswith("dark.soft") else "#6B4F2A"
    with pytest.raises(TemplateError) as caught:
        look_of(theme, {name: wrong})
    proposed = str(caught.value.next_step).rpartition(" ")[2]
    look_of(theme, {name: proposed})


def test_sections_are_switched_off() -> None:
    assert "In this issue" in html({})
    bare = html(
        {"sections": {"contents": False, "summary": "false", "topics": False, "quotes": False, "pictures": False}}
    )
    assert "In this issue" not in bare
    assert "Topics:" not in bare
    assert "blockquote style" not in bare
    assert "<img" not in bare


def test_a_logo_takes_the_place_of_the_first_letter() -> None:
    assert '<img class="logo" src="https://x.example/logo.png" alt=""' in html({"logo": "https://x.example/logo.png"})


def test_any_theme_may_have_its_parts_on_sheets_of_their_own() -> None:
    assert 'class="card' not in html({}) + html({"apart": "false"})
    assert html({"apart": True}).count('card"') >= 2


def test_sizes_of_letters_are_variables() -> None:
    large = html({"type": {"text": 18, "title": 40}, "type.title_phone": "30"})
    assert "font-size:18px;line-height:29px" in large
    assert "font:700 40px/46px" in large
    assert ".h1 h1{font-size:30px!important" in large


@pytest.mark.parametrize("name", theme_names())
def test_words_stay_readable_where_a_client_inverts_the_light_scheme(name: str) -> None:
    """Outlook.com and Gmail's apps turn lightness round when they make a mail dark by themselves."""

    def inverted(colour: str) -> str:
        hue, lightness, saturation = colorsys.rgb_to_hls(*(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)))
        return "#" + "".join(f"{round(part * 255):02X}" for part in colorsys.hls_to_rgb(hue, 1 - lightness, saturation))

    light = load_theme(name, theme_files(theme_folders(name)), {}).light
    pairs = [(text, ground) for text in ("ink", "soft", "accent") for ground in ("sheet", "paper", "note")]
    ratios = {pair: contrast(*(inverted(light[part]) for part in pair)) for pair in [*pairs, ("on_accent", "accent")]}
    assert {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < LEAST_CONTRAST} == {}


def test_a_wrong_variable_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "theme.toml"
    shipped = theme_files(theme_folders("editorial"))
    for source, said in (
        ("# ours\nwidth = 700\n", "line 2: width is 700"),
        ('[light]\n\nacent = "#111111"\n', "line 3: there is no theme variable light.acent"),
        ('[light]\naccent = "#88CC99"\n', "line 2: light.accent #88CC99 on light.sheet"),
    ):
        file.write_text(source, encoding="utf-8")
        with pytest.raises(TemplateError) as caught:
            load_theme("mine", (*shipped, file), {})
        assert f"{file}, {said}" in caught.value.message


@pytest.mark.parametrize(
    ("bases", "said", "next_step"),
    [
        ({"a": "a"}, "a/theme.toml, line 2: the base of a is a itself", "name another theme there"),
        ({"a": "b", "b": "c", "c": "b"}, "c/theme.toml, line 2: bases go in a circle: b → c → b", "let one of them"),
        ({"a": "b", "b": "crads"}, "b/theme.toml, line 2: there is no theme crads", "digest theme new"),
    ],
)
def test_bases_that_lead_nowhere_are_named_with_their_line(
    tmp_path: Path, bases: dict[str, str], said: str, next_step: str
) -> None:
    for name, base in bases.items():
        folder = tmp_path / "issue" / name
        folder.mkdir(parents=True)
        (folder / "theme.toml").write_text(f'# ours\nbase = "{base}"\n', encoding="utf-8")
    with pytest.raises(TemplateError) as caught:
        theme_folders("a", tmp_path)
    assert f"{tmp_path}/issue/{said}" in caught.value.message
    assert next_step in (caught.value.next_step or "")

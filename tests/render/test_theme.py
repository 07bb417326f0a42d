"""Theme variables: what a newsletter may change, and what is refused."""

from dataclasses import replace
from typing import Any

import pytest
from tests.render import sample_issue as sample

from digest.errors import TemplateError
from digest.render.issue import render_issue
from digest.render.theme import contrast


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

"""Contrast where a mail client paints a mail dark by itself, as Gmail and Outlook do, and asks nobody."""

import pytest
from playwright.sync_api import Page
from tests.browser.chromium import faults_of_colours, find_chromium, show
from tests.browser.test_emails import mail_of, notice_of

from digest.render.catalogues import languages
from digest.render.notice import NoticeKind
from digest.render.templates import theme_names

pytestmark = [
    pytest.mark.skipif(not find_chromium(), reason="NO BROWSER: install Debian's chromium to test what readers see"),
    pytest.mark.slow,
    pytest.mark.timeout(300),
]

# The lightness of CIELAB is turned round and the hue kept, as Outlook's editor and Chromium's own dark mode do. "full" turns
# every colour (Outlook on Windows), "partial" light grounds and dark words alone (Gmail on Android, Outlook on the web).
# Every colour is read before the first is written.
INVERT = """(partial) => {
  const parse = text => { const found = text.match(/[\\d.]+/g).map(Number); return found.length === 4 && found[3] === 0 ? null : found };
  const linear = one => (one /= 255) <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4;
  const coded = one => Math.round(255 * Math.min(1, Math.max(0, one <= 0.0031308 ? one * 12.92 : 1.055 * one ** (1 / 2.4) - 0.055)));
  const root = one => one > 216 / 24389 ? Math.cbrt(one) : (24389 / 27 * one + 16) / 116;
  const cube = one => one ** 3 > 216 / 24389 ? one ** 3 : (116 * one - 16) * 27 / 24389;
  const turn = colour => {
    const [r, g, b] = colour.slice(0, 3).map(linear);
    const x = root((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
    const y = root(0.2126 * r + 0.7152 * g + 0.0722 * b);
    const z = root((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
    const turned = (100 - (116 * y - 16) + 16) / 116;
    const [X, Y, Z] = [0.9505 * cube(turned + x - y), cube(turned), 1.089 * cube(turned + z - y)];
    return `rgb(${[3.2406 * X - 1.5372 * Y - 0.4986 * Z, -0.9689 * X + 1.8758 * Y + 0.0415 * Z,
                   0.0557 * X - 0.204 * Y + 1.057 * Z].map(coded).join(',')})`;
  };
  const light = ([r, g, b]) => (r * 299 + g * 587 + b * 114) / 255000;
  const all = [document.documentElement, ...document.body.querySelectorAll('*'), document.body];
  const work = [];
  for (const one of all) {
    const style = getComputedStyle(one), word = parse(style.color), ground = parse(style.backgroundColor);
    if (word && (!partial || light(word) < 0.5)) work.push([one, 'color', turn(word)]);
    if (ground && (!partial || light(ground) > 0.5)) work.push([one, 'background-color', turn(ground)]);
  }
  if (!parse(getComputedStyle(document.body).backgroundColor)) work.push([document.body, 'background-color', 'rgb(0,0,0)']);
  for (const [one, name, value] of work) one.style.setProperty(name, value, 'important');
  return work.length;
}"""


@pytest.mark.parametrize("theme", theme_names())
@pytest.mark.parametrize("kind", ["full", "partial"])
def test_words_are_read_after_an_inversion_that_nobody_asked_for(
    page: Page, seen: set[str], theme: str, kind: str
) -> None:
    faults = []
    for language in languages():
        for html in (mail_of(theme, language), notice_of(theme, language, NoticeKind.CONFIRM)):
            show(page, html)
            assert page.evaluate(f"({INVERT})({str(kind == 'partial').lower()})") > 20
            faults += [f"{language}: {each}" for each in faults_of_colours(page, seen)]
    assert faults == []
    assert seen

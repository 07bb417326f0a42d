"""A reader's whole life in a real Chromium, from the daemon's own pages and mails: join, confirm, choose, pause, leave, undo, erase."""

import email
import email.policy
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page
from tests.browser.chromium import OF_COLOURS, faults_of_colours, faults_of_layout, find_chromium, violations
from tests.command import run_digest, start_digest

pytestmark = [
    pytest.mark.skipif(not find_chromium(), reason="NO BROWSER: install Debian's chromium to test what readers see"),
    pytest.mark.slow,
    pytest.mark.timeout(300),
]

HANDS_ON = {"en": "weekly", "fa": "hafte"}
"""A newsletter of each language."""
PHONE = {"viewport": {"width": 375, "height": 700}, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}


@dataclass(frozen=True)
class Deployment:
    """A running daemon, whose mails go into a folder."""

    folder: Path
    base: str

    def mails_to(self, address: str, *, number: int) -> list[email.message.EmailMessage]:
        """The first so many messages that this reader got, once they are there."""
        for _ in range(600):
            found = [one for one in self._mails() if one["To"] and address in str(one["To"])]
            if len(found) >= number:
                return found
            time.sleep(0.05)
        pytest.fail(f"only {len(found)} of {number} mails came to {address}")

    def _mails(self) -> list[email.message.EmailMessage]:
        files = sorted((self.folder / "mailbox" / "new").glob("*"), key=lambda file: file.stat().st_mtime_ns)
        return [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]  # type: ignore[misc]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Two newsletters, one of them from right to left, with cadences and topics; and `digest serve`."""
    folder = tmp_path_factory.mktemp("reader")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    env = {"DIGEST_WEB__LISTEN": f"127.0.0.1:{port}", "DIGEST_WEB__BASE_URL": f"http://127.0.0.1:{port}"}
    for words in (
        ["init", "."],
        *(line for language, slug in HANDS_ON.items() for line in (
            ["newsletter", "add", slug, "--name", {"en": "The Weekly", "fa": "هفته‌نامهٔ آسیاب"}[language], "--sender",
             "news@mill.example", "--language", language, "--cadence", "often=weekly on mon at 07:00", "--cadence",
             "seldom=monthly on day 1 at 07:00", "--reader-zones"],
            ["topic", "add", "garden", "--name", {"en": "Garden", "fa": "باغ"}[language], "--newsletter", slug],
            ["topic", "add", "mills", "--name", {"en": "Mills", "fa": "آسیاب‌ها"}[language], "--newsletter", slug],
        )),
    ):  # fmt: skip
        done = run_digest(*words, cwd=folder, env=env)
        assert done.returncode == 0, (words, done.stderr)
    with start_digest("serve", cwd=folder, env=env) as daemon:
        try:
            _wait_until_ready(f"http://127.0.0.1:{port}/healthz")
            yield Deployment(folder, f"http://127.0.0.1:{port}")
        finally:
            daemon.terminate()
            _, told = daemon.communicate(timeout=60)
    assert daemon.returncode == 0, told
    assert "@example.org" not in told, "no address reaches the log"


def _wait_until_ready(url: str) -> None:
    for _ in range(600):
        try:
            with urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail("the daemon serves no pages")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("language", HANDS_ON)
def test_a_reader_joins_chooses_pauses_leaves_comes_back_and_is_forgotten(
    deployment: Deployment, browser: Browser, seen: set[str], language: str, *, scripts: bool
) -> None:
    address = f"{language}-{'on' if scripts else 'off'}@example.org"
    screen = {"viewport": {"width": 1200, "height": 900}} if scripts else PHONE
    context = browser.new_context(java_script_enabled=scripts, timezone_id="Asia/Tehran", locale=language, **screen)
    page, faults = context.new_page(), []
    show = _Shown(page, seen, faults, looks=scripts)

    page.goto(f"{deployment.base}/subscribe/{HANDS_ON[language]}")
    show("join")
    assert (page.locator("#zone").input_value() == "Asia/Tehran") is scripts
    page.fill("#address", address)
    page.locator("input[name=topic][value=garden]").check()
    page.wait_for_timeout(2100)  # nobody fills in a form sooner
    _press(page)
    show("sent")

    (confirm,) = deployment.mails_to(address, number=1)
    page.goto(_link(confirm, "confirm"))
    show("confirm")
    _press(page)
    show("welcome")

    welcome = deployment.mails_to(address, number=2)[1]
    preferences, unsubscribe = _link(welcome, "preferences"), _link(welcome, "unsubscribe")
    page.goto(preferences)
    show("preferences")
    assert page.locator("input[name=topic][value=garden]").is_checked()
    page.locator("input[name=topic][value=mills]").check()
    page.locator("input[name=topic][value=garden]").uncheck()
    _press(page, "form:has(input[name=topic]) button")
    assert page.locator("[role=status]").count() == 1
    assert page.locator("input[name=topic][value=mills]").is_checked()
    assert not page.locator("input[name=topic][value=garden]").is_checked()

    _press(page, "form:has(input[name=until]) button")
    show("paused")
    assert page.locator("input[name=do][value=resume]").count() == 1

    page.goto(unsubscribe)
    show("leave")
    _press(page)
    show("left")
    _press(page, "form[action$='/undo'] button")
    show("back")

    page.goto(f"{preferences}/erase")
    show("erase")
    _press(page, "button.danger")
    show("erased")
    page.goto(preferences)
    show("nobody")
    context.close()
    assert faults == []
    told = run_digest("subscriber", "show", address, cwd=deployment.folder).stdout
    assert re.fullmatch(r"suppressed  erased, [\d-]+\n", told), "nothing else is left"


@dataclass(frozen=True)
class _Shown:
    """Looks at the page that is open: axe by WCAG 2.2 AA, every width, light and dark."""

    page: Page
    seen: set[str]
    faults: list[str]
    looks: bool  # without scripts the pages are the same ones

    def __call__(self, name: str) -> None:
        assert self.page.locator("h1").count() == 1, name
        if not self.looks:
            return
        found = [*violations(self.page, but=OF_COLOURS), *faults_of_layout(self.page)]
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            found += faults_of_colours(self.page, self.seen)
        self.faults.extend(f"{name}: {each}" for each in found)


def _press(page: Page, which: str = "main button") -> None:
    """The first such button, and the page that comes of it."""
    with page.expect_navigation():
        page.locator(which).first.click()


def _link(mail: email.message.EmailMessage, where: str) -> str:
    """The address of this page in the text of a mail."""
    body = mail.get_body(("plain",))
    assert body
    found = re.search(rf"http://127\.0\.0\.1:\d+/{where}/[\w.-]+", body.get_content())
    assert found, body.get_content()
    return found[0]

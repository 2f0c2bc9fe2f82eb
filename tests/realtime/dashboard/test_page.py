"""The page in a real browser, before a phantom that performs without end."""

import shutil
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from realtime.config import Config, DashboardConfig
from realtime.dashboard.door import Dashboard
from tests.realtime.served import Served, recordings

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if CHROMIUM is None:
    pytest.skip("no Chromium on this machine", allow_module_level=True)

WAIT_MS = 60_000
CANVAS = "#live .stage canvas"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    quiet = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    quiet += "--disable-component-update --disable-sync"
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=quiet.split())
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served("phantom", tmp_path_factory.mktemp("sessions"), DashboardConfig()) as served:
        yield served
    assert served.error is None


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A fresh page; whatever its console complains of fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, accept_downloads=True)
    opened = context.new_page()
    opened.set_default_timeout(WAIT_MS)
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert [c for c in complaints if "ERR_CONNECTION_REFUSED" not in c] == []


def enter(page: Any, url: str, button: str = ".primary") -> None:
    """Open the page and answer its notice."""
    page.goto(url)
    page.click(f"dialog.consent {button}")


def shown(page: Any) -> int:
    """The frame that is shown; -1 for none. (The page's policy forbids `wait_for_function`.)"""
    return int(page.evaluate(f"document.querySelector('{CANVAS}').dataset.seq ?? -1"))


def wait(what: Any) -> None:
    """Until it is so."""
    limit_s = time.monotonic() + WAIT_MS / 1000
    while not what():
        assert time.monotonic() < limit_s, "it never was"


def step(page: Any) -> bool:
    page.wait_for_timeout(20)  # the browser's own clock: lets it work
    return True


def test_events_come_with_their_words_and_flow_beside_the_picture(page: Any, served: Served) -> None:
    enter(page, served.page.url)
    wait(lambda: step(page) and shown(page) >= 0)
    card = page.locator("#live li.card[data-phase=closed]").first
    card.wait_for()
    assert "expression" in card.locator(".kind").inner_text()
    card.locator(".unit").first.wait_for()
    assert card.locator(".unit b").first.inner_text().startswith(("AU", "L", "R"))
    wait(lambda: step(page) and len(card.locator(".card-words").inner_text()) > 20)
    assert card.locator("img").get_attribute("src").startswith("data:image/png")
    assert page.locator("#words").inner_text() != ""  # what a screen reader is told
    before = shown(page)
    wait(lambda: step(page) and shown(page) > before)  # and the picture runs on


def test_pause_scrub_and_back_to_live(page: Any, served: Served) -> None:
    enter(page, served.page.url)
    card = page.locator("#live li.card[data-phase=closed]").first
    wait(lambda: step(page) and shown(page) >= 0)
    card.wait_for()
    page.wait_for_timeout(300)
    page.keyboard.press(" ")
    page.wait_for_timeout(300)
    paused = shown(page)
    assert page.locator("#live .pill").inner_text() == "PAUSED"
    # A step is a thirtieth of a second; on a busy machine pictures come less often, and one may still be on its way.
    wait(lambda: page.keyboard.press("ArrowLeft") or (step(page) and shown(page) < paused))
    slider = page.locator("#live").get_by_label("Scrub")
    slider.focus()
    slider.press("Home")
    wait(lambda: (step(page) and shown(page) < paused - 1) or shown(page) == -1)
    page.keyboard.press("Escape")
    page.locator("#live .go-live").click()
    wait(lambda: step(page) and shown(page) > paused)
    assert page.locator("#live .pill").inner_text() == "LIVE"


def test_record_annotate_scrub_export(page: Any, served: Served, tmp_path: Path) -> None:
    enter(page, served.page.url)
    wait(lambda: step(page) and shown(page) >= 0)
    page.keyboard.press("r")
    page.get_by_text("Stop recording").wait_for()
    known = page.locator("#live li.card[data-phase=closed]").count()
    page.keyboard.press("a")
    page.get_by_role("textbox", name="Note").fill("the <second> question")
    page.keyboard.press("Enter")
    page.locator("dialog").wait_for(state="detached")
    wait(lambda: step(page) and page.locator("#live li.card[data-phase=closed]").count() > known)
    page.wait_for_timeout(1500)  # its words
    page.keyboard.press("r")
    page.locator("#live .record summary").wait_for()
    page.click("nav >> text=Recordings")
    page.locator(".session-item").first.click()
    page.locator("#recordings li.card").first.wait_for()
    page.locator("#recordings li.card time").first.click()
    page.locator("#recordings li.card[data-chosen]").wait_for()
    files = {}
    for kind in ("csv", "html", "vtt"):
        page.locator("#recordings summary", has_text="Export").click()
        with page.expect_download() as download:
            page.locator(f"#recordings a[data-kind={kind}]").click()
        files[kind] = tmp_path / kind
        download.value.save_as(files[kind])
    assert "events.csv" in zipfile.ZipFile(files["csv"]).namelist()
    assert "the &lt;second&gt; question" in files["html"].read_text()
    assert files["vtt"].read_text().startswith("WEBVTT")


def test_two_watch_at_once_and_one_of_them_without_the_picture(browser: Any, page: Any, served: Served) -> None:
    enter(page, served.page.url)
    wait(lambda: step(page) and shown(page) >= 0)
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    other = context.new_page()
    enter(other, served.page.url, "[value=words]")
    other.locator("#live li.card").first.wait_for(timeout=WAIT_MS)
    assert shown(other) == -1
    assert other.locator("#live [data-layer=picture]").get_attribute("aria-pressed") == "false"
    assert other.evaluate("document.documentElement.scrollWidth <= innerWidth")  # a phone need not scroll sideways
    assert other.evaluate("document.documentElement.dataset.theme") == "dark"
    context.close()
    before = shown(page)
    wait(lambda: step(page) and shown(page) > before)


def test_the_session_so_far_can_be_downloaded(page: Any, served: Served) -> None:
    enter(page, served.page.url)
    page.locator("#live li.card[data-phase=closed]").first.wait_for()
    page.wait_for_timeout(1000)
    page.locator("#live summary", has_text="Export").click()
    with page.expect_download() as download:
        page.locator("#live .menu-list a").first.click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0].startswith("video,face_id,kind,onset_s")


def test_everything_has_a_name_and_a_key(page: Any, served: Served) -> None:
    enter(page, served.page.url)
    nameless = page.evaluate(
        "[...document.querySelectorAll('button, a, input, summary, canvas')]"
        ".filter(e => !(e.innerText || e.textContent || e.ariaLabel || e.title || e.placeholder || e.type === 'file'))"
        ".map(e => e.outerHTML)"
    )
    assert nameless == []
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keyboard").wait_for()
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")
    theme = page.evaluate("document.documentElement.dataset.theme")
    page.keyboard.press("t")
    assert page.evaluate("document.documentElement.dataset.theme") != theme
    page.keyboard.press("3")
    page.get_by_role("heading", name="Analyze videos").wait_for()


def test_no_picture_is_shown_or_said_to_be_before_the_notice_is_answered(page: Any, served: Served) -> None:
    page.goto(served.page.url)
    page.locator("dialog.consent .primary").wait_for()
    page.locator("#live li.card").first.wait_for()  # numbers and words come
    assert shown(page) == -1
    assert page.locator("#live [data-layer=picture]").get_attribute("aria-pressed") == "false"
    page.click("dialog.consent .primary")
    wait(lambda: step(page) and shown(page) >= 0)
    assert page.locator("#live [data-layer=picture]").get_attribute("aria-pressed") == "true"


def test_a_key_pressed_while_the_notice_closes_is_heard(page: Any, served: Served) -> None:
    page.goto(served.page.url)
    page.locator("dialog.consent .primary").wait_for()
    # In one task of the browser's: its "close" event, which takes the notice away, comes only after the key.
    page.evaluate(
        "document.querySelector('dialog.consent .primary').click();"
        "document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '?', bubbles: true }))"
    )
    page.get_by_role("heading", name="Keyboard").wait_for()


def test_a_server_that_goes_is_said_and_what_was_seen_stays(page: Any, tmp_path: Path) -> None:
    with recordings(tmp_path) as served:
        page.goto(served.url)
        page.get_by_text("connected", exact=True).wait_for()
    page.get_by_text("not connected", exact=True).wait_for()
    assert "Trying again" in page.locator("#banner").inner_text()


def test_a_page_whose_key_is_that_of_another_session_is_told_so(browser: Any, tmp_path: Path) -> None:
    page = browser.new_page()
    page.set_default_timeout(WAIT_MS)
    with recordings(tmp_path) as served:
        page.goto(served.url)
        page.get_by_text("connected", exact=True).wait_for()
    with Dashboard(Config(dashboard=DashboardConfig(port=served.port)), tmp_path):
        page.get_by_text("refused", exact=True).wait_for()
        assert "Open the address that mellm printed" in page.locator("#banner").inner_text()
    page.context.close()

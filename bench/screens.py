"""`python -m bench screens`: the README's pictures of the page and of a report, taken in a headless browser."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
from cyclopts import Parameter
from rich.console import Console

from bench.complaint import BAD_INPUT, complain

SECONDS = 13.0
APEX_S = 7.5
"""In the phantom's first performance a smile is held at this time."""

MOST_BYTES = 190_000
"""Of a picture."""

_FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking " \
         "--disable-component-update --disable-sync"  # fmt: skip
_WAIT_MS = 120_000
_CANVAS = "document.querySelector('#live .stage canvas').dataset.seq ?? -1"


def screens(
    *, out: Annotated[Path, Parameter(help="Folder for the pictures.")] = Path("bench/results"), fps: float = 30.0
) -> int:
    """Take page-live.jpg (dark), page-phone.jpg, page-recordings.jpg and report.jpg (light) of the built-in phantom.

    Needs Chromium, playwright, and a machine that has nothing else to do: its health strip is in the picture.
    """
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        complain("error", "this needs Chromium and playwright: pip install playwright, and Chromium from your system")
        return BAD_INPUT
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        sessions = str(Path(folder) / "sessions")  # the name is in a picture
        browser = started.chromium.launch(executable_path=chromium, args=_FLAGS.split())
        for name, phone in (("live", False), ("phone", True)):
            with _Mellm("live", "phantom", "--seconds", str(SECONDS), "--fps", str(fps), "--record", sessions) as url:
                page = _open(browser, url, phone)
                page.click("dialog .primary")
                while int(page.evaluate(_CANVAS)) < APEX_S * fps:
                    page.wait_for_timeout(15)
                _save(page, out / f"page-{name}.jpg")
                page.locator("#banner", has_text="ended").wait_for()
                page.context.close()
        with _Mellm("replay", sessions) as url:
            page = _open(browser, url, False, "light")
            page.locator(".session-item").first.click()
            page.locator("#recordings li.card").first.wait_for()
            for _ in range(4):
                page.keyboard.press("]")
                page.wait_for_timeout(500)
            _save(page, out / "page-recordings.jpg")
        page = _open(browser, _report(Path(sessions), Path(folder)), False, "light")
        page.set_viewport_size({"width": 1120, "height": 1390})
        _save(page, out / "report.jpg")
        browser.close()
    return 0


class _Mellm:
    """The command with a page; gives the page's address."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "realtime.cli", *arguments, "--dashboard", "--port", "0", "--no-open"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> str:
        for line in self._process.stdout or ():
            if found := re.search(r"page is at (\S+)", line):
                return found[1]
        raise RuntimeError("the page did not start")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()


def _open(browser: Any, url: str, phone: bool, scheme: str = "") -> Any:
    size = {"width": 390, "height": 844} if phone else {"width": 1280, "height": 720}
    context = browser.new_context(viewport=size, color_scheme=scheme or ("light" if phone else "dark"))
    page = context.new_page()
    page.set_default_timeout(_WAIT_MS)
    page.goto(url)
    return page


def _report(sessions: Path, folder: Path) -> str:
    """The address of an exported report on the first session."""
    from realtime.exports.formats import export
    from realtime.recordings.sessions import list_sessions, open_recording

    first = min(list_sessions(sessions), key=lambda info: info.path)
    (written,) = export(open_recording(first.path), ["html"], folder)
    return written.as_uri()


def _save(page: Any, path: Path) -> None:
    """A picture of the page, as good as `MOST_BYTES` allow."""
    image = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    for quality in (92, 88, 84, 80, 75, 70):
        data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        if data.nbytes <= MOST_BYTES:
            break
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.tobytes())
    Console(highlight=False).print(f"{path} ({data.nbytes / 1e3:.0f} kB)")

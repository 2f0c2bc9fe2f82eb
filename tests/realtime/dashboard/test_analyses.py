"""The queue of videos: paused, resumed, cancelled, and what is left behind."""

import json
import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import cv2
import numpy as np
import pytest

from realtime.dashboard.door import Dashboard
from tests.conftest import Image, write_video
from tests.realtime.browser import browser_page
from tests.realtime.served import recordings

WAIT_S = 120.0


@pytest.fixture(scope="module")
def long_clip(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smile, 14 times over: 35 s."""
    frames: list[Image] = []
    capture = cv2.VideoCapture(str(clip))
    while (read := capture.read())[0]:
        frames.append(np.asarray(read[1], dtype=np.uint8))
    capture.release()
    return write_video(tmp_path_factory.mktemp("long") / "long take.mp4", frames * 14)


def wait(what: Callable[[], Any], pause: Callable[[], Any]) -> None:
    """Until it is so."""
    limit_s = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < limit_s, "it never was"
        pause()


def ask(page: Dashboard, path: str, body: bytes = b"", method: str = "POST") -> Any:
    """An order to the page's server; what it answers."""
    url = page.url.replace("/?", f"{path}{'&' if '?' in path else '?'}")
    with urlopen(Request(url, body, method=method), timeout=WAIT_S) as answer:
        return json.load(answer)


def test_a_queue_is_paused_reloaded_resumed_and_cancelled(tmp_path: Path, clip: Path, long_clip: Path) -> None:
    (notes := tmp_path / "notes.txt").write_text("hello")
    sessions = tmp_path / "sessions"
    with recordings(sessions) as served, browser_page(viewport={"width": 1280, "height": 720}) as page:
        page.set_default_timeout(1000 * WAIT_S)

        def row(name: str) -> Any:
            return page.locator(".job", has_text=name)

        def press(name: str, button: str) -> None:
            row(name).get_by_role("button", name=button).click()

        def reached() -> str:
            return str(row("long take").locator(".job-state").inner_text())

        def step() -> None:
            page.wait_for_timeout(50)  # the browser's own clock: lets it work

        page.goto(served.url + "#analyze")
        page.set_input_files("#analyze input", [str(long_clip), str(notes), str(clip)])
        wait(lambda: "of 0:35" in reached() and "0:00" not in reached(), step)
        row(clip.name).wait_for()
        assert page.locator(".job").all_inner_texts()[0].startswith("long take.mp4")  # what runs is above
        press("long take", "Pause")
        page.locator(".job[data-state=paused]").wait_for()
        page.reload()
        page.locator(".job[data-state=paused]").wait_for()
        assert page.locator(".job").count() == 3
        stood = reached()  # what it had told before it stood still has come by now
        assert "0:00" not in stood
        page.wait_for_timeout(500)
        assert reached() == stood
        press("long take", "Resume")
        wait(lambda: reached().replace("running", "paused") > stood, step)
        press("long take", "Cancel")
        page.locator(".job[data-state=cancelled]").wait_for()
        page.locator(".job[data-state=failed]").wait_for()
        assert "not a video that can be decoded" in row("notes.txt").inner_text()
        page.locator(".job[data-state=done]").wait_for()
        assert "1 micro, 0 macro in 2.5 s" in row(clip.name).inner_text()
        assert len(list(sessions.iterdir())) == 1  # of what was cancelled and what failed nothing is left
        press("long take", "Remove")
        row("long take").wait_for(state="detached")
        row(clip.name).get_by_role("link", name="Open the result").click()
        page.locator("#recordings li.card").wait_for()
        assert clip.name in page.locator(".session-item[aria-current]").inner_text()


def test_a_video_is_analysed_and_its_result_opened(tmp_path: Path, clip: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video at all")
    with recordings(tmp_path / "sessions") as served, browser_page(viewport={"width": 1280, "height": 720}) as page:
        page.set_default_timeout(1000 * WAIT_S)
        page.goto(served.url + "#recordings")
        page.get_by_text("No recordings in").wait_for()
        page.click("nav >> text=Analyze")
        page.set_input_files("#analyze input", [str(broken), str(clip)])
        page.locator(".job[data-state=failed]").wait_for()
        assert "broken.mp4" in page.locator(".job[data-state=failed]").inner_text()
        page.locator(".job[data-state=done] a").click()
        page.locator("#recordings li.card").wait_for()
        assert "AU12" in page.locator("#recordings li.card").inner_text()
        assert page.locator("#recordings .session-item b").count() == 1
    assert not list((tmp_path / "sessions").glob("*/video*"))


def test_cancelled_in_the_middle_it_leaves_nothing(tmp_path: Path, long_clip: Path) -> None:
    sessions = tmp_path / "sessions"
    with recordings(sessions) as served:
        for number, paused in enumerate((False, True), 1):
            ask(served, "/analyses?name=a.mp4", long_clip.read_bytes(), "PUT")
            wait(lambda: list(sessions.glob("*/session.mcap")), lambda: time.sleep(0.02))
            if paused:
                ask(served, f"/analyses/{number}/pause")
            ask(served, f"/analyses/{number}/cancel")
            wait(lambda: not list(sessions.iterdir()), lambda: time.sleep(0.02))
            said = ask(served, f"/analyses/{number}/pause")
            assert (said["state"], said["t"] < 30) == ("cancelled", True)


@pytest.mark.parametrize("number", ["1", "-1", "one", "9" * 5000])
def test_an_analysis_that_is_not_there_cannot_be_cancelled(tmp_path: Path, number: str) -> None:
    with recordings(tmp_path / "sessions") as served, pytest.raises(HTTPError, match="404"):
        ask(served, f"/analyses/{number}/cancel")


def test_cancelled_before_its_turn_it_is_never_begun(tmp_path: Path, long_clip: Path) -> None:
    with recordings(tmp_path / "sessions") as served:
        first, second = (ask(served, f"/analyses?name={n}.mp4", long_clip.read_bytes(), "PUT") for n in "ab")
        assert ask(served, f"/analyses/{second['id']}/cancel")["state"] == "cancelled"
        assert ask(served, f"/analyses/{first['id']}/cancel")["state"] == "cancelled"
        assert ask(served, f"/analyses/{second['id']}/pause")["state"] == "cancelled"
    assert not list(tmp_path.glob("sessions/*"))


def test_a_video_may_have_any_name(tmp_path: Path, clip: Path) -> None:
    with recordings(tmp_path / "sessions") as served:
        for number, name in enumerate(("..%2fa.mp4", "a.%00mp4", "a.b%20c"), 1):
            assert ask(served, f"/analyses?name={name}", clip.read_bytes(), "PUT")["id"] == number
            assert ask(served, f"/analyses/{number}/cancel")["state"] == "cancelled"


def test_a_video_without_a_face_shows_how_far_it_is_and_can_be_cancelled(tmp_path: Path, clip: Path) -> None:
    grey = write_video(tmp_path / "grey.mp4", [np.full((240, 320, 3), 90, np.uint8)] * 3000)
    with recordings(tmp_path / "sessions") as served:
        ask(served, "/analyses?name=a.mp4", grey.read_bytes(), "PUT")
        ask(served, "/analyses?name=b.mp4", clip.read_bytes(), "PUT")
        wait(lambda: ask(served, "/analyses/1/resume")["t"] > 1, lambda: time.sleep(0.02))
        assert ask(served, "/analyses/1/cancel")["t"] < 90
        wait(lambda: ask(served, "/analyses/2/resume")["state"] == "done", lambda: time.sleep(0.1))


def test_a_page_that_is_killed_leaves_no_analysis_behind(tmp_path: Path, long_clip: Path) -> None:
    sessions = tmp_path / "sessions"
    with recordings(sessions) as served:
        ask(served, "/analyses?name=a.mp4", long_clip.read_bytes(), "PUT")
        wait(lambda: list(sessions.glob("*/session.mcap")), lambda: time.sleep(0.02))
        ask(served, "/analyses/1/pause")
        os.kill(served.pid, signal.SIGKILL)
        killed = served.pid
        wait(lambda: not list(sessions.iterdir()), lambda: time.sleep(0.02))
    with recordings(sessions) as served:  # the next one removes the videos that were taken in
        ask(served, "/analyses?name=a.mp4", long_clip.read_bytes(), "PUT")
        assert not list(Path(tempfile.gettempdir()).glob(f"mellm-uploads-{killed}-*"))

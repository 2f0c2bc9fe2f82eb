"""The place where videos are dropped, in a real browser, before a session that is acted."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.realtime.acted import Acted

DROP = """() => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File(["frames"], "clip.mp4"));
  const there = document.querySelector(".bar");
  return ["dragover", "drop"].map((what) =>
    there.dispatchEvent(new DragEvent(what, { dataTransfer, bubbles: true, cancelable: true })));
}"""


def job(number: int, state: str, title: str, **more: Any) -> dict[str, Any]:
    """An analysis as the server tells it."""
    return {"id": number, "title": title, "state": state, "t": 0.0, "length": 0.0, "share": None, "result": "",
            "found": "", "remarks": [], "error": "", **more}  # fmt: skip


def test_a_video_that_is_dropped_beside_the_field_is_analysed_and_not_opened_in_place_of_the_page(
    page: Any, acted: Acted
) -> None:
    sent: list[str] = []

    def take(route: Any) -> None:
        sent.extend(parse_qs(urlsplit(route.request.url).query)["name"])
        route.fulfill(status=201, json={})

    acted.answers["/analyses"] = take
    acted.open()
    assert page.evaluate(DROP) == [False, False]  # neither is left to the browser
    page.get_by_role("heading", name="Analyze videos").wait_for()
    acted.until(lambda: sent == ["clip.mp4"])


def test_a_folder_or_a_file_that_has_gone_is_told_and_the_others_are_sent(
    page: Any, acted: Acted, tmp_path: Path
) -> None:
    held: list[Any] = []
    acted.answers["/analyses"] = held.append
    acted.open()
    folder, *videos = (tmp_path / name for name in ("EP01", "a.mp4", "gone.mp4", "b.mp4"))
    folder.mkdir()
    for video in videos:
        video.write_bytes(b"frames")
    browser = page.context.new_cdp_session(page)
    dropped = {"items": [], "files": [str(path) for path in (folder, *videos)], "dragOperationsMask": 1}
    for what in ("dragEnter", "dragOver", "drop"):
        browser.send("Input.dispatchDragEvent", {"type": what, "x": 300, "y": 300, "data": dropped})
    acted.until(lambda: held)
    videos[1].unlink()
    held.pop().fulfill(status=201, json={})
    acted.until(lambda: held)
    assert "name=b.mp4" in held[0].request.url
    for name in ("EP01", "gone.mp4"):
        page.locator(".toast", has_text=f"{name}: cannot be read; a folder of frames goes to mellm analyze").wait_for()


def test_a_connection_that_has_gone_is_told_of_a_file_that_has_not(page: Any, acted: Acted) -> None:
    acted.answers["/analyses"] = lambda route: route.abort()
    acted.open()
    page.evaluate(DROP)
    page.locator(".toast", has_text="clip.mp4: not connected").wait_for()


def test_every_analysis_has_its_buttons_below_the_others_and_moves_while_it_begins(page: Any, acted: Acted) -> None:
    acted.open("#analyze")
    names = {"running": "first.mp4", "failed": "a name that is long " * 9}
    acted.say({"type": "analyses", "jobs": [job(k, *named) for k, named in enumerate(names.items())]})
    rows = page.locator("#analyze .job")
    acted.until(lambda: rows.count() == 2)
    last = [row.locator("button:visible").last.bounding_box() for row in rows.all()]
    assert last[0]["x"] + last[0]["width"] == pytest.approx(last[1]["x"] + last[1]["width"], abs=1)
    assert rows.first.locator("progress").evaluate("bar => getComputedStyle(bar).animationName") == "sweep"
    assert rows.last.locator(".job-title").get_attribute("title") == names["failed"]


def test_what_is_to_be_known_of_an_analysis_stands_beside_what_it_found(page: Any, acted: Acted) -> None:
    acted.open("#analyze")
    remarks = ["the face is small", "<it> ends after 2.0 s"]
    done = job(1, "done", "a.mp4", result="one", found="1 micro, 0 macro in 2.5 s", remarks=remarks)
    acted.say({"type": "analyses", "jobs": [done, job(2, "running", "b.mp4")]})
    rows = page.locator("#analyze .job")
    acted.until(lambda: rows.count() == 2)
    assert rows.last.locator(".job-state").inner_text() == "done · 1 micro, 0 macro in 2.5 s"
    assert rows.last.locator(".job-remarks li").all_inner_texts() == remarks
    assert rows.first.locator(".job-remarks").is_hidden()

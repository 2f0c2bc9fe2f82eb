"""The place where videos are dropped, in a real browser, before a session that is acted."""

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


def test_every_analysis_has_its_buttons_below_the_others_and_moves_while_it_begins(page: Any, acted: Acted) -> None:
    acted.open("#analyze")
    names = {"running": "first.mp4", "failed": "a name that is long " * 9}
    jobs = [{"id": k, "title": title, "state": state, "t": 0.0, "length": 0.0, "share": None, "result": "", "found": "",
             "error": ""} for k, (state, title) in enumerate(names.items())]  # fmt: skip
    acted.say({"type": "analyses", "jobs": jobs})
    rows = page.locator("#analyze .job")
    acted.until(lambda: rows.count() == 2)
    last = [row.locator("button:visible").last.bounding_box() for row in rows.all()]
    assert last[0]["x"] + last[0]["width"] == pytest.approx(last[1]["x"] + last[1]["width"], abs=1)
    assert rows.first.locator("progress").evaluate("bar => getComputedStyle(bar).animationName") == "sweep"
    assert rows.last.locator(".job-title").get_attribute("title") == names["failed"]

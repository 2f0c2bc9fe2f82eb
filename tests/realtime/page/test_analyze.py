"""The place where videos are dropped, in a real browser, before a session that is acted."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

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

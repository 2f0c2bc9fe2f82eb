"""The place of the recordings in a real browser, before a server that is acted."""

import json
from contextlib import suppress
from typing import Any

import pytest

from realtime.config import Config
from realtime.dashboard import wire
from tests.realtime.acted import Acted, event, point

playwright = pytest.importorskip("playwright.sync_api")
DAYS = {"slow": "2026-01-01T10:00:00", "quick": "2026-02-02T10:00:00"}


def info(name: str, complete: bool = True) -> dict[str, Any]:
    return {"name": name, "started": DAYS[name], "source": "0", "title": "webcam", "duration": 10.0, "frames": 300,
            "fps": 30.0, "faces": 1, "micro": 1, "macro": 0, "speech": 0, "drops": 0, "engine": "", "video": False,
            "bytes": 1e6, "complete": complete}  # fmt: skip


def holds(acted: Acted, name: str, *script: dict[str, Any], complete: bool = True) -> None:
    """Let the server have a recording."""
    hello = wire.hello(Config(), None, name, False)
    found = {"info": info(name, complete), "hello": hello}
    acted.answers[f"/recordings/{name}"] = lambda route: route.fulfill(json=found)
    lines = "".join(f"{json.dumps(message)}\n" for message in script)
    acted.answers[f"/recordings/{name}/script"] = lambda route: route.fulfill(body=lines)


@pytest.fixture
def opened(page: Any, acted: Acted) -> Acted:
    """The place with two recordings, of which none is open."""
    listed = {"sessions": [info(name) for name in DAYS], "unreadable": [], "folder": "/sessions", "formats": []}
    acted.answers["/recordings"] = lambda route: route.fulfill(json=listed)
    holds(acted, "slow", point(3, 0), event(1, 1.0, 1.4))
    holds(acted, "quick", point(3, 0), event(1, 1.0, 1.4), event(2, 2.0, 2.4))
    acted.open("#recordings")
    page.locator(".session-item").first.wait_for()
    return acted


def choose(page: Any, name: str) -> None:
    page.locator(f".session-item[href='#recordings/{name}']").click()


def go(page: Any, place: str) -> None:
    page.evaluate("place => { location.hash = place; }", place)


def cards(page: Any) -> int:
    return int(page.locator("#recordings li.card").count())


def test_the_recording_that_was_chosen_last_is_shown(page: Any, opened: Acted) -> None:
    held: list[Any] = []
    answer = opened.answers["/recordings/slow"]
    opened.answers["/recordings/slow"] = held.append
    choose(page, "slow")
    opened.until(lambda: held)
    choose(page, "quick")
    opened.until(lambda: cards(page) == 2)
    answer(held[0])
    for _ in range(10):
        opened.until(lambda: True)  # time for it to come
    assert cards(page) == 2
    assert page.locator(".session-item[aria-current]").get_attribute("href") == "#recordings/quick"


def test_one_that_is_still_being_recorded_is_read_again(page: Any, opened: Acted) -> None:
    holds(opened, "slow", point(3, 0), event(1, 1.0, 1.4), complete=False)
    choose(page, "slow")
    opened.until(lambda: cards(page) == 1)
    holds(opened, "slow", point(3, 0), event(1, 1.0, 1.4), event(2, 2.0, 2.4))
    choose(page, "slow")
    opened.until(lambda: cards(page) == 2)


def test_one_that_could_not_be_read_can_be_tried_again(page: Any, opened: Acted) -> None:
    opened.answers["/recordings/slow/script"] = lambda route: route.fulfill(status=500, body="the disk is away")
    choose(page, "slow")
    page.get_by_text("This recording could not be read.").wait_for()
    page.locator(".toast", has_text="the disk is away").wait_for()
    holds(opened, "slow", point(3, 0), event(1, 1.0, 1.4))
    choose(page, "slow")
    opened.until(lambda: cards(page) == 1)


def test_what_has_come_of_a_long_one_is_shown_while_the_rest_is_on_its_way(page: Any, opened: Acted) -> None:
    lines = "".join(f"{json.dumps(message)}\n" for message in (point(3, 0), event(1, 1.0, 1.4), event(2, 2.0, 2.4)))
    page.evaluate("""() => {
      const { fetch } = window;
      const body = new ReadableStream({ start: (line) => Object.assign(window, { line }) });
      const answer = new Response(body);
      window.fetch = async (address, ...rest) => (address.includes("/script") ? answer : fetch(address, ...rest));
      window.send = (words) => line.enqueue(new TextEncoder().encode(words));
    }""")
    choose(page, "slow")
    page.evaluate("words => send(words)", lines[:-20])  # in the middle of a line
    opened.until(lambda: cards(page) == 1)
    page.evaluate("words => send(words)", lines[-20:])
    opened.until(lambda: cards(page) == 2)
    page.locator("#recordings").get_by_label("Scrub").press("End")
    message = page.locator("#recordings .stage-message")
    opened.until(lambda: message.inner_text() == "Reading…")
    page.evaluate("line.close()")
    opened.until(lambda: "No face" in message.inner_text())


def test_an_open_menu_is_not_taken_away_by_the_list_that_comes(page: Any, opened: Acted) -> None:
    def lists(folder: str) -> dict[str, Any]:
        formats = [{"kind": "csv", "what": "tables"}]
        return {"sessions": [info("slow")], "unreadable": [], "folder": folder, "formats": formats}

    opened.answers["/recordings"] = lambda route: route.fulfill(json=lists("/first"))
    go(page, "analyze")
    go(page, "recordings")
    page.get_by_text("in the folder first").wait_for()
    choose(page, "slow")
    opened.until(lambda: cards(page) == 1)
    held: list[Any] = []
    opened.answers["/recordings"] = held.append
    go(page, "recordings")
    opened.until(lambda: held)
    page.locator("#recordings summary", has_text="Export").click()
    held[0].fulfill(json=lists("/second"))
    page.get_by_text("in the folder second").wait_for()
    assert page.locator("#recordings a[data-kind=csv]").is_visible()


def test_the_list_is_asked_for_where_it_is_wanted_and_not_whenever_one_is_chosen_in_it(
    page: Any, opened: Acted
) -> None:
    held: list[Any] = []
    opened.answers["/recordings"] = held.append
    holds(opened, "slow", point(3, 0), event(1, 1.0, 1.4), complete=False)
    for name in ("slow", "quick", "slow"):
        choose(page, name)
        page.locator(f".session-item[href='#recordings/{name}'][aria-current]").wait_for()
    assert held == []
    assert "unfinished" in page.locator(".session-item[aria-current]").inner_text()  # as was seen when it was opened
    go(page, "analyze")
    go(page, "recordings/quick")
    opened.until(lambda: len(held) == 1)
    go(page, "recordings")
    opened.until(lambda: len(held) == 2)
    late = {"sessions": [], "unreadable": [], "folder": "/sessions", "formats": []}
    held[1].fulfill(json={**late, "sessions": [info("quick")]})
    opened.until(lambda: page.locator(".session-item").count() == 1)
    with suppress(playwright.Error):  # nobody waits for it any more
        held[0].fulfill(json=late)
    for _ in range(10):
        opened.until(lambda: True)  # time for it to come
    assert page.locator(".session-item").count() == 1


def test_a_list_that_could_not_be_had_is_asked_for_again(page: Any, opened: Acted) -> None:
    listed = opened.answers["/recordings"]
    opened.answers["/recordings"] = lambda route: route.abort()
    go(page, "recordings/slow")
    go(page, "recordings")
    page.get_by_text("Not connected: the list cannot be read.").wait_for()
    opened.answers["/recordings"] = listed
    choose(page, "quick")
    page.get_by_text("in the folder sessions").wait_for()


def test_several_faces_over_a_video_have_their_names(page: Any, opened: Acted) -> None:
    drawn = page.evaluate("""async () => {
      const { Screen } = await import("/page/screen.js");
      const screen = new Screen(false, {});
      const drawn = [];
      const faces = [3, 4].map((id) => ({ id, mesh: new Int16Array(1000) }));
      const picture = document.createElement("canvas");
      picture.width = picture.height = 9;
      screen.stage.clip = {
        picture, t: 0, looking: 0, problem: "", video: { videoWidth: 9, videoHeight: 9 },
        take: () => true, go: () => {}, facesNow: () => faces,
      };
      screen.track.clear({ regions: [], units: {}, steps_per_iod: 1, steps_per_px: 8 });
      document.getElementById("recordings").append(screen.root);
      screen.stage.canvas.context.fillText = (words) => drawn.push(words);
      while (!drawn.length) {
        screen.stale();
        screen.stage.tick();
        await new Promise((done) => requestAnimationFrame(done));
      }
      return drawn;
    }""")
    assert drawn == ["Face 3", "Face 4"]


def test_a_tablets_width_holds_the_buttons_in_rows_and_a_long_name_leaves_the_facts_their_room(
    page: Any, opened: Acted
) -> None:
    page.set_viewport_size({"width": 1024, "height": 768})
    found = {
        "info": {**info("slow"), "title": "a name that is long " * 9},
        "hello": wire.hello(Config(), None, "", False),
    }
    opened.answers["/recordings/slow"] = lambda route: route.fulfill(json=found)
    choose(page, "slow")
    opened.until(lambda: cards(page) == 1)
    place = page.locator("#recordings")
    # As with a video: then there are four.
    place.locator(".transport .chip").evaluate_all("chips => chips.forEach((chip) => (chip.hidden = false))")
    for row in (".transport .chips", ".transport .actions"):
        tops = place.locator(f"{row} > *").evaluate_all("all => all.map((each) => each.getBoundingClientRect().bottom)")
        assert max(tops) - min(tops) < 5
    facts = place.locator(".session-head p.number")
    assert "300 frames" in facts.inner_text()
    assert facts.evaluate("facts => facts.scrollWidth <= facts.clientWidth")


@pytest.mark.parametrize(("frames", "told"), [(1, "1 frame ·"), (2, "2 frames ·")])
def test_a_recording_of_one_frame_is_told_in_the_singular(page: Any, opened: Acted, frames: int, told: str) -> None:
    found = {
        "info": {**info("slow"), "frames": frames, "engine": "flow"},
        "hello": wire.hello(Config(), None, "", False),
    }
    opened.answers["/recordings/slow"] = lambda route: route.fulfill(json=found)
    choose(page, "slow")
    opened.until(lambda: told in page.locator("#recordings .session-head p.number").inner_text())


def test_the_notes_of_a_recording_stand_among_its_events_also_new_ones(page: Any, opened: Acted) -> None:
    noted = [{"type": "annotation", "t": t, "until": None, "text": f"{t}"} for t in (0.5, 3.0, 1.5)]
    holds(opened, "quick", point(3, 0), event(1, 1.0, 1.4), event(2, 2.0, 2.4), *noted[:2])
    opened.answers["/recordings/quick/notes"] = lambda route: route.fulfill(json=noted[2], status=201)
    choose(page, "quick")
    opened.until(lambda: cards(page) == 4)
    page.keyboard.press("a")
    page.get_by_role("textbox", name="Note").fill("anything")
    page.keyboard.press("Enter")
    opened.until(lambda: cards(page) == 5)
    times = page.locator("#recordings li.card time").all_inner_texts()
    assert times == ["0:00.50", "0:01.20", "0:01.50", "0:02.20", "0:03.00"]


def test_an_event_from_before_the_recording_has_its_own_time(page: Any, opened: Acted) -> None:
    holds(opened, "slow", point(3, 0), event(1, -0.5, -0.1), event(2, 1.0, 1.4))
    choose(page, "slow")
    opened.until(lambda: cards(page) == 2)
    times = page.locator("#recordings li.card time").all_inner_texts()
    assert times == ["\N{MINUS SIGN}0:00.30", "0:01.20"]


@pytest.mark.parametrize("address", ["%", "%E0%A4%A", "nowhere", "a/b"])
def test_an_address_of_no_recording_is_told_and_the_next_one_is_shown(page: Any, opened: Acted, address: str) -> None:
    choose(page, "slow")
    opened.until(lambda: cards(page) == 1)
    opened.answers[f"/recordings/{address}"] = lambda route: route.fulfill(status=404, body="no such recording")
    page.evaluate("address => { location.hash = `recordings/${address}`; }", address)
    page.get_by_role("heading", name="This recording cannot be shown").wait_for()
    assert page.get_by_text("no such recording").is_visible()
    assert page.locator("#recordings .session").is_hidden()
    assert page.locator(".session-item[aria-current]").count() == 0
    page.keyboard.press("a")  # there is nothing to be annotated
    assert page.locator("dialog").count() == 0
    choose(page, "quick")
    opened.until(lambda: cards(page) == 2)
    assert page.get_by_text("no such recording").is_hidden()


def test_who_chooses_with_the_keyboard_stays_in_the_list(page: Any, opened: Acted) -> None:
    first = page.locator(".session-item").first
    first.focus()
    page.keyboard.press("Enter")
    opened.until(lambda: cards(page))
    opened.until(lambda: first.get_attribute("aria-current") == "true")
    assert first.evaluate("link => link === document.activeElement")
    page.keyboard.press("Tab")
    assert page.locator(".session-item").nth(1).evaluate("link => link === document.activeElement")


def test_a_filter_that_nothing_fits_is_told(page: Any, opened: Acted) -> None:
    for words, listed in (("nothing like it", 0), ("webcam", 2)):
        page.get_by_label("Filter the recordings").fill(words)
        assert page.locator(".session-item").count() == listed
        assert page.get_by_text("None of them fits the filter.").is_visible() is not bool(listed)


def test_a_moment_without_a_face_is_told(page: Any, opened: Acted) -> None:
    holds(opened, "slow", *(point(seq, 0) for seq in range(3, 60)), event(1, 1.0, 1.4))
    choose(page, "slow")
    opened.until(lambda: cards(page) == 1)
    message = page.locator("#recordings .stage-message")
    for key, state in (("End", "visible"), ("Home", "hidden")):
        page.locator("#recordings").get_by_label("Scrub").press(key)
        message.wait_for(state=state)
        assert ("No face was seen" in message.inner_text()) is (state == "visible")

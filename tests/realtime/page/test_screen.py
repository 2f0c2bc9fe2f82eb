"""What belongs together on one screen, in a real browser, before a session that is acted."""

from typing import Any

from tests.realtime.acted import Acted, event
from tests.realtime.page.test_live import TIME, comes_to, points


def note(t_s: float, text: str, until_s: float | None = None) -> dict[str, Any]:
    return {"type": "annotation", "t": t_s, "until": until_s, "text": text}


def listed(page: Any) -> list[str]:
    return [str(time) for time in page.locator("#live li.card:visible time").all_inner_texts()]


def test_notes_are_listed_at_their_times_and_lead_there(page: Any, acted: Acted) -> None:
    acted.open()
    acted.say(points(*range(301)), note(9.0, "late"), event(1, 4.0, 4.4), event(2, 6.0, 6.4))
    acted.say(note(1.0, "early\n<b>and</b> more"), note(5.0, "between", 5.5))
    acted.until(lambda: listed(page) == ["0:09.00", "0:06.20", "0:05.00–0:05.50", "0:04.20", "0:01.00"])
    early = page.get_by_role("button", name="Note at 0:01.00, show this moment")
    assert page.locator("#live li.card", has=early).locator(".card-words").inner_text() == "early\n<b>and</b> more"
    early.press("Enter")
    acted.until(lambda: page.locator(TIME).get_attribute("aria-valuetext") == "0:01.00")
    assert page.locator("#live .pill").inner_text() == "PAUSED"
    assert early.get_attribute("aria-current") == "true"
    page.get_by_role("button", name="3 noted").click()
    assert listed(page) == ["0:06.20", "0:04.20"]


def test_home_and_end_go_all_the_way_on_the_curves(page: Any, acted: Acted) -> None:
    acted.open()
    acted.say(points(*range(301)))
    for key, t_s in (("Home", 0.0), ("End", 10.0)):
        page.locator(TIME).press(key)
        comes_to(page, acted, t_s)


def test_where_nothing_but_notes_is_listed_it_is_still_told_that_there_was_no_event(page: Any, acted: Acted) -> None:
    acted.open()
    acted.say(points(*range(31)), note(1.0, "so"))
    acted.until(lambda: listed(page) == ["0:01.00"])
    empty = page.locator("#live .empty", has_text="Events appear here as they happen.")
    assert empty.is_visible()
    acted.say(event(1, 0.1, 0.5))
    empty.wait_for(state="hidden")


def chosen(page: Any) -> str:
    return str(page.locator("#live li.card[data-chosen]").get_attribute("data-id"))


def test_keys_go_to_every_event_also_to_two_that_have_one_apex(page: Any, acted: Acted) -> None:
    acted.open()
    acted.say(points(*range(301), faces=(0, 3)), event(1, 4.0, 4.4), event(2, 4.0, 4.4, face_id=3), event(3, 6.0, 6.4))
    acted.until(lambda: page.locator("#live li.card").count() == 3)
    for key, number in zip("[[[[]]]]", "32112333", strict=True):
        page.keyboard.press(key)
        assert chosen(page) == number


def test_keys_go_on_from_the_event_that_is_shown_again_and_again(page: Any, acted: Acted) -> None:
    acted.open()
    acted.say(points(*range(301)), event(1, 4.0, 4.4), event(2, 6.0, 6.4))
    page.locator("#live li.card[data-id='1']").click()
    page.get_by_role("button", name="Stop the replay").wait_for()
    page.keyboard.press("]")
    assert chosen(page) == "2"

"""What belongs together on one screen, in a real browser, before a session that is acted."""

from typing import Any

from tests.realtime.acted import Acted, event
from tests.realtime.page.test_live import points


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

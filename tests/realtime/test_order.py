from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.messages import FIRST_SPOT, AnyMessage, Say, Spot
from realtime.order import Order
from tests.realtime.messages import face, say, spot

FIRST, SECOND = FIRST_SPOT, FIRST_SPOT + 1


def told(messages: list[AnyMessage]) -> list[AnyMessage]:
    order = Order()
    return [out for message in messages for out in order.take(message)]


def events() -> list[Spot]:
    """What one process says: two events, the second taken back."""
    phases = [(FIRST, "rising"), (FIRST, "apex"), (SECOND, "rising"), (FIRST, "closed"), (SECOND, "apex"),
              (SECOND, "revoked")]  # fmt: skip
    return [spot(number, phase=phase) for number, phase in phases]


def words() -> list[Say]:
    """What the other one says about them."""
    pieces = [
        (FIRST, "Chin", False),
        (FIRST, "Chin up.", True),
        (SECOND, "Brows", False),
        (SECOND, "Not so.", True),
    ]
    return [say(-1, "A note.", final=False), *(say(number, text, final=final) for number, text, final in pieces)]


@settings(max_examples=200)
@given(st.lists(st.booleans(), min_size=11, max_size=11))
def test_words_come_after_their_event_however_the_two_processes_are_heard(turns: list[bool]) -> None:
    spots, says = events(), words()
    mixed: list[AnyMessage] = []
    for first in turns:
        mixed.append((spots if (first and spots) or not says else says).pop(0))
    out = told(mixed)
    assert [m for m in out if isinstance(m, Spot)] == events()
    for number in (FIRST, SECOND):
        about = [m for m in out if isinstance(m, Say) and m.spot_id == number]
        assert about == [m for m in words() if m.spot_id == number]
        phases = [m.phase if isinstance(m, Spot) else "said" if m.final else "piece"
                  for m in out if isinstance(m, (Spot, Say)) and m.spot_id == number]  # fmt: skip
        assert phases.index("apex") < phases.index("piece")
        assert phases.index("revoked" if number == SECOND else "closed") < phases.index("said")
    assert len(out) == len(mixed)


def test_what_needs_not_wait_does_not() -> None:
    apart: list[AnyMessage] = [face(), say(-1, "A note."), spot(FIRST)]
    for messages in permutations(apart):
        assert told(list(messages)) == list(messages)


def test_words_about_an_event_that_has_ended_pass_also_when_they_come_again() -> None:
    """As after a restart of the process that says them."""
    again: list[AnyMessage] = [spot(FIRST), say(FIRST), say(FIRST, "Once more", final=False), say(FIRST)]
    assert told(list(again)) == again

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from realtime.ring import Ring


def image(value: int, height: int = 4, width: int = 5) -> NDArray[np.uint8]:
    return np.full((height, width, 3), value, np.uint8)


@settings(max_examples=30)
@given(st.integers(1, 6), st.integers(1, 20))
def test_the_newest_images_are_held_and_the_older_are_not(slots: int, count: int) -> None:
    ring = Ring.local(slots, 60)
    tickets = [ring.put(image(k)) for k in range(count)]
    assert tickets == list(range(count))
    for ticket in tickets:
        view = ring.view(ticket)
        if ticket >= count - slots:
            assert view is not None
            assert (view == ticket).all()
        else:
            assert view is None
            assert not ring.holds(ticket)


def test_views_are_in_place_and_read_only() -> None:
    ring = Ring.local(2, 60)
    view = ring.view(ring.put(image(1)))
    assert view is not None
    with pytest.raises(ValueError, match="read-only"):
        view[0, 0, 0] = 9
    ring.put(image(2))
    ring.put(image(3))
    assert (view == 3).all()
    assert not ring.holds(0)


def test_images_may_differ_in_size_but_must_fit() -> None:
    ring = Ring.local(3, 60)
    view = ring.view(ring.put(image(7, 2, 3)))
    assert view is not None
    assert view.shape == (2, 3, 3)
    with pytest.raises(ValueError, match="does not fit"):
        ring.put(image(1, 10, 10))


def test_a_ticket_never_given_is_not_held() -> None:
    ring = Ring.local(2, 60)
    assert ring.view(0) is None
    assert not ring.holds(-1)


def test_attachers_see_what_the_creator_writes_and_it_is_gone_afterwards() -> None:
    name = f"mellm-test-{os.getpid()}"
    with Ring.create(name, 2, 60) as owner:
        with Ring.attach(name, 2, 60) as reader:
            ticket = owner.put(image(8))
            view = reader.view(ticket)
            assert view is not None
            assert (view == 8).all()
            assert reader.next_ticket == 1
            del view
        assert owner.holds(ticket)
    with pytest.raises(FileNotFoundError):
        Ring.attach(name, 2, 60)

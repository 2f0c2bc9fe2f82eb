"""What a browser may ask for, and everything else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.dashboard.orders import (
    BURST,
    MOST_TEXT,
    PER_SECOND,
    Allowance,
    Annotate,
    Consent,
    OrderError,
    Record,
    parse,
)


def test_orders_are_told_apart_by_what_they_do() -> None:
    assert parse('{"do":"consent"}') == Consent()
    assert parse('{"do":"record","on":true}') == Record(on=True, video=False)
    assert parse('{"do":"annotate","t":1.5,"text":"a nod"}') == Annotate(1.5, "a nod")


@given(st.one_of(st.text(), st.binary(), st.from_type(dict).map(json.dumps)))
def test_rubbish_is_refused_in_words(data: str | bytes) -> None:
    with pytest.raises(OrderError, match="not understood"):
        parse(data)


@pytest.mark.parametrize(
    "order",
    [
        {"do": "annotate", "t": -1, "text": "before the beginning"},
        {"do": "annotate", "t": 2, "until": 1, "text": "backwards"},
        {"do": "annotate", "t": 2, "text": "   "},
        {"do": "annotate", "t": 2, "text": "x" * (MOST_TEXT + 1)},
        {"do": "annotate", "t": "2", "text": "a time in words"},
        {"do": "record", "on": 1},
        {"do": "format", "disk": "c"},
        {"do": "consent", "and": "more"},
        [1, 2],
    ],
)
def test_what_cannot_be_done_is_refused(order: object) -> None:
    with pytest.raises(OrderError):
        parse(json.dumps(order))


def test_depth_does_no_harm() -> None:
    with pytest.raises(OrderError):
        parse("[" * 100_000)


def test_an_allowance_is_used_up_and_refills() -> None:
    allowance = Allowance(0.0)
    assert sum(allowance.take(0.0) for _ in range(1000)) == BURST
    assert not allowance.take(0.5 / PER_SECOND)
    assert allowance.take(2 / PER_SECOND)
    assert sum(allowance.take(1e6) for _ in range(1000)) == BURST

import math

import pytest

from bench.unit_score import counted, unit_f1


def test_units_are_counted_over_all_cases() -> None:
    read = [(("AU4",), ("AU4",)), (("AU1", "AU2"), ("AU1",)), (("AU12",), ("AU14",))]
    assert unit_f1(read) == pytest.approx(2 * 2 / 7)
    assert unit_f1([(("AU4",), ("AU4",))]) == 1.0
    assert math.isnan(unit_f1([((), ())]))


def test_a_unit_on_the_wrong_side_is_wrong_unless_sides_do_not_matter() -> None:
    read = [(("LAU12",), ("RAU12",))]
    assert unit_f1(read) == 0.0
    assert unit_f1(read, sides=False) == 1.0


def test_a_blink_is_no_expression() -> None:
    assert counted(["AU45", "LAU45", "RAU4"]) == {"RAU4"}
    assert unit_f1([(("AU4", "AU45"), ("AU4",))]) == 1.0

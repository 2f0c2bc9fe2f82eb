import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.face import REGION_INDEX, REGION_NAMES, REGIONS, Doubles
from calib.facs import (
    ACTION_UNITS,
    BY_NUMBER,
    CLASS_COUNTS,
    CLASS_TOTALS,
    CLASSES,
    ActionUnit,
    class_probabilities,
    in_order,
    parse_code,
    pattern,
)

SIDED = [unit for unit in ACTION_UNITS if unit.sided]
CODES = [f"AU{u.number}" for u in ACTION_UNITS] + [f"{side}AU{u.number}" for u in SIDED for side in "LR"]
QUICK = settings(max_examples=60)

# What the movement table calls a region, and the regions (viewer's left, viewer's right) it means.
HALVES: dict[str, tuple[str, str]] = {
    "Outer Eyebrow": ("Left Outer Eyebrow", "Right Outer Eyebrow"),
    "Inner Eyebrow": ("Left Inner Eyebrow", "Right Inner Eyebrow"),
    "Upper Eyelid Outer": ("Left Upper Eyelid Left Side", "Right Upper Eyelid Right Side"),
    "Upper Eyelid Center": ("Left Upper Eyelid Center", "Right Upper Eyelid Center"),
    "Upper Eyelid Inner": ("Left Upper Eyelid Right Side", "Right Upper Eyelid Left Side"),
    "Lower Eyelid Outer": ("Left Lower Eyelid Left Side", "Right Lower Eyelid Right Side"),
    "Lower Eyelid Center": ("Left Lower Eyelid Center", "Right Lower Eyelid Center"),
    "Lower Eyelid Inner": ("Left Lower Eyelid Right Side", "Right Lower Eyelid Left Side"),
    "Nostril Wing": ("Left Nostril Wing", "Right Nostril Wing"),
    "Mouth Corner": ("Left Mouth Corner", "Right Mouth Corner"),
    "Upper Lip Side": ("Upper Lip Left Side", "Upper Lip Right Side"),
    "Upper Lip Center": ("Upper Lip Center", "Upper Lip Center"),
    "Lower Lip Side": ("Lower Lip Left Side", "Lower Lip Right Side"),
    "Lower Lip Center": ("Lower Lip Center", "Lower Lip Center"),
    "Chin": ("Chin", "Chin"),
    "Cheek": ("Left Cheek", "Right Cheek"),
}


def moved(code: str) -> set[str]:
    return {name for name, way in zip(REGION_NAMES, pattern(code), strict=True) if way.any()}


def of(displacement: Doubles, name: str) -> tuple[float, float]:
    x, y = displacement[REGION_INDEX[name]].tolist()
    return x, y


@pytest.mark.parametrize("code", CODES)
def test_the_strongest_region_of_a_pattern_moves_by_one(code: str) -> None:
    assert np.hypot(*pattern(code).T).max() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("unit", ACTION_UNITS, ids=lambda unit: f"AU{unit.number}")
def test_a_pattern_holds_the_tables_movements_and_no_others(unit: ActionUnit) -> None:
    whole = pattern(f"AU{unit.number}")
    expected: dict[str, tuple[float, float]] = dict.fromkeys(REGION_NAMES, (0.0, 0.0))
    for half, (outward, up) in unit.movements.items():
        left, right = HALVES[half]
        expected[left], expected[right] = (-outward, -up), (outward, -up)
        if left == right:
            expected[left] = 0.0, -up
    assert whole == pytest.approx(np.array([expected[name] for name in REGION_NAMES]))


@pytest.mark.parametrize("unit", ACTION_UNITS, ids=lambda unit: f"AU{unit.number}")
def test_two_sided_patterns_are_mirror_images(unit: ActionUnit) -> None:
    whole = pattern(f"AU{unit.number}")
    for name in REGION_NAMES:
        twin = name.replace("Left", "?").replace("Right", "Left").replace("?", "Right")
        x, y = of(whole, name)
        assert of(whole, twin) == pytest.approx((-x, y))


@pytest.mark.parametrize("unit", SIDED, ids=lambda unit: f"AU{unit.number}")
def test_two_sides_together_are_the_two_sided_unit(unit: ActionUnit) -> None:
    left, right = pattern(f"LAU{unit.number}"), pattern(f"RAU{unit.number}")
    # The middle of the face moves half as far for each, so that the sum holds there too.
    assert left + right == pytest.approx(pattern(f"AU{unit.number}"))
    for region in REGIONS:
        on_left, on_right = of(left, region.name), of(right, region.name)
        if region.side == "Center":
            assert on_left == on_right
        else:
            assert (0.0, 0.0) in (on_left, on_right)


def test_the_subjects_left_is_the_viewers_right() -> None:
    assert "Right Mouth Corner" in moved("LAU12")
    assert "Left Mouth Corner" not in moved("LAU12")
    assert "Left Mouth Corner" in moved("RAU12")
    assert "Right Mouth Corner" not in moved("RAU12")


def test_one_sided_units_keep_to_their_half() -> None:
    for unit in SIDED:
        assert not {name for name in moved(f"LAU{unit.number}") if REGIONS[REGION_INDEX[name]].side == "Left"}
        assert not {name for name in moved(f"RAU{unit.number}") if REGIONS[REGION_INDEX[name]].side == "Right"}


def test_a_smile_pulls_the_corners_up_and_apart() -> None:
    smile = pattern("AU12")
    left, right = of(smile, "Left Mouth Corner"), of(smile, "Right Mouth Corner")
    assert left[0] < 0 < right[0]
    assert left[1] < 0
    assert right[1] < 0


def test_a_frown_draws_the_brows_down_and_together() -> None:
    frown = pattern("AU4")
    left, right = of(frown, "Left Inner Eyebrow"), of(frown, "Right Inner Eyebrow")
    assert right[0] < 0 < left[0]
    assert left[1] > 0
    assert right[1] > 0


@pytest.mark.parametrize(
    ("code", "name"),
    [("AU1", "Left Inner Eyebrow"), ("AU2", "Left Outer Eyebrow"), ("AU5", "Left Upper Eyelid Center"),
     ("AU6", "Left Cheek"), ("AU9", "Left Nostril Wing"), ("AU10", "Upper Lip Left Side"), ("AU17", "Chin")],
)  # fmt: skip
def test_raisers_raise(code: str, name: str) -> None:
    assert of(pattern(code), name)[1] < -0.9


@pytest.mark.parametrize(
    ("code", "name"),
    [("AU15", "Left Mouth Corner"), ("AU16", "Lower Lip Center"), ("AU25", "Lower Lip Center"),
     ("AU45", "Right Upper Eyelid Center")],
)  # fmt: skip
def test_depressors_lower(code: str, name: str) -> None:
    assert of(pattern(code), name)[1] > 0.85


def test_outer_and_inner_thirds_of_an_eyelid_are_told_apart() -> None:
    lids = pattern("AU45")
    assert of(lids, "Left Upper Eyelid Left Side") == pytest.approx(of(lids, "Right Upper Eyelid Right Side"))
    assert of(lids, "Left Upper Eyelid Right Side") == pytest.approx(of(lids, "Right Upper Eyelid Left Side"))
    assert of(lids, "Left Upper Eyelid Left Side")[1] > of(lids, "Left Upper Eyelid Right Side")[1]


def test_no_two_codes_move_the_face_alike() -> None:
    flat = np.stack([pattern(code).ravel() for code in CODES])
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    likeness = flat @ flat.T - np.eye(len(flat))
    assert likeness.max() < 0.95


def test_codes_are_split_into_side_and_unit() -> None:
    assert parse_code("AU12") == ("", BY_NUMBER[12])
    assert parse_code("LAU12") == ("L", BY_NUMBER[12])
    assert parse_code("RAU4") == ("R", BY_NUMBER[4])


@pytest.mark.parametrize("code", ["", "12", "AU", "AU 12", "au12", "BAU12", "AU12L", "LRAU12", "AU-1", " AU12"])
def test_what_is_not_a_code_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="not an action unit code"):
        parse_code(code)


@pytest.mark.parametrize("code", ["AU3", "LAU3", "AU0", "AU99"])
def test_unknown_units_are_refused_with_the_known_ones(code: str) -> None:
    with pytest.raises(ValueError, match=r"not in the table; known: AU1, .*AU45"):
        parse_code(code)


@pytest.mark.parametrize("unit", [u for u in ACTION_UNITS if not u.sided], ids=lambda unit: f"AU{unit.number}")
def test_a_side_on_a_unit_without_sides_is_refused(unit: ActionUnit) -> None:
    with pytest.raises(ValueError, match=f"write AU{unit.number}"):
        parse_code(f"LAU{unit.number}")


@QUICK
@given(st.sets(st.sampled_from(sorted(BY_NUMBER))))
def test_class_probabilities_are_probabilities(numbers: set[int]) -> None:
    chances = class_probabilities(numbers)
    assert sum(chances.values()) == pytest.approx(1.0)
    assert all(0 <= chance <= 1 for chance in chances.values())
    assert set(chances) == ({"none"} if not numbers & set(CLASS_COUNTS) else set(CLASSES))


@pytest.mark.parametrize(
    ("numbers", "label"),
    [([12], "positive"), ([6, 12], "positive"), ([4], "negative"), ([4, 7], "negative"), ([15], "negative"),
     ([1, 2], "surprise"), ([1, 2, 5], "surprise")],
)  # fmt: skip
def test_the_classic_expressions_are_classed(numbers: list[int], label: str) -> None:
    chances = class_probabilities(numbers)
    assert max(chances, key=lambda name: chances[name]) == label


@pytest.mark.parametrize("numbers", [[], [45]])
def test_nothing_and_a_blink_have_no_class(numbers: list[int]) -> None:
    assert class_probabilities(numbers) == {"none": 1.0}


@QUICK
@given(st.sets(st.sampled_from(sorted(CLASS_COUNTS)), min_size=1))
def test_repeats_blinks_and_order_do_not_change_a_class(numbers: set[int]) -> None:
    once = class_probabilities(numbers)
    assert class_probabilities([*sorted(numbers, reverse=True), *numbers, 45]) == pytest.approx(once)


def test_no_unit_was_seen_more_often_than_there_were_expressions() -> None:
    for counts in CLASS_COUNTS.values():
        assert all(0 <= count <= total for count, total in zip(counts, CLASS_TOTALS, strict=True))
    assert set(CLASS_COUNTS) <= set(BY_NUMBER)


def test_codes_are_ordered_by_number_with_the_sides_of_a_unit_beside_it() -> None:
    assert in_order(["RAU12", "AU4", "AU12", "LAU12", "AU4"]) == ("AU4", "AU12", "LAU12", "RAU12")

import re
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.face import REGION_NAMES, REGIONS, Doubles
from calib.facs import BY_NUMBER, class_probabilities, in_order, parse_code, pattern
from engines.mellm.answer import Answer, Facts
from engines.mellm.template import TemplateNarrator
from engines.mellm.units import infer_units
from engines.regions import RegionMotion
from tests.engines.scenes import measured

QUICK = settings(max_examples=60)
IOD_PX = 90.0
MOVEMENT = re.compile(
    r"(?P<name>[A-Z][A-Za-z]*(?: [A-Z][a-z]+)*) (?P<way>up|down|left|right|(?:up|down) and (?:left|right)) "
    r"(?P<px>[\d.]+) px \((?P<share>[\d.]+)% of eye distance\)"
)


def facts(displacement: Doubles, noise: float = 0.002) -> Facts:
    return Facts(measured(displacement), (noise,) * len(REGIONS), IOD_PX, "micro")


def told(about: Facts) -> tuple[list[str], Answer]:
    """The pieces of the text, and the answer, which must come last and once."""
    said = list(TemplateNarrator().narrate(about))
    pieces = [piece for piece in said if isinstance(piece, str)]
    answers = [piece for piece in said if isinstance(piece, Answer)]
    assert len(answers) == 1
    assert said[-1] is answers[0]
    return pieces, answers[0]


def claims(text: str) -> Iterator[tuple[str, str, float, float]]:
    """Region, direction, px and percent of every movement a text speaks of."""
    for match in MOVEMENT.finditer(text):
        yield match["name"], match["way"].replace(" and ", "-"), float(match["px"]), float(match["share"])


def named(text: str) -> set[str]:
    """Every region a text names anywhere (units are written in small letters)."""
    found = set()
    for name in sorted(REGION_NAMES, key=len, reverse=True):
        if name in text:
            found.add(name)
            text = text.replace(name, "")
    return found


@st.composite
def measurements(draw: st.DrawFn) -> Facts:
    """Anything from stillness to a face in which all moves, with floors of all sizes."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    size, floor = draw(st.sampled_from([0.0, 0.002, 0.01, 0.05])), draw(st.sampled_from([0.0005, 0.005, 0.02]))
    units = draw(st.lists(st.sampled_from(["AU1", "AU4", "LAU12", "AU12", "AU17", "AU45"]), max_size=2))
    displacement = rng.normal(0, size, (len(REGIONS), 2)) + sum(0.03 * pattern(code) for code in units)
    noise = tuple((floor * rng.uniform(0.5, 1.5, len(REGIONS))).tolist())
    return Facts(measured(displacement), noise, draw(st.floats(30, 300)), "micro")


@QUICK
@given(measurements())
def test_the_pieces_are_the_narration(about: Facts) -> None:
    pieces, answer = told(about)
    assert pieces
    assert all(pieces)
    assert "".join(pieces) == answer.narration


@QUICK
@given(measurements())
def test_only_moving_regions_are_named(about: Facts) -> None:
    _, answer = told(about)
    assert named(answer.narration) <= {region.name for region in about.moving}
    assert bool(named(answer.narration)) == bool(about.moving)


@QUICK
@given(measurements())
def test_every_claim_agrees_with_the_measurement(about: Facts) -> None:
    _, answer = told(about)
    moving = {region.name: region for region in about.moving}
    spoken = list(claims(answer.narration))
    assert {name for name, *_ in spoken} == named(answer.narration)
    for name, way, px, share in spoken:
        assert way == moving[name].direction
        assert px == pytest.approx(moving[name].mean_iod * about.iod_px, abs=0.051)
        assert share == pytest.approx(100 * moving[name].mean_iod, abs=0.051)


@QUICK
@given(measurements())
def test_regions_are_spoken_of_in_the_order_of_their_strength_and_the_others_counted(about: Facts) -> None:
    _, answer = told(about)
    order = [region.name for region in about.moving]
    spoken = [name for name, *_ in claims(answer.narration)]
    assert spoken == sorted(spoken, key=order.index)
    assert spoken[:1] == order[:1]
    counted = re.search(r"(\d+) more regions?\b", answer.narration)
    assert len(order) - len(spoken) == (int(counted[1]) if counted else 0)


@QUICK
@given(measurements())
def test_the_strongest_region_of_a_part_is_not_hidden_by_another_part(about: Facts) -> None:
    part_of = {region.name: region.part for region in REGIONS}
    order = [region.name for region in about.moving]
    strongest = {part_of[name]: name for name in reversed(order)}
    _, answer = told(about)
    spoken = [name for name, *_ in claims(answer.narration)]
    parts = {part_of[name] for name in spoken}
    # Every part that moves, or, where there are more of them than regions spoken of, as many as can be.
    assert len(parts) == min(len(strongest), len(spoken))
    assert all(strongest[part] in spoken for part in parts)


@QUICK
@given(measurements())
def test_the_answer_holds_the_units_and_their_likeliest_class(about: Facts) -> None:
    _, answer = told(about)
    units = [code for code, _ in infer_units(about.regions, about.noise_iod)] if about.moving else []
    chances = class_probabilities(parse_code(code)[1].number for code in units)
    assert answer.action_units == in_order(units)
    assert re.findall(r"\(([LR]?AU\d+)\)", answer.narration) == list(answer.action_units)
    assert chances[answer.label] == max(chances.values())
    assert 0 <= answer.confidence <= max(chances.values()) + 0.005
    for code in units:
        assert f"({code})" in answer.narration
        assert parse_code(code)[1].name in answer.narration
    mentioned = set(re.findall(r"\b[LR]?AU\d+\b", answer.narration))
    assert mentioned == set(units)


@QUICK
@given(measurements())
def test_the_percentage_in_the_words_is_the_answers(about: Facts) -> None:
    _, answer = told(about)
    said = re.search(r"(\d+)%\)?\.$", answer.narration)
    assert (said is None) == (answer.label == "none")
    assert said is None or int(said[1]) / 100 == answer.confidence < 1


def test_when_nothing_moves_that_is_said_and_nothing_else() -> None:
    _, answer = told(facts(np.zeros((len(REGIONS), 2))))
    assert answer.action_units == ()
    assert answer.label == "none"
    assert answer.confidence == 1.0
    assert "no expression" in answer.narration
    assert not named(answer.narration)


def test_a_movement_below_the_noise_is_not_spoken_of() -> None:
    _, answer = told(facts(0.01 * pattern("AU12"), noise=0.02))
    assert (answer.action_units, answer.label) == ((), "none")
    assert not named(answer.narration)


@pytest.mark.parametrize(
    ("codes", "label"),
    [(("AU12",), "positive"), (("AU6", "AU12"), "positive"), (("AU4",), "negative"), (("AU1", "AU2"), "surprise")],
)
def test_classic_expressions_are_named(codes: tuple[str, ...], label: str) -> None:
    displacement = np.asarray(sum(0.03 * pattern(code) for code in codes))
    _, answer = told(facts(displacement))
    assert set(answer.action_units) == set(codes)
    assert answer.label == label
    assert label in answer.narration
    numbers = [parse_code(code)[1].number for code in codes]
    assert answer.confidence == pytest.approx(max(class_probabilities(numbers).values()), abs=0.01)


def test_sides_of_regions_are_the_viewers_and_of_units_the_subjects() -> None:
    _, answer = told(facts(0.03 * pattern("LAU12")))
    assert "Right Mouth Corner up and right" in answer.narration
    assert "left lip corner puller (LAU12)" in answer.narration
    assert "Left" not in answer.narration


def test_an_ambiguous_unit_is_called_open() -> None:
    # Among single units, one that no class claims for itself.
    open_codes = [f"AU{number}" for number in BY_NUMBER if 0.34 < max(class_probabilities([number]).values()) < 0.6]
    assert open_codes
    for code in open_codes:
        _, answer = told(facts(0.03 * pattern(code)))
        if answer.action_units == (code,):
            assert "open" in answer.narration
            assert answer.confidence < 0.6


def test_a_blink_says_nothing_of_an_emotion() -> None:
    _, answer = told(facts(0.1 * pattern("AU45")))
    assert answer.action_units == ("AU45",)
    assert answer.label == "none"
    assert "nothing of an emotion" in answer.narration


def test_a_movement_that_fits_no_unit_is_said_to() -> None:
    # The whole face to the right: what is up or outward in one half is inward in the other.
    upward_chin = np.zeros((len(REGIONS), 2))
    upward_chin[REGION_NAMES.index("Left Outer Eyebrow")] = -0.03, 0.0
    upward_chin[REGION_NAMES.index("Right Nostril Wing")] = -0.03, 0.0
    _, answer = told(facts(upward_chin))
    assert answer.action_units == ()
    assert answer.label == "none"
    assert "fits no single action unit" in answer.narration
    assert answer.confidence < 1.0


def test_a_region_torn_apart_is_not_spoken_of() -> None:
    torn = RegionMotion("Chin", 0.001, 0.0, 0.05, 0.09, 0.0, "unclear", 0.02)
    _, answer = told(Facts((torn,), (0.002,), IOD_PX))
    assert not named(answer.narration)
    assert answer.label == "none"


def test_lengths_are_in_px_of_the_picture_that_is_seen() -> None:
    near, far = (Facts(measured(0.03 * pattern("AU12")), (0.002,) * 29, px, "micro") for px in (200.0, 50.0))
    large, small = (next(claims(told(about)[1].narration)) for about in (near, far))
    assert large[2] == pytest.approx(4 * small[2], abs=0.3)
    assert large[3] == small[3]


def test_one_narrator_speaks_about_one_measurement_after_the_other() -> None:
    narrator = TemplateNarrator()
    first, second = facts(0.03 * pattern("AU12")), facts(0.03 * pattern("AU4"))
    one = list(narrator.narrate(first))
    list(narrator.narrate(second))
    assert list(narrator.narrate(first)) == one

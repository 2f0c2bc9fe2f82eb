import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.face import REGION_INDEX, REGIONS, Doubles
from calib.facs import ACTION_UNITS, parse_code, pattern
from calib.phantom import PhantomFace
from engines.head import HeadFit
from engines.mellm.units import MAX_UNITS, infer_units
from engines.regions import RegionMeter
from engines.runtime.dis import DisEngine
from tests.engines.scenes import measured, scene

SIDED = [u.number for u in ACTION_UNITS if u.sided]
CODES = [f"AU{u.number}" for u in ACTION_UNITS] + [f"{side}AU{n}" for n in SIDED for side in "LR"]
QUICK = settings(max_examples=40)
NOISE = 0.002
FLOORS = (NOISE,) * len(REGIONS)


def read(displacement: Doubles, noise: float = NOISE) -> dict[str, float]:
    return dict(infer_units(measured(displacement), [noise] * len(REGIONS)))


def acted(**strengths: float) -> Doubles:
    """Units at some strengths, IOD, added up."""
    return np.asarray(sum(size * pattern(code) for code, size in strengths.items()), dtype=np.float64)


@pytest.mark.parametrize("amplitude", [0.015, 0.03, 0.08])
@pytest.mark.parametrize("code", CODES)
def test_a_unit_alone_is_recognised_with_its_strength(code: str, amplitude: float) -> None:
    assert read(acted(**{code: amplitude})) == pytest.approx({code: amplitude}, rel=0.1)


@pytest.mark.parametrize("code", CODES)
def test_a_unit_is_recognised_in_noise(code: str) -> None:
    rng = np.random.default_rng(11)
    for _ in range(5):
        trembling = acted(**{code: 0.02}) + rng.normal(0, 0.001, (len(REGIONS), 2))
        assert list(read(trembling, 0.003)) == [code]


@pytest.mark.parametrize("code", CODES)
def test_a_unit_is_recognised_in_the_true_flow_of_a_swaying_phantom(portrait: PhantomFace, code: str) -> None:
    played = scene(portrait, (code, 0.02))
    fit = HeadFit(played.landmarks)
    expression = played.facial - fit.field(fit.coefficients(played.facial))
    assert [name for name, _ in infer_units(RegionMeter(played.landmarks).measure(expression), FLOORS)] == [code]


@pytest.mark.parametrize("code", ["AU1", "AU4", "AU6", "AU9", "AU12", "LAU12", "RAU14", "AU15", "AU17", "AU20"])
def test_a_unit_is_recognised_in_the_pixels_of_a_noisy_phantom(portrait: PhantomFace, code: str) -> None:
    played, engine = scene(portrait, (code, 0.025), seed=1), DisEngine()
    facial = engine.flow(engine.encode(played.first), engine.encode(played.second)).facial
    fit, meter = HeadFit(played.landmarks), RegionMeter(played.landmarks)
    motions = meter.measure(facial - fit.field(fit.coefficients(facial)))
    assert [name for name, _ in infer_units(motions, [0.004] * len(REGIONS))] == [code]


@pytest.mark.parametrize(
    "codes",
    [("AU1", "AU2"), ("AU6", "AU12"), ("AU4", "AU7"), ("AU4", "AU15"), ("AU4", "LAU12"), ("AU9", "AU17"),
     ("AU1", "AU45"), ("AU12", "AU25"), ("AU1", "AU2", "AU5"), ("LAU4", "RAU12")],
)  # fmt: skip
def test_units_acted_together_are_told_apart(codes: tuple[str, ...]) -> None:
    together = dict.fromkeys(codes, 0.02)
    assert read(acted(**together)) == pytest.approx(together, rel=0.1)


def test_the_strongest_comes_first() -> None:
    for one, other in ((0.02, 0.03), (0.03, 0.02)):
        found = infer_units(measured(acted(AU4=one, AU12=other)), FLOORS)
        assert [code for code, _ in found] == (["AU12", "AU4"] if other > one else ["AU4", "AU12"])


@QUICK
@given(st.integers(0, 10_000))
def test_whatever_moves_the_answer_keeps_its_form(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = infer_units(measured(rng.normal(0, 0.02, (len(REGIONS), 2))), FLOORS)
    strengths = [strength for _, strength in found]
    numbers = [parse_code(code)[1].number for code, _ in found]
    assert len(found) <= MAX_UNITS
    assert strengths == sorted(strengths, reverse=True)
    assert all(strength > 0.25 * strengths[0] for strength in strengths)
    assert len(set(numbers)) == len(numbers)


@QUICK
@given(st.sampled_from(CODES), st.sampled_from(CODES), st.floats(0.1, 10))
def test_twice_the_movement_is_twice_the_strength(one: str, other: str, factor: float) -> None:
    base = 0.02 * pattern(one) + 0.013 * pattern(other)
    before, after = read(base), read(factor * base, factor * NOISE)
    assert after == pytest.approx({code: factor * strength for code, strength in before.items()}, rel=1e-3)


@QUICK
@given(st.integers(0, 10_000), st.sampled_from(CODES))
def test_the_order_of_the_regions_does_not_matter(seed: int, code: str) -> None:
    regions = measured(0.02 * pattern(code))
    order = np.random.default_rng(seed).permutation(len(regions))
    assert infer_units([regions[k] for k in order], FLOORS) == infer_units(regions, FLOORS)


@pytest.mark.parametrize("number", SIDED)
def test_two_sides_become_one_two_sided_unit(number: int) -> None:
    found = read(acted(**{f"LAU{number}": 0.024, f"RAU{number}": 0.018}))
    assert found == pytest.approx({f"AU{number}": 0.021}, rel=0.1)


@pytest.mark.parametrize("number", [2, 4, 9, 12, 15])
@pytest.mark.parametrize("side", ["L", "R"])
def test_a_unit_that_is_far_stronger_on_one_side_is_one_sided(number: int, side: str) -> None:
    strong, weak = f"{side}AU{number}", f"{'R' if side == 'L' else 'L'}AU{number}"
    assert list(read(acted(**{strong: 0.03, weak: 0.009}))) == [strong]


def test_a_trace_of_another_unit_is_not_mentioned() -> None:
    assert list(read(acted(AU12=0.03, AU4=0.005))) == ["AU12"]


def test_nothing_moves_in_a_still_face() -> None:
    assert infer_units(measured(np.zeros((len(REGIONS), 2))), FLOORS) == []
    assert infer_units([], []) == []


@QUICK
@given(st.integers(0, 10_000))
def test_noise_below_the_floor_is_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    angles, sizes = rng.uniform(0, 2 * np.pi, len(REGIONS)), rng.uniform(0, NOISE, len(REGIONS))
    trembling = np.stack([sizes * np.cos(angles), sizes * np.sin(angles)], axis=-1)
    assert read(trembling, 1.001 * NOISE) == {}


@pytest.mark.parametrize("code", CODES)
def test_a_unit_below_the_floor_is_nothing(code: str) -> None:
    assert read(acted(**{code: 0.9 * NOISE})) == {}


def test_regions_that_were_not_measured_count_as_still() -> None:
    regions = measured(acted(AU4=0.02))
    brows = [region for region in regions if "Eyebrow" in region.name]
    assert infer_units(brows, [NOISE] * len(brows)) == infer_units(regions, FLOORS)


def test_every_region_needs_its_floor() -> None:
    with pytest.raises(ValueError, match="zip"):
        infer_units(measured(acted(AU4=0.02)), [NOISE] * 3)


def test_a_frown_is_heard_beside_a_pout_several_times_as_large() -> None:
    moved = acted(AU17=0.1, AU9=0.03, AU4=0.04)
    for side in ("Left", "Right"):
        moved[REGION_INDEX[f"{side} Outer Eyebrow"]] = 0.03, -0.03  # what a turned head leaves near the outline
    assert {"AU17", "AU4"} <= read(moved).keys()


def test_brows_that_draw_apart_or_rise_are_no_frown() -> None:
    for brows in ((-0.03, 0.02), (0.03, -0.03)):
        moved = acted(AU17=0.1)
        moved[REGION_INDEX["Left Inner Eyebrow"]] = brows
        moved[REGION_INDEX["Right Inner Eyebrow"]] = -brows[0], brows[1]
        assert "AU4" not in read(moved)

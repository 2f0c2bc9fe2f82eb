from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calib.face import CROP, REGION_INDEX, Floats
from calib.phantom import Nuisance, PhantomFace
from engines.head import HeadFit
from engines.regions import RegionMeter
from engines.runtime.dis import DisEngine
from engines.runtime.interface import CropError
from tests.engines.scenes import STILL, Scene, scene


@pytest.fixture(scope="module")
def engine() -> Iterator[DisEngine]:
    opened = DisEngine()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def smile(portrait: PhantomFace) -> Scene:
    """A small smile of a swaying head, seen by a noisy camera in changing light."""
    return scene(portrait, ("AU12", 0.02), nuisance=Nuisance(noise=2.0))


def end_point_error(flow: Floats, acted: Scene) -> float:
    return float(np.hypot(*(flow - acted.facial)[acted.valid].T).mean())


def test_flow_is_near_the_truth_on_a_noisy_phantom(engine: DisEngine, smile: Scene) -> None:
    fields = engine.flow(engine.encode(smile.first), engine.encode(smile.second))
    assert smile.valid.mean() > 0.3
    error = end_point_error(fields.facial, smile)
    assert error < 0.35
    assert error < 0.5 * end_point_error(np.zeros_like(fields.facial), smile)


@pytest.mark.parametrize("code", ["AU1", "AU4", "AU9", "LAU12", "AU15", "AU17"])
def test_flow_is_near_the_truth_for_other_expressions(engine: DisEngine, portrait: PhantomFace, code: str) -> None:
    acted = scene(portrait, (code, 0.02), seed=5)
    fields = engine.flow(engine.encode(acted.first), engine.encode(acted.second))
    assert end_point_error(fields.facial, acted) < 0.35


def test_a_smile_is_read_off_the_pixels(engine: DisEngine, smile: Scene) -> None:
    facial = engine.flow(engine.encode(smile.first), engine.encode(smile.second)).facial
    fit = HeadFit(smile.landmarks)
    motions = RegionMeter(smile.landmarks).measure(facial - fit.field(fit.coefficients(facial)))
    left, right = (motions[REGION_INDEX[f"{side} Mouth Corner"]] for side in ("Left", "Right"))
    assert (left.direction, right.direction) == ("up-left", "up-right")
    # DIS smooths, so that small movements come out short.
    for corner in (left, right):
        assert 0.4 * 0.02 < corner.mean_iod < 1.1 * 0.02


def test_the_fields_have_the_crops_size_and_no_head_of_their_own(engine: DisEngine, smile: Scene) -> None:
    fields = engine.flow(engine.encode(smile.first), engine.encode(smile.second))
    assert fields.facial.shape == (CROP, CROP, 2)
    assert fields.facial.dtype == np.float32
    assert fields.head is None


def test_a_crop_does_not_move_against_itself(engine: DisEngine, smile: Scene) -> None:
    encoded = engine.encode(smile.first)
    assert np.abs(engine.flow(encoded, encoded).facial).max() < 0.02


def test_light_alone_moves_nothing(engine: DisEngine, portrait: PhantomFace) -> None:
    still = scene(portrait, nuisance=STILL)
    brighter = cv2.convertScaleAbs(still.first, alpha=1.06)
    facial = engine.flow(engine.encode(still.first), engine.encode(brighter)).facial
    assert np.hypot(*facial[still.valid].T).mean() < 0.05


@pytest.mark.parametrize(("dx", "dy"), [(3, 0), (0, -2), (-4, 3)])
def test_a_shifted_crop_flows_as_far_as_it_was_shifted(engine: DisEngine, smile: Scene, dx: int, dy: int) -> None:
    shifted: NDArray[np.uint8] = np.roll(smile.first, (dy, dx), axis=(0, 1))
    facial = engine.flow(engine.encode(smile.first), engine.encode(shifted)).facial
    assert np.median(facial[smile.valid], axis=0) == pytest.approx([dx, dy], abs=0.1)


def test_encoded_crops_can_be_kept_and_used_in_any_order(engine: DisEngine, smile: Scene) -> None:
    first, second = engine.encode(smile.first), engine.encode(smile.second)
    there = engine.flow(first, second).facial.copy()
    back = engine.flow(second, first).facial
    assert not np.allclose(there, back, atol=0.1)
    assert np.array_equal(engine.flow(first, second).facial, there)
    assert np.array_equal(DisEngine().flow(first, second).facial, there)


def test_several_threads_may_call_at_once(engine: DisEngine, smile: Scene) -> None:
    first, second = engine.encode(smile.first), engine.encode(smile.second)
    pairs = [(first, second), (second, first)] * 8
    wanted = [engine.flow(*pair).found for pair in pairs]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda pair: engine.flow(*pair).found, pairs))
    assert np.array_equal(found, wanted)


def test_encoding_leaves_the_crop_alone_and_keeps_nothing_of_it(engine: DisEngine, smile: Scene) -> None:
    crop = smile.first.copy()
    encoded = engine.encode(crop)
    assert np.array_equal(crop, smile.first)
    before = engine.flow(encoded, engine.encode(smile.second)).facial.copy()
    crop[:] = 0
    assert np.array_equal(engine.flow(encoded, engine.encode(smile.second)).facial, before)


def test_a_chins_movement_is_seen_at_half_its_size_at_least(engine: DisEngine, portrait: PhantomFace) -> None:
    acted = scene(portrait, ("AU17", 0.03), nuisance=STILL)
    facial = engine.flow(engine.encode(acted.first), engine.encode(acted.second)).facial
    meter = RegionMeter(acted.landmarks)
    chin = REGION_INDEX["Chin"]
    truth = meter.displacements(acted.facial)[chin]
    got = meter.displacements(facial)[chin]
    assert got @ truth > 0.95 * np.linalg.norm(got) * np.linalg.norm(truth)
    assert 0.5 < np.linalg.norm(got) / np.linalg.norm(truth) < 1.1


@pytest.mark.parametrize(
    ("crop", "words"),
    [(np.zeros((CROP, CROP, 3), np.uint8), "black"), (np.full((CROP, CROP, 3), 255, np.uint8), "saturated"),
     (np.full((CROP, CROP, 3), 90, np.uint8), "flat tone"), (np.zeros((128, 128, 3), np.uint8), "256, 256, 3"),
     (np.zeros((CROP, CROP, 3), np.float32), "float32")],
    ids=["black", "white", "flat", "small", "float"],
)  # fmt: skip
def test_a_crop_without_anything_to_follow_is_refused(engine: DisEngine, crop: NDArray[np.uint8], words: str) -> None:
    with pytest.raises(CropError, match=words):
        engine.encode(crop)

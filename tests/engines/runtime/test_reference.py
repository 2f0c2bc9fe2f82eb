import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from calib.face import Floats
from calib.phantom import PhantomFace
from engines.grid import CELLS, at_every_pixel
from engines.runtime.interface import EngineError, FlowFields
from engines.runtime.reference import Reference
from engines.runtime.weights import Weights
from tests.engines.runtime.folders import write_folder
from tests.engines.scenes import Scene, scene

NAME = "meflownet_s_reference.npz"
WAVES: Floats = np.random.default_rng(0).normal(size=(CELLS, CELLS, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def smile(portrait: PhantomFace) -> Scene:
    return scene(portrait, ("AU12", 0.02))


def answer(smile: Scene, **changes: Any) -> bytes:
    """A file that says the facial flow is `WAVES`, the head's half of it; followed, twice that."""
    arrays: dict[str, Any] = {
        "first": smile.first,
        "second": smile.second,
        "facial": WAVES,
        "head": WAVES / 2,
        "guess": 0.75 * WAVES,
        "followed": 2 * WAVES,
        "followed_head": WAVES,
    }
    content = io.BytesIO()
    np.savez(content, **{k: v for k, v in (arrays | changes).items() if v is not None})
    return content.getvalue()


@pytest.fixture
def weights(smile: Scene, tmp_path: Path) -> Weights:
    return Weights(write_folder(tmp_path, {NAME: answer(smile)}))


class Told:
    """An engine that answers as it was told to."""

    name = "told"

    def __init__(self, facial: Floats, head: Floats) -> None:
        self.fields, self.seen = FlowFields(facial, head), list[NDArray[np.uint8]]()

    def encode(self, crop: NDArray[np.uint8]) -> int:
        self.seen.append(crop)
        return len(self.seen)

    def flow(self, first: int, second: int) -> FlowFields:
        assert (first, second) == (1, len(self.seen))
        return self.fields

    def close(self) -> None:
        """Nothing to release."""


class Following(Told):
    """One that goes on from a guess, and answers that as it was told to."""

    def __init__(self, facial: Floats, head: Floats) -> None:
        super().__init__(WAVES, WAVES / 2)
        self.followed = FlowFields(facial, head)

    def follow(self, first: int, second: int, guess: Floats) -> FlowFields:
        assert (first, second) == (1, len(self.seen))
        assert np.array_equal(guess, 0.75 * WAVES)
        return self.followed


def test_the_answer_itself_is_no_distance_away(weights: Weights, smile: Scene) -> None:
    engine = Told(WAVES, WAVES / 2)
    assert Reference(weights).check(engine, 0.01) == pytest.approx(0, abs=1e-6)
    assert np.array_equal(engine.seen[0], smile.first)
    assert np.array_equal(engine.seen[1], smile.second)


@pytest.mark.parametrize("part", ["facial", "head"])
def test_the_larger_distance_of_face_and_head_counts(weights: Weights, part: str) -> None:
    off = np.array([0.03, -0.04], np.float32)
    engine = Told(WAVES + off * (part == "facial"), WAVES / 2 + off * (part == "head"))
    assert Reference(weights).check(engine, 0.06) == pytest.approx(0.05, rel=1e-3)
    with pytest.raises(EngineError, match=r"told is 0\.050 px away .* 0\.01 px are allowed"):
        Reference(weights).check(Told(engine.fields.found, WAVES / 2 + off * (part == "head")), 0.01)


@pytest.mark.parametrize("part", ["facial", "head"])
def test_what_an_engine_makes_of_a_guess_counts_too(weights: Weights, part: str) -> None:
    off = np.array([0.03, -0.04], np.float32)
    right, wrong = (Following(2 * WAVES + o * (part == "facial"), WAVES + o * (part == "head")) for o in (0 * off, off))
    assert Reference(weights).check(right, 0.01) == pytest.approx(0, abs=1e-6)
    assert Reference(weights).apart_px(wrong) == pytest.approx(0.05, rel=1e-3)


def test_a_live_frame_is_followed_where_it_can_be(weights: Weights) -> None:
    reference = Reference(weights)
    for engine in (Told(WAVES, WAVES), Following(WAVES, WAVES)):
        wanted = engine.followed if isinstance(engine, Following) else engine.fields
        assert reference.live(engine, engine.encode(reference.crops[0])) is wanted


def test_an_engine_that_tells_every_pixel_is_measured_alike(weights: Weights) -> None:
    whole = at_every_pixel(WAVES)
    assert Reference(weights).check(Told(whole, whole / 2), 0.01) == pytest.approx(0, abs=1e-6)


def test_what_is_no_number_is_never_near(weights: Weights) -> None:
    with pytest.raises(EngineError, match="nan px away"):
        Reference(weights).check(Told(WAVES * np.float32("nan"), WAVES / 2), 1e6)


@pytest.mark.parametrize("kind", ["garbage", "empty", "truncated", "incomplete"])
def test_a_file_without_an_answer_is_named(smile: Scene, tmp_path: Path, kind: str) -> None:
    content = {"garbage": b"garbage", "empty": b"", "truncated": answer(smile)[:3000],
               "incomplete": answer(smile, head=None)}[kind]  # fmt: skip
    with pytest.raises(EngineError, match=f"{NAME}: not a reference answer"):
        Reference(Weights(write_folder(tmp_path, {NAME: content})))


def test_a_corrupt_answer_is_named(weights: Weights) -> None:
    (weights.folder / NAME).write_bytes(b"rotten")
    with pytest.raises(EngineError, match=f"{NAME}: corrupt.*SHA-256"):
        Reference(weights)


def test_the_pace_is_that_of_one_encoding_and_one_flow(weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(np.cumsum([0, 5, 1, 3, 1, 9, 1, 4, 1, 2]).tolist())
    monkeypatch.setattr("time.perf_counter", lambda: float(next(clock)))
    engine = Told(WAVES, WAVES)
    assert Reference(weights).pace_s(engine, rounds=5) == 2.0
    assert len(engine.seen) == 1 + 5

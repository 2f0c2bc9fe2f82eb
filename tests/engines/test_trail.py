"""How a flow is followed from frame to frame: by an engine whose truth is known, and by the shipped network."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calib.crop import rgb_crop
from calib.face import Floats, crop_transform
from calib.phantom import Nuisance, PhantomEvent, PhantomFace, PhantomScript, PhantomVideo
from engines.grid import CELLS
from engines.runtime import FlowEngine, FlowFields, open_engine
from engines.runtime.interface import Guessed
from engines.trail import CHANGE_PX, REACH_PX, SMALL_PX, Step, Trail, flow_along

STEP_NS = 33_000_000
BLANK: NDArray[np.uint8] = np.zeros((256, 256, 3), np.uint8)


def uniform(u: float, v: float = 0.0) -> Floats:
    return np.broadcast_to(np.array([u, v], np.float32), (CELLS, CELLS, 2)).copy()


def bump(size_px: float) -> Floats:
    """A movement of a part of the face."""
    grown = np.zeros((CELLS, CELLS, 2), np.float32)
    grown[30:45, 20:44, 0] = size_px
    return grown


class Scripted:
    """An engine that knows each frame's flow; a frame is encoded as its number.

    Attributes:
        asked: what it was asked for: from nothing (None) or from a guess.
    """

    name = "scripted"

    def __init__(self, *flows: FlowFields) -> None:
        self.flows = flows
        self.asked: list[Floats | None] = []

    def encode(self, crop: NDArray[np.uint8]) -> int:
        raise AssertionError("a trail is handed what is encoded")

    def flow(self, first: int, second: int) -> FlowFields:
        assert first == -1
        self.asked.append(None)
        return self.flows[second]

    def follow(self, first: int, second: int, guess: Floats) -> FlowFields:
        assert first == -1
        self.asked.append(guess)
        return self.flows[second]

    def close(self) -> None:
        """Nothing to release."""


class Plain(Scripted):
    """One that cannot follow."""

    follow = None  # type: ignore[assignment]


def heads(*flows: Floats) -> list[FlowFields]:
    """Flows of a head without expression."""
    return [FlowFields(flow, flow) for flow in flows]


def flow(trail: Trail, engine: FlowEngine, crop: NDArray[np.uint8], encoded: Any, t_ns: int) -> FlowFields:
    (fields,) = flow_along(engine, [Step(trail, crop, encoded, t_ns)])
    return fields


def run(engine: Scripted, times_ns: list[int] | None = None) -> list[Floats]:
    """What is found, frame after frame."""
    trail = Trail(BLANK, -1, 0)
    times = times_ns or [STEP_NS * (k + 1) for k in range(len(engine.flows))]
    return [flow(trail, engine, BLANK, k, t_ns).found for k, t_ns in enumerate(times)]


def test_each_frame_begins_with_the_flow_of_the_last_and_the_first_with_none() -> None:
    engine = Scripted(*heads(uniform(0.5), uniform(1.2), uniform(-1.9), uniform(2.0)))
    found = run(engine)
    assert all(np.array_equal(f, flow.found) for f, flow in zip(found, engine.flows, strict=True))
    for guess, wanted in zip(engine.asked, [uniform(0.0), *found], strict=False):
        assert guess is not None
        assert np.array_equal(guess, wanted)


def test_after_long_nothing_is_known() -> None:
    """Some frames were dropped: the face is near; after many, it may be anywhere."""
    engine = Scripted(*heads(uniform(0.5), uniform(1.5), uniform(1.5)))
    run(engine, [STEP_NS, 3 * STEP_NS, 9 * STEP_NS])
    assert [guess is None for guess in engine.asked] == [False, False, True]


def test_an_expression_that_changes_much_is_measured_from_nothing_as_well() -> None:
    sizes = (CHANGE_PX - 0.1, 2 * CHANGE_PX - 0.3, 2 * CHANGE_PX - 0.3, CHANGE_PX - 0.5, 0.0)
    engine = Scripted(*(FlowFields(bump(size), uniform(0.0)) for size in sizes))
    run(engine)
    assert [guess is None for guess in engine.asked] == [False, False, False, False, True, False]


def test_a_large_expression_is_checked_again_once_it_has_changed_since_the_last_check() -> None:
    step = 0.9 * CHANGE_PX
    sizes = (SMALL_PX - 2 * step, SMALL_PX - step, SMALL_PX, SMALL_PX + step / 2, SMALL_PX + step, SMALL_PX + 2 * step)
    engine = Scripted(*(FlowFields(bump(size), uniform(0.0)) for size in (step, *sizes, SMALL_PX + 1.5 * step)))
    run(engine)
    assert [guess is None for guess in engine.asked] == [False] * 5 + [True, False, False, True, False]


class Doubtful(Scripted):
    """An engine that finds another flow from nothing than from a guess."""

    def __init__(self, followed: Floats, other: Floats) -> None:
        super().__init__(FlowFields(followed, uniform(0.0)))
        self.other = FlowFields(other, uniform(0.0))

    def flow(self, first: int, second: int) -> FlowFields:
        super().flow(first, 0)
        return self.other

    def follow(self, first: int, second: int, guess: Floats) -> FlowFields:
        return super().follow(first, 0, guess)


@pytest.mark.parametrize("hidden", [False, True])
def test_of_two_answers_the_one_from_nothing_is_believed_if_the_crops_look_more_alike_under_it(hidden: bool) -> None:
    """They do where skin has moved, and not where a hand hides it."""
    rough = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    first = cv2.resize(rough, (256, 256), interpolation=cv2.INTER_CUBIC)
    second = first.copy()
    if hidden:
        second[100:200, 60:200] = 128
    engine = Doubtful(bump(2.5), np.zeros_like(bump(2.5)))
    trail = Trail(first, -1, 0)
    found = [flow(trail, engine, second, k, STEP_NS * (k + 1)).found.max() for k in range(2)]
    assert found == ([2.5, 2.5] if hidden else [0.0, 0.0])
    asked = [guess is None for guess in engine.asked]
    assert asked == ([False, True, False] if hidden else [False, True, False, True])


def test_where_following_has_lost_a_large_expression_frames_are_measured_from_nothing() -> None:
    rough = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    crop = cv2.resize(rough, (256, 256), interpolation=cv2.INTER_CUBIC)
    shifted = np.roll(crop, 5, axis=1)
    engine = Doubtful(uniform(5.0) + bump(2.5), uniform(5.0))
    engine.other = FlowFields(uniform(5.0), uniform(2.0))  # the larger expression, and the truth
    trail = Trail(crop, -1, 0)
    found = [flow(trail, engine, shifted, k, STEP_NS * (k + 1)).found.max() for k in range(3)]
    assert found == [5.0] * 3
    assert [guess is None for guess in engine.asked] == [False, True, True, True]


def test_a_jump_is_measured_from_nothing_as_well() -> None:
    engine = Scripted(*heads(uniform(REACH_PX - 0.1), uniform(2 * REACH_PX), uniform(30.0), uniform(32.0)))
    run(engine)
    assert [guess is None for guess in engine.asked] == [False, False, True, False, True, False]


class Batched(Scripted):
    """One that takes several at once.

    Attributes:
        batches: how many were followed, and how many measured from nothing.
    """

    def __init__(self, *flows: FlowFields) -> None:
        super().__init__(*flows)
        self.batches: list[tuple[int, int]] = []

    def encode_many(self, crops: Sequence[NDArray[np.uint8]]) -> list[int]:
        raise AssertionError("a trail is handed what is encoded")

    def flow_many(self, pairs: Sequence[tuple[int, int]]) -> list[FlowFields]:
        self.batches.append((0, len(pairs)))
        return [self.flow(*pair) for pair in pairs]

    def follow_many(self, guessed: Sequence[Guessed]) -> list[FlowFields]:
        self.batches.append((len(guessed), 0))
        return [self.follow(*one) for one in guessed]


def test_several_faces_are_followed_at_once_and_each_as_if_it_were_alone() -> None:
    """One that moves little; one that jumps, and is measured from nothing as well; one that was gone for long."""
    flows = heads(uniform(0.5), uniform(2 * REACH_PX), uniform(1.0), uniform(0.7), uniform(2 * REACH_PX), uniform(1.5))
    together, alone = Batched(*flows), Scripted(*flows)
    times = [(STEP_NS, 2 * STEP_NS), (STEP_NS, 2 * STEP_NS), (STEP_NS, 9 * STEP_NS)]
    trails = [Trail(BLANK, -1, 0) for _ in times]
    found = []
    for row in range(2):
        steps = [Step(trail, BLANK, 3 * row + k, times[k][row]) for k, trail in enumerate(trails)]
        found.append([fields.found.max() for fields in flow_along(together, steps)])
    assert together.batches == [(3, 0), (0, 1), (2, 0), (0, 1)]
    assert found[0] == [0.5, 2 * REACH_PX, 1.0]
    for k, when in enumerate(times):
        trail = Trail(BLANK, -1, 0)
        assert [flow(trail, alone, BLANK, 3 * row + k, when[row]).found.max() for row in range(2)] == [
            found[row][k] for row in range(2)
        ]


def test_an_engine_that_cannot_follow_is_asked_from_nothing() -> None:
    engine = Plain(*heads(*[uniform(0.1)] * 3))
    assert len(run(engine)) == 3
    assert engine.asked == [None] * 3


def test_of_an_engine_that_tells_no_head_all_movement_is_checked_like_an_expression() -> None:
    sizes = (CHANGE_PX - 0.1, SMALL_PX + 1, SMALL_PX + 1)
    engine = Scripted(*(FlowFields(uniform(size), None) for size in sizes))
    run(engine)
    assert [guess is None for guess in engine.asked] == [False, False, True, False]


class Performance:
    """A face that sways and moves, and what covers it."""

    def __init__(self, face: PhantomFace, nuisance: Nuisance) -> None:
        event = PhantomEvent(0.5, 0.7, 0.95, (("AU12", 0.02),))
        self.video = PhantomVideo(face, PhantomScript((event,), nuisance=nuisance, seed=3), 400, 360, 85.0)
        self.transform = crop_transform(self.video.landmarks(0.0))

    def crop(self, t_s: float, hand: bool = False) -> NDArray[np.uint8]:
        crop = rgb_crop(self.video.frame(t_s), self.transform)
        if hand:
            rough = np.random.default_rng(0).integers(60, 200, (8, 8, 3), np.uint8)
            left = int(40 + 120 * t_s)
            crop[100:, left : left + 80] = cv2.resize(rough, (80, 156), interpolation=cv2.INTER_CUBIC)
        return crop


def test_what_is_followed_is_what_is_measured_from_nothing(portrait: PhantomFace) -> None:
    """Through a smile that comes and goes, in a second of video."""
    shown = Performance(portrait, Nuisance(noise=2.0))
    engine = open_engine("meflownet")
    first = engine.encode(shown.crop(0.0))
    trail = Trail(shown.crop(0.0), first, 0)
    apart, steps = [], 0
    follow = engine.follow  # type: ignore[attr-defined]
    for k in range(1, 31):
        crop = shown.crop(k / 30)
        encoded = engine.encode(crop)
        with pytest.MonkeyPatch.context() as patch:

            def counted(*pair: object) -> FlowFields:
                nonlocal steps
                steps += 1
                fields: FlowFields = follow(*pair)
                return fields

            patch.setattr(engine, "follow", counted)
            found = flow(trail, engine, crop, encoded, k * STEP_NS)
        wanted = engine.flow(first, encoded)
        apart.append(np.hypot(*np.moveaxis(found.found - wanted.found, -1, 0))[16:48, 16:48].mean())
    engine.close()
    assert steps == 30
    assert max(apart) < 0.1


def test_a_hand_before_the_face_leads_no_flow_astray(portrait: PhantomFace) -> None:
    shown = Performance(portrait, Nuisance(sway_iod=0, roll_deg=0, zoom=0, turn_deg=0, light=0, noise=1.0))
    engine = open_engine("meflownet")
    trail = Trail(shown.crop(0.0), engine.encode(shown.crop(0.0)), 0)
    for k in range(1, 13):
        crop = shown.crop(k / 30, hand=k > 3)
        found = flow(trail, engine, crop, engine.encode(crop), k * STEP_NS).found
    engine.close()
    assert np.hypot(*np.moveaxis(found, -1, 0))[8:22, 20:44].mean() < 0.15  # the brows and the forehead

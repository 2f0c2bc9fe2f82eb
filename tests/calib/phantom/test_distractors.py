from typing import Literal

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from calib.face import eye_centres
from calib.phantom import Distractor, Nuisance, PhantomFace, PhantomScript, PhantomVideo
from calib.phantom.distractors import (
    Exposure,
    Flicker,
    Gaze,
    HeadTurn,
    KeyFrames,
    Lean,
    LightStep,
    Nod,
    Wink,
)
from calib.phantom.speech import make_speech

STILL = Nuisance(sway_iod=0, roll_deg=0, zoom=0, turn_deg=0, light=0, noise=0)
QUICK = settings(max_examples=40)
START, END, MIDDLE = 1.0, 2.0, 1.47
EVERY: tuple[Distractor, ...] = (
    Wink(START, END), Gaze(START, END), HeadTurn(START, END), Nod(START, END), Lean(START, END), LightStep(START, END),
    Flicker(START, END), Exposure(START, END), KeyFrames(START, END),
    make_speech(START, END, 0.05, np.random.default_rng(0)),
)  # fmt: skip
PHOTOMETRIC = (LightStep(START, END), Flicker(START, END), Exposure(START, END), KeyFrames(START, END))
HEADS = (HeadTurn(START, END, 8, -3), Nod(START, END, 5, 1), Lean(START, END, 0.12))


def small(face: PhantomFace, *distractors: Distractor) -> PhantomVideo:
    return PhantomVideo(face, PhantomScript(nuisance=STILL, distractors=distractors), 256, 256, 70.0)


def changed(video: PhantomVideo, t_s: float = MIDDLE) -> NDArray[np.bool_]:
    """Which pixels a frame has otherwise than one at rest, (H, W)."""
    return np.asarray((video.frame(t_s) != video.frame(0.5)).any(axis=-1))


def darkest(strip: NDArray[np.uint8]) -> float:
    """The column of a strip (h, w, 3) about which it is dark, px."""
    weight = (255 - strip.astype(np.float64).mean(axis=(0, 2))) ** 8
    return float((weight * np.arange(len(weight))).sum() / weight.sum())


@pytest.mark.parametrize("distractor", EVERY, ids=lambda d: d.kind)
def test_it_leaves_its_mark_and_only_within_its_span(portrait: PhantomFace, distractor: Distractor) -> None:
    video = small(portrait, distractor)
    rest = video.frame(0.5)
    assert np.array_equal(video.frame(START), rest)
    assert np.array_equal(video.frame(END), rest)
    assert any(changed(video, t).any() for t in (1.2, 1.4, MIDDLE))


@QUICK
@given(st.sampled_from(EVERY), st.floats(-2, 0.999) | st.floats(2.001, 9))
def test_outside_its_span_it_does_nothing(distractor: Distractor, t_s: float) -> None:
    assert distractor.lids(t_s) == (0.0, 0.0)
    assert distractor.gaze(t_s) == 0.0
    assert not distractor.strengths(t_s)
    assert distractor.head(t_s) is None
    assert distractor.gain(t_s) == 1.0
    assert distractor.jpeg(t_s) is None


def test_a_span_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match=r"wink: start 2.0 < end 1.0 does not hold"):
        Wink(2.0, 1.0)


@QUICK
@given(st.floats(0.01, 2), st.floats(0, 1), st.floats(0, 1))
def test_the_way_there_and_back_is_smooth(move_s: float, a: float, b: float) -> None:
    distractor = Distractor(START, END)
    one, other = (distractor.share(START + place, move_s) for place in (a, b))
    assert 0 <= one <= 1
    steepest = np.pi / 2 / min(move_s, 0.5)
    assert abs(one - other) <= steepest * abs(a - b) + 1e-9


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_a_wink_closes_one_eye_and_moves_nothing_else(portrait: PhantomFace, side: Literal["Left", "Right"]) -> None:
    video = small(portrait, Wink(START, END, side))
    own, other = eye_centres(video.face.landmarks)[:: 1 if side == "Left" else -1]
    ys, xs = np.nonzero(changed(video))
    assert len(xs) > 50
    apart = np.hypot(xs - own[0], ys - own[1]) / 70
    assert apart.max() < 0.5
    flow = video.flow(0.5, MIDDLE)
    x, y = np.round(own).astype(int)
    u, v = np.round(other).astype(int)
    assert not flow.valid[y, x]
    assert flow.valid[v, u]


def test_a_glance_moves_the_irises_within_the_open_eyes(portrait: PhantomFace) -> None:
    shift = 0.06
    video = small(portrait, Gaze(START, END, shift))
    where = changed(video)
    for eye, iris in zip(eye_centres(video.face.landmarks), (468, 473), strict=True):
        x, y = np.round(eye).astype(int)
        where[y - 14 : y + 15, x - 20 : x + 21] = False
        u, v = np.round(video.face.landmarks[iris, :2]).astype(int)
        # The darkest part of the eye goes along.
        before, after = (darkest(video.frame(t)[v - 1 : v + 2, u - 12 : u + 13]) for t in (0.5, MIDDLE))
        assert after - before == pytest.approx(70 * shift, abs=1.6)
    assert not where.any()
    assert np.abs(video.flow(0.5, MIDDLE).facial).max() < 1e-3


@pytest.mark.parametrize("distractor", PHOTOMETRIC, ids=lambda d: d.kind)
def test_light_and_compression_move_no_skin(portrait: PhantomFace, distractor: Distractor) -> None:
    flow = small(portrait, distractor).flow(0.5, MIDDLE)
    assert np.abs(flow.facial).max() < 1e-3


@pytest.mark.parametrize("distractor", HEADS, ids=lambda d: d.kind)
def test_head_movements_are_exactly_known(portrait: PhantomFace, distractor: Distractor) -> None:
    video = small(portrait, distractor)
    flow = video.flow(0.5, MIDDLE)
    assert np.abs(flow.expression).max() < 1e-3
    assert np.hypot(*flow.facial[flow.valid].T).max() > 2
    x, y = np.meshgrid(np.arange(256), np.arange(256))
    points = (np.stack([x, y], axis=-1) + flow.facial).astype(np.float32)
    first, second = video.frame(0.5).astype(np.float32), video.frame(MIDDLE).astype(np.float32)
    back = np.asarray(cv2.remap(second, points, None, cv2.INTER_CUBIC))
    assert np.abs(back - first)[flow.valid].mean() < 0.2 * np.abs(second - first)[flow.valid].mean()


def test_a_nod_goes_down_as_often_as_asked() -> None:
    nod = Nod(0.0, 3.0, 5.0, 3)
    depths = [0.0 if (head := nod.head(t)) is None else float(head[1, 3]) for t in np.arange(0.0, 3.0, 0.01)]
    tops = [a < b > c for a, b, c in zip(depths, depths[1:], depths[2:], strict=False)]
    assert sum(tops) == 3
    assert min(depths) >= 0


@pytest.mark.parametrize(("fps", "steady"), [(30.0, False), (60.0, False), (100.0, True), (200.0, True)])
def test_flicker_beats_against_the_frame_rate(fps: float, steady: bool) -> None:
    lamp = Flicker(0.0, 1.0, 100.0, 0.04)
    gains = [lamp.gain(k / fps + 0.0013) for k in range(1, int(fps) - 1)]
    within_two = np.abs(np.array(gains[2:]) - gains[:-2])
    assert (within_two.max() < 1e-6) == steady
    assert all(0.959 < gain < 1.041 for gain in gains)


def test_quality_jumps_up_with_each_key_frame_and_sinks_until_the_next() -> None:
    pulses = KeyFrames(0.0, 2.0, 0.5, 25, 85)
    course = [pulses.jpeg(t) or 0 for t in np.arange(0.001, 1.999, 0.01)]
    jumps = np.flatnonzero(np.diff(course) > 10)
    assert len(jumps) == 3
    assert max(np.delete(np.diff(course), jumps)) <= 0
    assert 25 <= min(course) < 30
    assert max(course) > 80


def test_a_compression_of_its_own_takes_the_place_of_the_videos() -> None:
    script = PhantomScript(nuisance=Nuisance(jpeg=40), distractors=(KeyFrames(START, END, 0.5, 25, 85),))
    assert script.jpeg(0.5) == 40
    assert script.jpeg(START + 0.01) is not None
    assert script.jpeg(START + 0.49) in range(25, 30)

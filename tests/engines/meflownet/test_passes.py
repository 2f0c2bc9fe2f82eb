from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")

import torch
from torch import Tensor

from calib.face import CROP, Floats
from calib.phantom import PhantomFace
from engines.likeness import Likeness
from engines.meflownet.data import Pair, PairMaker, Person
from engines.meflownet.data.expressions import ExpressionConfig
from engines.meflownet.memory import Batch
from engines.meflownet.passes import Net, SecondPass
from engines.refine import from_both_sides, turned, warped
from tests.engines.meflownet.data.plain import MOVING, config
from tests.engines.scenes import GRID

Flows = tuple[Tensor, Tensor, list[Tensor]]

SIZES = {"small": (0.6, 2.5), "large": (4.0, 12.0)}


def pairs_of(portrait: PhantomFace, size: str, count: int = 4) -> list[Pair]:
    """Clean pairs of a moving head, whose expression is of a size."""
    expression = ExpressionConfig(still=0, macro=0, micro_px=SIZES[size])
    maker = PairMaker([Person("collins", portrait.photo, portrait.landmarks)], config(expression, MOVING))
    return [maker.pair(number) for number in range(count)]


def planes(flow: Floats) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(flow)).permute(2, 0, 1)[None]


def image(part: Tensor) -> Floats:
    return np.ascontiguousarray(part[0].permute(1, 2, 0).numpy())


def back_of(there: Floats) -> Floats:
    """The flow from the second crop to the first, given the one to it."""
    back = -there
    for _ in range(20):
        back = -cv2.remap(there, GRID + back, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(back, np.float32)


def telling(pair: Pair, facial: Floats, head: Floats, back: Floats | None = None) -> Net:
    """A network that says this of a pair, and the inverse (or `back`) of it the other way round."""
    turned = back_of(facial) if back is None else back

    def net(first: Tensor, second: Tensor) -> Flows:
        if np.array_equal(image(first), pair.first):
            return planes(facial), planes(head), []
        assert np.array_equal(image(second), pair.first)
        return planes(turned), planes(-head), []

    return net


def seen_twice(pair: Pair, facial: Floats, head: Floats, back: Floats | None = None) -> Batch:
    cpu = torch.device("cpu")
    seen: Batch = SecondPass(cpu).of(telling(pair, facial, head, back), Batch.of(pair, cpu))
    return seen


def apart(a: NDArray[Any], pair: Pair, where: NDArray[np.bool_]) -> float:
    """Mean difference to the pair's first crop, grey levels."""
    return float(np.abs(a.astype(np.float64) - pair.first)[where].mean())


@pytest.mark.parametrize("size", SIZES)
def test_a_first_pass_that_is_right_leaves_next_to_nothing(portrait: PhantomFace, size: str) -> None:
    for pair in pairs_of(portrait, size):
        left = seen_twice(pair, pair.facial, pair.head)
        counted = left.valid[0, 0].numpy() > 0
        assert counted.sum() > 0.9 * pair.valid.sum()
        assert not (counted & ~pair.valid).any()
        assert float(left.head.abs().max()) == 0
        moved = np.linalg.norm(pair.facial, axis=-1)[counted].mean()
        assert np.linalg.norm(image(left.facial), axis=-1)[counted].mean() < 0.1 * moved
        assert apart(image(left.second), pair, counted) < 0.5 * apart(pair.second, pair, counted)


@pytest.mark.parametrize("size", SIZES)
def test_what_a_first_pass_missed_is_left_and_leads_to_the_same_places(portrait: PhantomFace, size: str) -> None:
    for pair in pairs_of(portrait, size):
        head = np.asarray(pair.head + np.float32(0.2), np.float32)
        left = seen_twice(pair, np.asarray(head + 0.8 * (pair.facial - pair.head), np.float32), head)
        counted = left.valid[0, 0].numpy() > 0
        assert counted.sum() > 0.9 * pair.valid.sum()
        assert np.allclose(image(left.head), -0.2, atol=1e-5)
        led = cv2.remap(
            image(left.second.float()), GRID + image(left.facial), None, cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        assert apart(led, pair, counted) < 0.5 * apart(image(left.second), pair, counted)
        assert np.linalg.norm(image(left.facial), axis=-1)[counted].mean() > 0.1


def test_it_takes_out_what_the_engines_second_pass_takes_out(portrait: PhantomFace) -> None:
    """Also where the sides do not agree: left, the way there is off by up to a pixel, and right, the way back."""
    y, x = np.mgrid[:CROP, :CROP] / 16
    off = np.stack([np.sin(x), np.cos(y)], axis=-1).astype(np.float32)
    left_half = (GRID[..., :1] < CROP / 2).astype(np.float32)
    for pair in pairs_of(portrait, "large", 2):
        head = np.asarray(pair.head + np.float32(0.1), np.float32)
        facial = pair.facial + left_half * off
        back = back_of(pair.facial) + (1 - left_half) * off
        left = seen_twice(pair, facial, head, back)
        likeness = Likeness(pair.first, pair.second)
        guesses = from_both_sides(facial, back, likeness), facial, turned(back, facial)
        merged, there, turned_round = (
            np.abs(image(left.second) - warped(pair.second, guess).astype(np.float64)) for guess in guesses
        )
        # Cubic interpolation here, Lanczos there.
        assert merged[pair.valid].mean() < 0.5
        for one_sided in (there, turned_round):
            assert merged[pair.valid].mean() < 0.3 * one_sided[pair.valid].mean()


def test_only_a_clear_expression_is_taken_out(portrait: PhantomFace) -> None:
    """What is hardly there may be noise; the head's motion is taken out at any rate."""
    pair = pairs_of(portrait, "small", 1)[0]
    still = np.zeros_like(pair.head)
    for moved_px, taken in ((0.45, False), (0.55, True)):
        told = np.array([moved_px, 0], np.float32) + still
        left = seen_twice(pair, told, still)
        wanted = pair.facial - told if taken else pair.facial
        assert np.allclose(image(left.facial)[pair.valid], wanted[pair.valid], atol=1e-4)


def test_an_answer_that_is_no_number_is_taken_for_no_motion(portrait: PhantomFace) -> None:
    pair = pairs_of(portrait, "small", 1)[0]
    nothing = np.full(pair.head.shape, np.nan, np.float32)
    left = SecondPass(torch.device("cpu")).of(
        lambda first, second: (planes(nothing), planes(nothing), []), Batch.of(pair, torch.device("cpu"))
    )
    assert np.array_equal(image(left.second), pair.second)
    assert np.array_equal(image(left.facial), pair.facial)

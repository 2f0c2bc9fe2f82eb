from types import SimpleNamespace
from typing import cast

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calib.face import CROP, REGION_INDEX, Floats, crop_landmarks, crop_transform, region_centres
from calib.phantom import PhantomFace
from engines.meflownet.data import Pair, PairConfig, PairMaker, Person
from engines.meflownet.data.appearance import AppearanceConfig
from engines.meflownet.data.expressions import ExpressionConfig
from engines.meflownet.data.heads import HeadConfig
from engines.meflownet.data.shapes import GRID as COARSE
from engines.meflownet.data.shapes import ShapeModel
from tests.engines.meflownet.data.plain import MOVING, config
from tests.engines.scenes import GRID

MICRO, MACRO = ExpressionConfig(still=0, macro=0, micro_px=(1, 4)), ExpressionConfig(still=0, macro=1)
RESTING = HeadConfig(still=1, frontal=1)


@pytest.fixture(scope="module")
def person(portrait: PhantomFace) -> Person:
    return Person("collins", portrait.photo, portrait.landmarks)


def apart(a: NDArray[np.uint8], pair: Pair) -> float:
    """Mean difference to the pair's first crop on the face, grey levels."""
    return float(np.abs(a.astype(np.float64) - pair.first)[pair.valid].mean())


def fetched(pair: Pair, flow: Floats) -> NDArray[np.uint8]:
    """The second crop, warped back by a flow."""
    back = cv2.remap(pair.second, GRID + flow, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(back, np.uint8)


def test_a_pair_is_what_it_says_it_is(person: Person) -> None:
    pair = PairMaker([person]).pair(0)
    for crop in (pair.first, pair.second):
        assert crop.shape == (CROP, CROP, 3)
        assert crop.dtype == np.uint8
    for flow in (pair.facial, pair.head):
        assert flow.shape == (CROP, CROP, 2)
        assert flow.dtype == np.float32
        assert np.isfinite(flow).all()
    assert pair.valid.dtype == np.bool_
    assert 0.2 < pair.valid.mean() < 0.7
    assert pair.name == "collins"
    assert all(a.flags.c_contiguous for a in (pair.first, pair.second, pair.facial, pair.head, pair.valid))


def test_a_pair_is_the_same_whenever_it_is_asked_for(person: Person) -> None:
    maker, other = PairMaker([person], seed=4), PairMaker([person], seed=4)
    third = maker.pair(3)
    maker.pair(0)
    for again in (maker.pair(3), other.pair(3)):
        assert np.array_equal(again.first, third.first)
        assert np.array_equal(again.second, third.second)
        assert np.array_equal(again.facial, third.facial)
    assert not np.array_equal(maker.pair(4).first, third.first)
    assert not np.array_equal(PairMaker([person], seed=5).pair(3).first, third.first)


@pytest.mark.parametrize(
    ("expression", "head"), [(MICRO, MOVING), (MACRO, MOVING), (MICRO, RESTING)], ids=["micro", "macro", "resting"]
)
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_true_flow_takes_the_second_crop_back_to_the_first(
    person: Person, expression: ExpressionConfig, head: HeadConfig, mirrored: bool
) -> None:
    maker = PairMaker([person], config(expression, head, mirrored=mirrored))
    for number in range(4):
        pair = maker.pair(number)
        assert apart(fetched(pair, pair.facial), pair) < min(0.8, 0.13 + 0.25 * apart(pair.second, pair))


def test_head_flow_alone_leaves_the_expression_over(person: Person) -> None:
    maker = PairMaker([person], config(ExpressionConfig(still=0, macro=1), MOVING))
    for number in range(3):
        pair = maker.pair(number)
        moved = pair.valid & (np.hypot(*(pair.facial - pair.head).transpose(2, 0, 1)) > 1.5)
        assert moved.any()
        whole, head = (
            np.abs(fetched(pair, flow).astype(np.float64) - pair.first)[moved].mean()
            for flow in (pair.facial, pair.head)
        )
        assert whole < 0.5 * head


def test_a_still_face_has_no_expression_and_a_still_head_no_motion(person: Person) -> None:
    still = PairMaker([person], config(ExpressionConfig(still=1), MOVING)).pair(0)
    assert np.array_equal(still.facial, still.head)
    assert np.abs(still.head).max() > 0.1
    resting = PairMaker([person], config(MICRO, RESTING)).pair(0)
    assert np.abs(resting.head).max() < 1e-3
    assert 0.5 < np.hypot(*resting.facial.transpose(2, 0, 1)).max() < 4.01


def test_a_head_that_is_held_aside_is_seen_aside_and_its_skin_that_is_seen_stays_with_it(person: Person) -> None:
    aside = HeadConfig(still=1, frontal=0, aside_deg=9)
    turned, frontal = (PairMaker([person], config(MICRO, head, mirrored=False)) for head in (aside, RESTING))
    for number in range(4):
        pair, plain = turned.pair(number), frontal.pair(number)
        assert np.abs(pair.head[pair.valid]).max() < 0.06
        assert apart(plain.first, pair) > 2
        assert apart(fetched(pair, pair.facial), pair) < min(0.8, 0.13 + 0.25 * apart(pair.second, pair))


def test_where_nothing_moves_both_crops_are_the_same(person: Person) -> None:
    maker = PairMaker([person], config(ExpressionConfig(still=1), RESTING))
    for number in range(3):
        pair = maker.pair(number)
        assert np.abs(pair.first.astype(int) - pair.second).mean() < 0.2


@pytest.mark.parametrize("iod", [25.0, 60.0, 150.0, 200.0])
def test_flow_is_exact_however_large_the_camera_sees_the_face(person: Person, iod: float) -> None:
    pair = PairMaker([person], config(MICRO, MOVING, frame_iod=(iod, iod))).pair(1)
    assert apart(fetched(pair, pair.facial), pair) < 0.2 * apart(pair.second, pair)


def test_mirrored_pairs_show_the_face_the_other_way_round(person: Person) -> None:
    """A pair and its mirror image come from the same draws: exactly the mirroring differs."""
    plain = PairMaker([person], config(MICRO, MOVING, mirrored=False))
    maybe = PairMaker([person], config(MICRO, MOVING, mirrored=True))
    mirrored = 0
    for number in range(10):
        a, b = plain.pair(number), maybe.pair(number)
        if np.array_equal(a.first, b.first):
            assert np.array_equal(a.facial, b.facial)
            continue
        mirrored += 1
        assert np.array_equal(a.first[:, ::-1], b.first)
        assert np.array_equal(a.second[:, ::-1], b.second)
        assert np.array_equal(a.valid[:, ::-1], b.valid)
        assert np.array_equal(a.facial[:, ::-1] * np.array([-1, 1], np.float32), b.facial)
    assert 0 < mirrored < 10


def test_some_backgrounds_stay_while_the_head_moves(person: Person) -> None:
    def change(share: float) -> float:
        asked = config(ExpressionConfig(still=1), MOVING, still_background=share, mirrored=False)
        pair = PairMaker([person], asked).pair(2)
        border = np.ones((CROP, CROP), bool)
        border[6:-6, 6:-6] = False
        return float(np.abs(pair.first.astype(int) - pair.second)[border].mean())

    assert change(1.0) < 0.3 * change(0.0)


def test_the_crop_is_a_little_misplaced_as_a_held_one_is(portrait: PhantomFace, person: Person) -> None:
    plain = cv2.warpAffine(portrait.photo, crop_transform(portrait.landmarks), (CROP, CROP))[..., ::-1]

    def cut(jitter: float, seed: int = 0) -> Pair:
        still = ExpressionConfig(still=1)
        asked = config(still, RESTING, mirrored=False, jitter=jitter, frame_iod=(77, 77))
        return PairMaker([person], asked, seed=seed).pair(0)

    placed = cut(0)
    assert apart(plain, placed) < 3
    apart_px = [apart(plain, cut(2, seed)) for seed in range(4)]
    assert min(apart_px) > 1.5 * apart(plain, placed)


def test_what_is_covered_or_uncovered_is_not_valid_and_all_else_flows_as_ever(person: Person) -> None:
    """Closed eyes and open mouths change the second crop where no flow is asked for, and nowhere else."""
    plain = PairMaker([person], config(MICRO, MOVING, mirrored=False))
    shut = PairMaker([person], config(MICRO, MOVING, mirrored=False, appearance=AppearanceConfig(0, 1, 0)))
    for number in range(3):
        a, b = plain.pair(number), shut.pair(number)
        assert (a.valid & ~b.valid).sum() > 50
        assert not (b.valid & ~a.valid).any()
        lost = (fetched(b, b.facial).astype(np.float64) - b.first)[a.valid & ~b.valid]
        assert np.abs(lost).mean() > 5
        assert apart(fetched(b, b.facial), b) < 2


def test_all_people_take_their_turn(person: Person) -> None:
    crowd = [Person(name, person.photo, person.landmarks) for name in ("ada", "bob", "eve")]
    maker = PairMaker(crowd)
    assert {maker.pair(number).name for number in range(9)} == {"ada", "bob", "eve"}


def test_scanned_shapes_move_the_face_they_were_made_for(person: Person) -> None:
    asked = []

    def fields(landmarks: Floats) -> Floats:
        asked.append(landmarks)
        axis = 4 * np.arange(COARSE) + 1.5
        x, y = region_centres(landmarks)[REGION_INDEX["Chin"]]
        bump = np.exp(-((axis - x) ** 2 + (axis[:, None] - y) ** 2) / (2 * 15**2))
        return np.asarray(np.stack([0 * bump, bump], axis=-1)[None], np.float32)

    shapes = cast("ShapeModel", SimpleNamespace(names=("jawOpen",), fields=fields))
    expression = ExpressionConfig(still=0, macro=1, macro_px=(4, 4), scanned=1, stretched=0)
    maker = PairMaker([person], config(expression, RESTING, jitter=0, mirrored=False), shapes)
    pairs = [maker.pair(number) for number in range(2)]
    assert len(asked) == 1
    x, y = np.round(region_centres(crop_landmarks(crop_transform(person.landmarks), person.landmarks))).astype(int)[
        REGION_INDEX["Chin"]
    ]
    for pair in pairs:
        assert pair.facial[y, x] == pytest.approx([0, 4], abs=0.15)
        assert apart(fetched(pair, pair.facial), pair) < 0.6 * apart(pair.second, pair)


def test_as_configured_for_training_pairs_are_valid_and_varied(person: Person) -> None:
    maker = PairMaker([person], seed=1)
    pairs = [maker.pair(number) for number in range(12)]
    lengths = [float(np.hypot(*(p.facial - p.head)[p.valid].T).max()) for p in pairs]
    assert all(p.first.std() > 5 and p.second.std() > 5 for p in pairs)
    assert max(lengths) < 15.5
    assert max(lengths) > 10 * sorted(lengths)[2]


def test_a_mirrored_pair_is_itself_in_a_mirror(person: Person) -> None:
    pair = PairMaker([person], config(MICRO, MOVING, mirrored=False)).pair(4)
    mirrored = pair.mirrored()
    assert np.array_equal(mirrored.first[:, ::-1], pair.first)
    assert np.array_equal(mirrored.facial[:, ::-1] * (-1, 1), pair.facial)
    assert apart(fetched(mirrored, mirrored.facial), mirrored) == pytest.approx(
        apart(fetched(pair, pair.facial), pair), abs=0.3
    )
    assert np.array_equal(mirrored.mirrored().second, pair.second)


def test_two_photos_of_a_person_make_posed_pairs(person: Person) -> None:
    asked = PairConfig(posed=1, mirrored=False)
    alone = PairMaker([person], asked).pair(0)
    assert alone.tolerance_px == 0
    pair = PairMaker([person, person], asked).pair(0)
    assert pair.tolerance_px > 0
    # The same photo twice: nothing but the crops' misplacement moves, and that is a head's motion.
    assert float(np.hypot(*(pair.facial - pair.head)[pair.valid].T).mean()) < 0.3

"""What the watch adds to single movements: thresholds, who may begin, and what leaks. Its curves are in test_spot."""

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from calib.face import REGION_INDEX, Doubles
from calib.phantom import PhantomEvent
from realtime.config import SpotConfig
from realtime.messages import Motion
from realtime.watch import Watch
from tests.realtime.curves import displacement, motion

NOISE = 0.0002


def watched(
    curve: dict[str, tuple[float, float]] | list[PhantomEvent],
    head: float = 0.0,
    engine: str = "meflownet",
    shut: float = 0.0,
    iod_px: float = 100.0,
) -> list[str]:
    """Phases told of a pulse of 0.3 s at 8 s, of single regions (u, v) or of events.

    Meanwhile the head jumps by so much, px, and one eye shuts by such a share.
    """
    watch, rng, phases = Watch(SpotConfig()), np.random.default_rng(2), list[str]()
    for k in range(300):
        t_s = k / 30
        moved: Doubles = NOISE * rng.standard_normal((29, 2))
        pulse = 0.5 - 0.5 * np.cos(2 * np.pi * (t_s - 8) / 0.3) if 8 < t_s < 8.3 else 0.0
        if isinstance(curve, dict):
            for name, way in curve.items():
                moved[REGION_INDEX[name]] += pulse * np.array(way)
        else:
            moved += displacement(curve, t_s)
        shift = (head * pulse, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        eyes = 0.3 * (1 - shut * pulse), 0.3
        shown = msgspec.structs.replace(
            motion(t_s, moved, k), head=shift, engine=engine, eye_opening=eyes, iod_px=iod_px
        )
        phases += [phase for _, phase in watch.step(shown, 0)]
    return phases


def test_two_regions_open_an_event_together_and_one_alone_must_go_farther() -> None:
    small = SpotConfig().threshold_iod * 1.5
    one = {"Left Mouth Corner": (0.0, -small)}
    assert watched(one) == []
    assert "closed" in watched(one | {"Left Cheek": (0.0, -small)})
    assert "closed" in watched({"Left Mouth Corner": (0.0, -2 * small)})


def test_eyelids_open_nothing_and_hide_what_they_leak() -> None:
    lids = {f"{side} Upper Eyelid Center": (0.0, 0.1) for side in ("Left", "Right")}
    assert watched(lids) == []
    leak = {f"{side} Inner Eyebrow": (0.0, 0.012) for side in ("Left", "Right")}
    assert watched(lids | leak) == []
    assert "closed" in watched(leak)


def test_a_blink_that_the_flow_does_not_see_hides_what_it_leaks_all_the_same() -> None:
    leak = {f"{side} Inner Eyebrow": (0.0, 0.005) for side in ("Left", "Right")}
    assert "closed" in watched(leak)
    assert "closed" in watched(leak, shut=0.2)  # cheeks and brows that move narrow the eyes by so much
    assert watched(leak, shut=0.9) == []
    smile = {f"{side} Mouth Corner": (0.0, -0.01) for side in ("Left", "Right")}
    assert "closed" in watched(smile, shut=0.9)


def test_the_way_home_from_where_a_movement_settled_is_soon_over() -> None:
    """Up, half way down, a pause, and home: what was taken for rest half way is none in the long run."""
    watch, rng, told = Watch(SpotConfig()), np.random.default_rng(2), list[tuple[float, str, float]]()
    brows = [REGION_INDEX[f"{side} Inner Eyebrow"] for side in ("Left", "Right")]
    for k in range(300):
        t_s = k / 30
        moved: Doubles = NOISE * rng.standard_normal((29, 2))
        moved[brows, 1] -= np.interp(t_s, (5, 5.2, 5.4, 5.8, 6.0), (0, 0.02, 0.006, 0.006, 0))
        for movement, phase in watch.step(motion(t_s, moved, k), len(told)):
            told.append((t_s, phase, movement.offset_s))
    ends = [(t_s, offset_s) for t_s, phase, offset_s in told if phase in ("closed", "revoked")]
    assert sum(phase == "rising" for _, phase, _ in told) == len(ends) == 2
    assert max(t_s for t_s, _ in ends) < 6.4  # and not after the longest time that an expression is held
    assert np.abs(watch.rest.level[brows]).max() < 0.001


@pytest.mark.parametrize(
    ("head_px", "engine", "seen"),
    [(0.0, "meflownet", True), (4.0, "meflownet", True), (12.0, "meflownet", False), (0.0, "dis", True),
     (4.0, "dis", False)],
)  # fmt: skip
def test_what_a_moving_head_may_leave_is_no_event(head_px: float, engine: str, seen: bool) -> None:
    """An engine that tells the head's motion itself leaves less of it."""
    left = dict.fromkeys(("Left Cheek", "Right Cheek", "Chin"), (0.005, 0.0))
    assert ("closed" in watched(left, head_px, engine)) is seen


def test_a_face_that_is_gone_has_its_movement_closed_if_its_apex_was_known() -> None:
    held = PhantomEvent(2.0, 2.2, 9.0, (("AU12", 0.03),), hold_s=6.0)
    watch, rng = Watch(SpotConfig()), np.random.default_rng(0)
    for k in range(90):
        moved = displacement([held], k / 30) + NOISE * rng.standard_normal((29, 2))
        list(watch.step(motion(k / 30, moved, k), 7))
    ((movement, phase),) = watch.abandon()
    assert (movement.number, phase) == (7, "closed")
    assert movement.offset_s == pytest.approx(89 / 30)


@pytest.mark.parametrize(("iod_px", "seen"), [(100.0, True), (50.0, True), (12.0, False)])
def test_what_moves_by_less_than_a_tenth_of_a_pixel_is_not_told(iod_px: float, seen: bool) -> None:
    corners = {f"{side} Mouth Corner": (0.0, -0.006) for side in ("Left", "Right")}
    assert bool(watched(corners, iod_px=iod_px)) is seen


def turning(per_turn: float, smile: bool = False) -> int:
    """Events closed while the head turns by 12° at 8 s and back at 12 s, and cheek and mouth seem to go along a little.

    Args:
        per_turn: share of the turn by which they seem to.
        smile: whether the face smiles at 10 s, turned.
    """
    smiles = [PhantomEvent(10.0, 10.2, 10.5, (("AU12", 0.04),))] if smile else []

    def shown(t_s: float) -> Motion:
        left, back = (float(np.clip((t_s - start) / 0.4, 0, 1)) for start in (8, 12))
        turn = np.sin(np.radians(12.0)) * (left - back)
        moved = displacement(smiles, t_s)
        for name in ("Left Cheek", "Left Mouth Corner", "Upper Lip Center"):
            moved[REGION_INDEX[name], 0] += per_turn * turn
        return msgspec.structs.replace(motion(t_s, moved), pose=(turn, 0.0, 0.0))

    return closed(shown)


def drifting(anchors: tuple[int, int, int]) -> int:
    """Events closed while an anchor drifts away by 0.006 IOD within 4 s, until the next one is taken."""

    def shown(t_s: float) -> Motion:
        wrong = 0.006 * float(np.clip((t_s - 6) / 4, 0, 1)) if t_s < 12 else 0.0
        return msgspec.structs.replace(motion(t_s, np.full((29, 2), wrong)), epoch=anchors[(t_s >= 6) + (t_s >= 12)])

    return closed(shown)


def closed(shown: Callable[[float], Motion]) -> int:
    """How many events are closed within 16 s of what is shown."""
    watch, rng, count = Watch(SpotConfig()), np.random.default_rng(2), 0
    for k in range(480):
        clean = shown(k / 30)
        u, v = (np.array(way) + NOISE * rng.standard_normal(29) for way in (clean.u_iod, clean.v_iod))
        noisy = msgspec.structs.replace(clean, u_iod=tuple(u.tolist()), v_iod=tuple(v.tolist()))
        count += sum(phase == "closed" for _, phase in watch.step(noisy, 0))
    return count + sum(phase == "closed" for _, phase in watch.abandon())


def test_what_a_turn_of_the_head_leaves_is_no_event_and_an_expression_of_a_turned_face_is() -> None:
    assert turning(0.06) == 0
    assert turning(0.06, smile=True) == 1
    assert turning(0.6) > 0


def nodding(share: float, later_s: float) -> list[str]:
    """What becomes of a movement of the brows, by a share of a nod of 6° within 0.6 s that begins so much before it."""
    phases: list[str] = []

    def shown(t_s: float) -> Motion:
        nod, brows = (
            0.5 - 0.5 * np.cos(2 * np.pi * float(np.clip(t_s - start, 0, 0.6)) / 0.6) for start in (8, 8 + later_s)
        )
        moved: Doubles = np.zeros((29, 2))
        for name in ("Left Inner Eyebrow", "Right Inner Eyebrow", "Left Outer Eyebrow"):
            moved[REGION_INDEX[name], 1] = share * np.sin(np.radians(6.0)) * brows
        return msgspec.structs.replace(motion(t_s, moved), pose=(0.0, np.sin(np.radians(6.0)) * nod, 0.0))

    watch = Watch(SpotConfig())
    for k in range(360):
        phases += [phase for _, phase in watch.step(shown(k / 30), 0)]
    return phases


def test_what_goes_up_and_down_with_a_nod_is_taken_back() -> None:
    assert "closed" not in nodding(0.25, 0.0)
    assert "closed" in nodding(0.25, 0.4)
    assert "closed" in nodding(0.6, 0.0)


def test_a_return_to_an_earlier_anchor_is_no_event() -> None:
    assert drifting((0, 1, 2)) == 1
    assert drifting((0, 1, 0)) == 0

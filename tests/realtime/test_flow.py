from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.face import REGION_INDEX
from calib.int8 import calibration_pairs
from calib.phantom import Nuisance, PhantomScript, PhantomVideo, portrait
from calib.phantom.distractors import HeadTurn
from engines.runtime import BatchEngine, FlowEngine, FollowingEngine, open_engine
from realtime.config import AlignConfig, FlowConfig
from realtime.flow import FlowNode
from realtime.messages import AnyMessage, Face, Gap, Lost, Motion
from realtime.nodes import Head, Node, through
from realtime.ring import Ring
from tests.conftest import SMILE
from tests.realtime.faces import Bench, displacements, faces
from tests.realtime.frames import CROPS, Careful, Kind, Script, Take, Ticks, Together, takes

CORNERS = [REGION_INDEX["Left Mouth Corner"], REGION_INDEX["Right Mouth Corner"]]


def test_the_mouth_corners_rise_with_the_smile_and_come_back(smiling: PhantomVideo) -> None:
    with Bench() as bench:
        moved = displacements(bench.motions(smiling.frame(0.9 + k / 30) for k in range(24)))
    up = -moved[:, CORNERS, 1].mean(axis=1)
    apex = round((SMILE.apex_s - 0.9) * 30)
    assert up[apex] > 0.01
    assert abs(int(up.argmax()) - apex) <= 1
    assert abs(up[-1]) < 0.003


def test_curves_go_on_across_a_new_crop(smiling: PhantomVideo) -> None:
    """Holding the crop for nothing at all must not change what is measured."""
    images = [smiling.frame(0.9 + k / 30) for k in range(12)]
    with Bench(AlignConfig(hold_iod=0.004)) as bench:
        restless = list(bench.motions(images))
    with Bench() as bench:
        held = list(bench.motions(images))
    assert restless[-1].epoch > held[-1].epoch
    apart = displacements(restless)[-1] - displacements(held)[-1]
    assert np.abs(apart[CORNERS]).max() < 0.004


def test_the_anchor_is_renewed_at_rest_without_a_step(resting: PhantomVideo) -> None:
    with Bench() as bench:
        node = FlowNode(FlowConfig(anchor_s=0.6), bench.crops)
        motions = list(bench.motions((resting.frame(k / 30) for k in range(45)), flow=node))
    assert motions[-1].epoch >= 1
    steps = np.abs(np.diff(displacements(motions), axis=0))
    assert steps.max() < 0.006


@pytest.mark.parametrize("hold_iod", [0.12, 0.03])
def test_a_head_that_turned_and_came_back_is_where_it_was(hold_iod: float) -> None:
    """By the anchor that it had there, however many it had between, and whatever they got wrong."""
    turn = HeadTurn(1.2, 2.4, 14.0, 0.0, 0.3)
    still = Nuisance(sway_iod=0.0, roll_deg=0.0, zoom=0.0, turn_deg=0.0, light=0.0, noise=1.0)
    video = PhantomVideo(portrait(), PhantomScript((), (), still, 1, (turn,)))
    with Bench(AlignConfig(hold_iod=hold_iod)) as bench:
        motions = list(bench.motions(video.frame(k / 30) for k in range(84)))
    before, turned, after = motions[30], motions[54], motions[-1]
    assert turned.epoch > before.epoch
    assert after.epoch == before.epoch
    assert np.abs(displacements([after]) - displacements([before])).max() < 0.003
    assert turned.pose[0] == pytest.approx(np.sin(np.radians(14.0)), abs=0.06)
    assert np.abs(after.pose).max() < 0.02


def test_the_frames_of_an_event_are_from_before_its_onset_and_at_its_apex(smiling: PhantomVideo) -> None:
    with Bench() as bench:
        node = FlowNode(FlowConfig(history_s=0.3), bench.crops)
        list(bench.motions((smiling.frame(0.9 + k / 30) for k in range(12)), flow=node))
        shots = node.shots(1, 101_000_000, 299_000_000)
        early = node.shots(1, 0, 300_000_000)
        nobody = node.shots(5, 0, 1)
    assert shots is not None
    assert early is not None
    assert [shot.t_ns for shot in shots] == [66_666_667, 300_000_000]
    assert early[0].t_ns == pytest.approx(66_666_667)  # the oldest that is at hand
    assert nobody is None


def test_about_what_happened_between_an_events_frames_is_known(smiling: PhantomVideo) -> None:
    with Bench() as bench, closing(open_engine("meflownet")) as engine:
        node = FlowNode(FlowConfig(), bench.crops, engine)
        list(bench.motions((smiling.frame(0.9 + k / 30) for k in range(12)), flow=node))
        onset, apex = node.shots(1, 100_000_000, 300_000_000)  # type: ignore[misc]
        guess, exact = apex.since(onset), engine.flow(*(engine.encode(shot.crop) for shot in (onset, apex))).found
    assert guess is not None
    assert np.abs(guess - exact)[16:48, 16:48].mean() < 0.2 * np.abs(exact)[16:48, 16:48].mean()


def test_frames_that_are_gone_are_not_replaced_by_others(smiling: PhantomVideo) -> None:
    with Bench() as bench:
        node = FlowNode(FlowConfig(history_s=0.3), bench.crops)
        list(bench.motions((smiling.frame(k / 30) for k in range(20)), flow=node))
        onset_gone = node.shots(1, 0, 600_000_000)
        both_gone = node.shots(1, 0, 100_000_000)
    assert onset_gone is None
    assert both_gone is None


def test_a_face_that_is_lost_begins_new_curves(smiling: PhantomVideo) -> None:
    with Bench() as bench:
        node = FlowNode(FlowConfig(), bench.crops)
        list(bench.motions((smiling.frame(1.0 + k / 30) for k in range(6)), flow=node))
        lost = Lost(seq=6, face_id=1, t_capture_ns=0, t_media_ns=0, cause="test")
        assert list(node.step(lost)) == [lost]
        again = next(bench.motions([smiling.frame(1.2)], flow=node))
    assert again.magnitude_iod == 0


def test_an_overwritten_crop_is_a_gap_and_a_black_one_a_loss(smiling: PhantomVideo) -> None:
    with Bench() as bench:
        node = FlowNode(FlowConfig(), bench.crops)
        face = faces(bench.align(smiling.frame(0), 0.0))[0]
        missing = msgspec.structs.replace(face, crop=face.crop + 5)
        black = msgspec.structs.replace(face, crop=bench.crops.put(np.zeros((256, 256, 3), np.uint8)))
        assert [type(m) for m in node.step(missing)] == [Gap]
        (lost,) = node.step(black)
    assert isinstance(lost, Lost)
    assert "black" in lost.cause


def test_a_face_out_of_its_crop_is_a_loss_and_no_crash(smiling: PhantomVideo) -> None:
    with Bench() as bench:
        node = FlowNode(FlowConfig(), bench.crops)
        face = faces(bench.align(smiling.frame(0), 0.0))[0]
        away = np.array(face.transform).reshape(2, 3) + np.array([[0, 0, 400], [0, 0, 0]])
        (lost,) = node.step(msgspec.structs.replace(face, transform=tuple(away.ravel().tolist())))
    assert isinstance(lost, Lost)
    assert "cut off" in lost.cause


@pytest.mark.parametrize("iod_px", [50, 150])
def test_displacements_do_not_depend_on_the_size_of_the_face(smiling: PhantomVideo, iod_px: int) -> None:
    scale = iod_px / 100
    video = PhantomVideo(smiling.face, smiling.script, round(640 * scale), round(480 * scale), iod_px)
    with Bench() as bench:
        moved = displacements(bench.motions(video.frame(t) for t in (SMILE.onset_s, SMILE.apex_s)))[-1]
    with Bench() as bench:
        reference = displacements(bench.motions(smiling.frame(t) for t in (SMILE.onset_s, SMILE.apex_s)))[-1]
    assert moved[CORNERS] == pytest.approx(reference[CORNERS], abs=0.005)


def test_motion_names_its_frame(smiling: PhantomVideo) -> None:
    with Bench() as bench:
        (face,) = faces(bench.align(smiling.frame(0), 0.25))
        (motion,) = FlowNode(FlowConfig(), bench.crops).step(face)
    assert isinstance(face, Face)
    assert isinstance(motion, Motion)
    assert (motion.seq, motion.face_id, motion.t_media_ns) == (face.seq, face.face_id, 250_000_000)
    assert motion.iod_px == pytest.approx(100, rel=0.05)


@pytest.fixture(scope="module")
def shown(smiling: PhantomVideo) -> list[Take]:
    return takes(smiling, 6)


def told(shown: Sequence[Take], script: Sequence[Sequence[Kind]], engine: FlowEngine) -> list[AnyMessage]:
    """What the flow node says of scripted faces."""
    crops, head = Ring.local(16 * 3, CROPS), Ticks(len(script))
    nodes: list[Node | Head] = [Script(crops, shown, script), FlowNode(FlowConfig(anchor_s=0.1), crops, engine)]
    return [out for _ in range(len(script) + 1) for tick in head.step(None) for out in through(nodes, tick)]


_KINDS: tuple[Kind, ...] = (
    "seen", "seen", "seen", "black", "turned", "overwritten", "bridged", "badly bridged", "dropped", "lost",
)  # fmt: skip


@settings(max_examples=30)
@given(script=st.lists(st.lists(st.sampled_from(_KINDS), min_size=3, max_size=3), min_size=1, max_size=10))
def test_faces_measured_together_say_what_each_says_alone(shown: list[Take], script: list[list[Kind]]) -> None:
    """Whatever becomes of the others: dropped on the way, lost, overwritten, or not to be measured."""
    assert told(shown, script, Together()) == told(shown, script, Careful())


def test_the_faces_of_a_frame_go_to_the_engine_at_once(shown: list[Take]) -> None:
    engine = Together()
    motions = told(shown, [["seen"] * 3, ["seen"] * 3, ["seen", "black", "seen"], ["seen", "dropped", "seen"]], engine)
    assert [n for n in engine.calls if n] == [3, 2, 2]
    assert [m.face_id for m in motions if isinstance(m, Motion)] == [0, 1, 2, 0, 1, 2, 0, 2, 0, 2]


def test_an_engine_that_was_lent_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    lent, own = Careful(), Careful()
    monkeypatch.setattr(lent, "close", lambda: closed.append("lent"))
    monkeypatch.setattr(own, "close", lambda: closed.append("own"))
    monkeypatch.setattr("realtime.flow.open_engine", lambda name, weights: own)
    for engine in (lent, None):
        FlowNode(FlowConfig(), Ring.local(1, CROPS), engine).close()
    assert closed == ["own"]


def test_faces_whose_frame_broke_off_are_measured_with_the_next_message(shown: list[Take]) -> None:
    engine = Together()
    messages = told(shown, [["seen", "seen"], ["seen", "dropped"], ["seen", "seen"]], engine)
    assert [(m.seq, m.face_id) for m in messages if isinstance(m, Motion)] == [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1)]
    assert [type(m).__name__ for m in told(shown, [["seen", "dropped"]], engine)] == ["Motion", "End"]


class OneByOne:
    """An engine without its batches."""

    def __init__(self, engine: FollowingEngine) -> None:
        self.name, self.encode, self.flow, self.close = engine.name, engine.encode, engine.flow, engine.close
        self.follow = engine.follow


def test_a_gpu_measures_the_faces_of_a_frame_in_one_run(shown: list[Take], tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    from engines.runtime.plans.store import PlanStore
    from tests.engines.runtime.host_gpu import HostDevice
    from tests.engines.runtime.test_openvino import tiny
    from tests.engines.runtime.test_tensorrt import opened

    weights, device = tiny(calibration_pairs(portrait(), 3), tmp_path / "tiny"), HostDevice()
    script: list[list[Kind]] = [["seen"] * 3, ["seen"] * 3, ["seen", "bridged", "black"], ["seen", "seen", "dropped"]]
    with opened(PlanStore(tmp_path / "plans"), weights, device, (1, 3)) as engine:
        assert isinstance(engine, BatchEngine)
        before = device.launches
        together = told(shown, script[:2], engine)
        # Two encodings; then the second frame's flows, and once more from nothing, since they are far from their guess.
        assert device.launches - before == 4
        assert sum(isinstance(m, Motion) for m in together) == 6
        assert told(shown, script, engine) == told(shown, script, OneByOne(engine))

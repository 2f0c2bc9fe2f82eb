from calib.face import CROP
from realtime.config import AlignConfig, Config
from realtime.messages import End
from realtime.nodes import BACKLOG, PROCESSES, ring_sizes


def test_every_process_takes_what_the_one_before_gives() -> None:
    first, *rest = PROCESSES
    assert first.takes == ()
    for spec in rest:
        assert End in spec.takes
        assert set(spec.droppable) <= set(spec.takes)
    for before, after in zip(PROCESSES[:2], rest[:2], strict=True):
        assert before.gives in after.takes


def test_rings_hold_more_than_can_be_under_way() -> None:
    for faces in (1, 2, 4):
        frames, crops = ring_sizes(Config(align=AlignConfig(faces=faces)))
        assert frames.slots > BACKLOG + 2
        assert crops.slots >= 2 * faces * (BACKLOG + 2)
        assert crops.slot_bytes == CROP * CROP * 3


def test_names_are_unique() -> None:
    assert len({spec.name for spec in PROCESSES}) == len(PROCESSES)
    nodes = [node for spec in PROCESSES for node in spec.nodes]
    assert len(set(nodes)) == len(nodes)

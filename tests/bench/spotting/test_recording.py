from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.complaint import BenchError
from bench.spotting.recording import ENDING, FORMAT, Recording, load, load_all, record, respot, save
from bench.spotting.videos import Video
from calib.phantom import Nuisance, PhantomEvent, PhantomScript, portrait
from engines.runtime import open_engine
from realtime.config import SpotConfig
from realtime.messages import End, Motion, Spot
from tests.bench.spotting.performances import recording

SMILE = PhantomEvent(1.0, 1.2, 1.45, (("AU12", 0.03),))


@pytest.fixture(scope="module")
def recorded() -> tuple[Recording, int]:
    """A smile through the whole pipeline with DIS, and how many frames were announced."""
    script = PhantomScript((SMILE,), nuisance=Nuisance(light=0.0, noise=1.0))
    video = Video("smile", portrait(), script, 30.0, 2.4, 100.0)
    frames: list[int] = []
    engine = open_engine("dis")
    try:
        (made,) = record(video, [engine], lambda: frames.append(1))
    finally:
        engine.close()
    return made, len(frames)


def test_a_recording_holds_every_frame_and_what_was_spotted(recorded: tuple[Recording, int]) -> None:
    made, frames = recorded
    assert frames == 72
    assert len(made.motions) == 72
    assert made.motions[30].t_media_ns == 1_000_000_000
    assert isinstance(made.messages[-1], End)
    assert (made.engine, made.fps, made.truth.events[0].kind) == ("dis", 30.0, "micro")
    (closed,) = [spot for spot in made.spots if spot.phase == "closed"]
    assert closed.apex_ns / 1e9 == pytest.approx(SMILE.apex_s, abs=0.1)
    assert closed.regions


def times(spots: "list[Spot] | tuple[Spot, ...]") -> list[tuple[object, ...]]:
    return [(s.spot_id, s.phase, s.onset_ns, s.apex_ns, s.offset_ns, s.kind, s.t_media_ns) for s in spots]


def test_the_spotter_alone_says_the_same_again(recorded: tuple[Recording, int]) -> None:
    made, _ = recorded
    assert tuple(respot(made)) == made.spots
    other = respot(made, SpotConfig(micro_s=0.1))
    assert [spot.kind for spot in other if spot.phase == "closed"] == ["macro"]
    assert [spot.regions for spot in other] == [spot.regions for spot in made.spots]


def test_the_spotter_can_be_run_with_other_settings() -> None:
    own = recording()
    assert not respot(own, SpotConfig(threshold_iod=0.5))
    assert any(spot.phase == "closed" for spot in respot(own))


def test_a_recording_survives_its_file(tmp_path: Path) -> None:
    own = recording()
    path = tmp_path / "new" / f"one{ENDING}"
    save(own, path)
    assert load(path) == own
    assert load_all(path.parent) == [own]
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert all(isinstance(message, Motion) for message in load(path).messages[:-1])


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.msgpack").write_bytes(b"\x93junk")
    with pytest.raises(BenchError, match=r"broken.msgpack: not a recording of this version .*; delete it"):
        load(tmp_path / "broken.msgpack")
    save(replace(recording(), format=FORMAT + 1), tmp_path / "later.msgpack")
    with pytest.raises(BenchError, match=r"a recording of format 2, not 1; delete it"):
        load(tmp_path / "later.msgpack")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BenchError, match="no recordings in it; make some with python -m bench spotting --motion"):
        load_all(tmp_path / "empty")

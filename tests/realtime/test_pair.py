from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from calib.phantom import PhantomVideo
from realtime.config import Config, NarrateConfig
from realtime.pair import PairMeter, read_pairs, write_flow
from realtime.source import SourceError
from tests.conftest import SMILE


@pytest.fixture(scope="module")
def meter() -> Iterator[PairMeter]:
    """Without a narrator: none can be had with these settings, and nobody speaks here."""
    with PairMeter(Config(narrate=NarrateConfig("gguf:none.gguf"))) as opened:
        yield opened


def test_the_flow_is_the_phantom_s_own(meter: PairMeter, pair: tuple[Path, Path], smiling: PhantomVideo) -> None:
    flow = meter.measure(*pair)
    true = smiling.flow(SMILE.onset_s, SMILE.apex_s)
    assert flow.facial.shape == flow.head.shape == (480, 640, 2)
    assert flow.facial.dtype == np.float32
    inside = true.valid & np.isfinite(flow.facial[..., 0])
    assert inside.sum() > 0.95 * true.valid.sum()
    for measured, exact in ((flow.facial, true.facial), (flow.expression, true.expression)):
        assert np.linalg.norm(measured - exact, axis=-1)[inside].mean() < 0.4


def test_outside_the_crop_there_is_no_flow(meter: PairMeter, pair: tuple[Path, Path]) -> None:
    flow = meter.measure(*pair)
    assert np.isnan(flow.facial[-1, -1]).all()
    assert np.isfinite(flow.facial[flow.face]).all()


def test_a_face_that_moved_far_is_still_measured(
    meter: PairMeter, pair: tuple[Path, Path], tmp_path: Path, smiling: PhantomVideo
) -> None:
    shift = 60
    apex = tmp_path / "moved.png"
    cv2.imwrite(str(apex), np.roll(smiling.frame(SMILE.apex_s), shift, axis=1))
    flow = meter.measure(pair[0], apex)
    assert np.nanmedian(flow.head[flow.face][:, 0]) == pytest.approx(shift, abs=3)
    ways = {region.name: region.direction for region in flow.regions}
    assert (ways["Left Mouth Corner"], ways["Right Mouth Corner"]) == ("up-left", "up-right")


def test_of_several_faces_the_largest_is_measured_and_the_others_are_told(
    meter: PairMeter, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    both = []
    for path in pair:
        picture = cv2.imread(str(path))
        small = cv2.copyMakeBorder(cv2.resize(picture, None, fx=0.75, fy=0.75), 0, 120, 0, 0, cv2.BORDER_REPLICATE)
        both.append(tmp_path / path.name)
        cv2.imwrite(str(both[-1]), np.hstack([small, picture]))
    assert meter.notes() == []
    alone, largest = meter.measure(*pair).iod_px, meter.measure(*both).iod_px
    assert largest == pytest.approx(alone, rel=0.02)
    notes = meter.notes()
    assert all(note.startswith(f"{path} shows more than one face") for path, note in zip(both, notes, strict=True))
    assert meter.notes() == []


def test_a_picture_without_a_face_is_named(meter: PairMeter, pair: tuple[Path, Path], tmp_path: Path) -> None:
    wall = tmp_path / "wall.png"
    cv2.imwrite(str(wall), np.full((200, 200, 3), 99, np.uint8))
    with pytest.raises(SourceError, match=r"wall\.png: no face"):
        meter.measure(pair[0], wall)


def test_the_files_hold_what_was_measured(meter: PairMeter, pair: tuple[Path, Path], tmp_path: Path) -> None:
    flow = meter.measure(*pair)
    write_flow(flow, *pair, tmp_path / "new" / "f.npz")
    with np.load(tmp_path / "new" / "f.npz") as stored:
        assert set(stored) == {"facial", "head", "expression"}
        assert np.array_equal(stored["expression"], flow.facial - flow.head, equal_nan=True)
    for name in ("f_colours.png", "f_overlay.png"):
        picture = cv2.imread(str(tmp_path / "new" / name))
        assert picture.shape == (480, 640, 3)
        assert picture.std() > 1


def test_a_picture_of_the_pair_is_never_overwritten(meter: PairMeter, pair: tuple[Path, Path], tmp_path: Path) -> None:
    onset = tmp_path / "f_overlay.png"
    onset.write_bytes(pair[0].read_bytes())
    with pytest.raises(SourceError, match="picture of the pair itself"):
        write_flow(meter.measure(onset, pair[1]), onset, pair[1], tmp_path / "f.npz")
    assert onset.read_bytes() == pair[0].read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["f_overlay.png"]


def test_pairs_are_read_beside_their_table(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    table = tmp_path / "pairs.csv"
    table.write_text("\ufeffapex, onset,note\nb.png,a.png,x\n", encoding="utf-8")
    assert list(read_pairs(table)) == [(tmp_path / "a.png", Path("b.png"), 2)]


def test_tabs_and_capitals_are_read(tmp_path: Path) -> None:
    table = tmp_path / "pairs.tsv"
    table.write_text("Onset\tApex\na,1.png\tb;2.png\n")
    assert list(read_pairs(table)) == [(Path("a,1.png"), Path("b;2.png"), 2)]


def test_semicolons_between_the_columns_are_read_as_spreadsheets_write_them(tmp_path: Path) -> None:
    table = tmp_path / "pairs.csv"
    table.write_bytes(b'\xef\xbb\xbfonset;apex;note\r\n"a,1.png";b.png;x\r\n\r\nc.png;d.png;\r\n')
    assert list(read_pairs(table)) == [(Path("a,1.png"), Path("b.png"), 2), (Path("c.png"), Path("d.png"), 4)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"onset\na.png\n", "no column apex"),
        (b"onset,apex\na.png,\n", "line 2 lacks"),
        (b"\xff\xfe\x00\x01", "table of text in UTF-8"),
        (None, "No such file"),
    ],
)
def test_a_table_that_is_none_is_named(tmp_path: Path, content: bytes | None, says: str) -> None:
    table = tmp_path / "pairs.csv"
    if content is not None:
        table.write_bytes(content)
    with pytest.raises(SourceError, match=rf"pairs\.csv.*{says}"):
        list(read_pairs(table))

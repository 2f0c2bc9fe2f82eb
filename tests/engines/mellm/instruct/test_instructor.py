import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from calib.face import REGION_NAMES, Floats
from calib.facs import pattern
from engines.mellm.answer import Facts
from engines.mellm.claims import false_claims
from engines.mellm.closing import parse_answer
from engines.mellm.instruct.__main__ import instruct
from engines.mellm.instruct.acting import POINTS, Shard, save
from engines.mellm.instruct.annotations import AnnotatedSet, built_in_annotations, is_secret, split
from engines.mellm.instruct.drawing import Play, draw_play
from engines.mellm.instruct.instructor import Example, Instructor, conversation, judged, mirrored, showing
from engines.mellm.instruct.meaning import Meaning
from engines.mellm.reader import shipped_reader
from engines.regions import motion_of

SETS = built_in_annotations(300)
MEANING = Meaning(SETS)


def acted(count: int, error: float = 0.0005, sets: Sequence[AnnotatedSet] = SETS) -> Shard:
    """Plays as the table has them, measured with noise and a tenth too small."""
    rng = np.random.default_rng(1)
    plays = tuple(draw_play(sets, rng) for _ in range(count))
    true = np.stack([sum((s * pattern(c) for c, s in play.units), np.zeros((29, 2))) for play in plays])
    true = np.repeat(true[:, :, None], POINTS, axis=2).astype(np.float16)
    lids = np.array([1.0 if "Upper Eyelid" in name else 0.0 for name in REGION_NAMES])[:, None]
    errors = rng.normal(0, error, true.shape)
    errors[..., 1] += 0.03 * np.array([play.closure for play in plays])[:, None, None] * lids
    return Shard(plays, true, (0.9 * true + errors).astype(np.float16))


@pytest.fixture(scope="module")
def shard() -> Shard:
    return acted(400)


@pytest.fixture(scope="module")
def instructor(shard: Shard) -> Instructor:
    return Instructor(shard, MEANING)


def test_examples_are_faithful_and_close_with_what_was_acted(instructor: Instructor) -> None:
    examples = list(itertools.islice(instructor.examples(0), 600))
    kinds = set()
    for example in examples:
        answer = parse_answer("".join(example.answer))
        assert false_claims(answer.narration, example.facts) == []
        assert answer.action_units == example.reading.units[:6]
        assert answer.label == example.reading.label
        kinds.add((answer.label, bool(answer.action_units), example.reading.muddle))
        if not example.facts.moving:
            assert answer.action_units == ()
    assert {label for label, _, _ in kinds} == {"negative", "positive", "surprise", "none"}
    assert ("none", False, True) in kinds
    assert any(example.reading.units == ("AU45",) for example in examples)
    one_sided = [code for example in examples for code in example.reading.units if code[0] in "LR"]
    assert {code[0] for code in one_sided} == {"L", "R"}


def test_examples_are_the_same_every_time(instructor: Instructor) -> None:
    first, again = (
        [conversation(e, whole=False) for e in itertools.islice(instructor.examples(5), 20)] for _ in range(2)
    )
    assert first == again
    assert first != [conversation(e, whole=False) for e in itertools.islice(instructor.examples(6), 20)]


def test_no_example_is_made_of_a_set_that_is_secret_or_shows_one() -> None:
    played: list[Play] = []

    class Listening(Instructor):
        def put(self, points: Floats, play: Play, rng: np.random.Generator, muddle: bool = False) -> Example:
            played.append(play)
            return super().put(points, play, rng, muddle)

    learned, _ = split(built_in_annotations(1000))
    examples = list(itertools.islice(Listening(acted(400, sets=learned), MEANING).examples(0), 1500))
    shown = {tuple(code for code in example.reading.units if code != "AU45") for example in examples}
    assert not [codes for codes in shown if is_secret(codes)]
    assert {len(play.codes) for play in played} >= {1, 2, 3, 4, 5}
    assert not {play.codes for play in played if is_secret(play.codes)}


def test_a_unit_that_does_not_show_is_not_said() -> None:
    still = Facts(tuple(motion_of(name, np.zeros((4, 2), np.float32)) for name in REGION_NAMES), (0.003,) * 29, 90.0)
    assert showing(still, Play((("LAU4", 0.02), ("RAU4", 0.02)))) == ()


def test_a_weak_unit_beside_a_strong_one_is_not_said(shard: Shard) -> None:
    moved = 0.04 * pattern("AU12") + 0.006 * pattern("AU4")
    regions = tuple(motion_of(n, row[None].astype(np.float32)) for n, row in zip(REGION_NAMES, moved, strict=True))
    facts = Facts(regions, (0.003,) * 29, 90.0)
    units = showing(facts, Play((("AU12", 0.04), ("AU4", 0.006))))
    assert units == ("AU12",)
    assert judged(facts, units, MEANING).label == "positive"


def test_with_a_reader_its_units_are_said(shard: Shard) -> None:
    reader = shipped_reader()
    for example in itertools.islice(Instructor(shard, MEANING, reader=reader).examples(1), 60):
        assert example.reading.units == reader.units(example.facts)
        if example.facts.moving:
            assert f"units {' '.join(example.reading.units) or 'none'}\n" in example.prompt


def test_a_mirror_changes_sides_and_nothing_else() -> None:
    moved = pattern("LAU12") + pattern("AU4")
    play, points = mirrored(Play((("LAU12", 1.0), ("AU4", 1.0))), np.repeat(moved[:, None], 3, 1).astype(np.float32))
    assert play.codes == ("AU4", "RAU12")
    np.testing.assert_allclose(points[:, 0], pattern("RAU12") + pattern("AU4"), atol=1e-6)


def test_conversations_are_written_and_shown(shard: Shard, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(shard, tmp_path / "0-0000.npz")
    out = tmp_path / "instruct.jsonl"
    assert instruct(tmp_path, out=out, count=7, whole=True) == 0
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 7
    for line in lines:
        user, assistant = line["messages"]
        assert (user["role"], assistant["role"]) == ("user", "assistant")
        assert "Facial Action Coding System" in user["content"]
        parse_answer(assistant["content"])
    assert instruct(tmp_path, show=2) == 0
    assert "|" in capsys.readouterr().out


def test_a_folder_without_acted_pairs_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert instruct(tmp_path / "none") == 2
    assert "no acted pairs" in capsys.readouterr().out

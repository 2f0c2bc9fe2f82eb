import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from calib.facs import parse_code
from engines.mellm.instruct.annotations import AnnotatedSet, built_in_annotations, is_held_out
from engines.mellm.instruct.drawing import LOPSIDED, STRENGTH_IOD, WEAKER, Play, draw_play

SETS = [
    AnnotatedSet(("AU1", "AU2"), (1, 0, 9, 0)),
    AnnotatedSet(("LAU12",), (0, 4, 0, 1)),
    AnnotatedSet(("AU17",), (5, 0, 0, 0)),
]
HELD_OUT = next(one for one in built_in_annotations(300) if one.held_out)


@given(st.integers(0, 10**6))
def test_plays_are_within_their_bounds_and_survive_writing(seed: int) -> None:
    play = draw_play(SETS, np.random.default_rng(seed))
    assert Play.read(play.written()) == play
    assert not (play.units and play.closure)
    strengths = [strength for _, strength in play.units]
    if strengths:
        assert STRENGTH_IOD[0] <= max(strengths) <= STRENGTH_IOD[1]
        assert min(strengths) >= WEAKER * LOPSIDED * max(strengths) - 1e-12
        for code in play.codes:
            parse_code(code)
            assert play.strength(code) in strengths


def test_two_sides_are_one_unit_of_the_stronger_ones_strength() -> None:
    play = Play((("LAU12", 0.02), ("RAU12", 0.015), ("RAU4", 0.01)))
    assert play.codes == ("RAU4", "AU12")
    assert play.strength("AU12") == 0.02
    assert play.strength("RAU4") == 0.01


def test_what_is_held_out_is_never_drawn_by_chance() -> None:
    rng = np.random.default_rng(0)
    plays = [draw_play([one for one in SETS if not one.held_out], rng) for _ in range(2000)]
    assert not any(is_held_out(play.codes) for play in plays)
    # Whoever tests on held-out sets hands them over.
    assert any(is_held_out(draw_play([HELD_OUT], rng).codes) for _ in range(20))


def test_all_kinds_come() -> None:
    rng = np.random.default_rng(0)
    plays = [draw_play(SETS, rng) for _ in range(400)]
    assert any(play.closure for play in plays)
    assert any(not play.units and not play.closure for play in plays)
    assert {"AU17", "LAU12"} <= {code for play in plays for code in play.codes}
    assert sum(play.codes == ("AU1", "AU2") for play in plays) > 40

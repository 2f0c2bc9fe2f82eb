import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.phantom import Nuisance, PhantomFace, PhantomScript, PhantomVideo
from calib.phantom.speech import SYLLABLES_HZ, make_speech

QUICK = settings(max_examples=40)


@QUICK
@given(st.integers(0, 1000), st.floats(1, 4), st.floats(0.02, 0.06))
def test_syllables_come_at_the_rate_of_speech(seed: int, seconds: float, amplitude: float) -> None:
    speech = make_speech(2.0, 2.0 + seconds, amplitude, np.random.default_rng(seed))
    assert 1 <= len(speech.syllables) <= 1.5 * SYLLABLES_HZ[1] * seconds
    for syllable in speech.syllables:
        assert 2.0 <= syllable.onset_s < syllable.offset_s <= 2.0 + seconds
        assert 1 / SYLLABLES_HZ[1] - 1e-9 <= syllable.offset_s - syllable.onset_s <= 1 / SYLLABLES_HZ[0] + 1e-9
        assert all(0 < size <= amplitude for _, size in syllable.units)
        assert syllable.units[0][0] == "AU25"


@QUICK
@given(st.integers(0, 1000))
def test_syllables_are_irregular(seed: int) -> None:
    speech = make_speech(0.0, 4.0, 0.05, np.random.default_rng(seed))
    lengths = [s.offset_s - s.onset_s for s in speech.syllables]
    sizes = [s.units[0][1] for s in speech.syllables]
    assert np.std(lengths) > 0.01
    assert np.std(sizes) > 0.003


def test_the_mouth_moves_by_what_the_syllables_add_up_to(portrait: PhantomFace) -> None:
    speech = make_speech(1.0, 3.0, 0.05, np.random.default_rng(3))
    still = Nuisance(sway_iod=0, roll_deg=0, zoom=0, turn_deg=0, light=0, noise=0)
    video = PhantomVideo(portrait, PhantomScript(nuisance=still, distractors=(speech,)), 256, 256, 70.0)
    apex = speech.syllables[2].apex_s
    moved = video.landmarks(apex)[17, 1] - video.landmarks(0.0)[17, 1]
    assert moved > 0.3 * speech.strengths(apex)["AU25"] * 70
    assert set(speech.strengths(apex)) <= speech.codes
    flow = video.flow(0.0, apex)
    x, y = np.round(video.face.landmarks[17, :2]).astype(int)
    assert flow.expression[y, x, 1] == pytest.approx(moved, abs=0.2)

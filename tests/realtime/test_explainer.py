from itertools import pairwise
from pathlib import Path

import cv2
import pytest

from calib.phantom import PhantomVideo
from engines.mellm import NarratorError
from realtime.config import Config, NarrateConfig
from realtime.explainer import Explainer
from realtime.pair import PairMeter
from tests.conftest import SMILE


def test_a_smile_is_explained_and_a_still_face_is_not(
    pair: tuple[Path, Path], tmp_path: Path, smiling: PhantomVideo
) -> None:
    still = tmp_path / "still.png"
    cv2.imwrite(str(still), smiling.frame(SMILE.onset_s - 0.05))
    heard: list[str] = []
    with PairMeter(Config()) as meter, Explainer(Config()) as explainer:
        answer = explainer.explain(meter.measure(*pair), heard.append)
        nothing = explainer.explain(meter.measure(pair[0], still))
    assert (answer.action_units, answer.label) == (("AU12",), "positive")
    assert (nothing.action_units, nothing.label) == ((), "none")
    assert all(after.startswith(before) for before, after in pairwise(heard))


def test_a_narrator_that_cannot_be_had_is_an_error() -> None:
    with pytest.raises(NarratorError, match=r"none\.gguf: no such file"):
        Explainer(Config(narrate=NarrateConfig("gguf:none.gguf")))

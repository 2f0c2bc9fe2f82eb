"""The whole pipeline in seconds: a face goes in, a spotted and narrated micro-expression comes out."""

from realtime.chain import run_chain
from realtime.config import CaptureConfig, Config
from realtime.messages import End, Motion, Say, Spot
from realtime.recorded import phantom_script


def test_tiny() -> None:
    capture = CaptureConfig("phantom", seconds=4.0, paced=False)
    messages = list(run_chain(Config(capture=capture)))
    truth = phantom_script(capture).events[0]
    spot = next(m for m in messages if isinstance(m, Spot) and m.phase == "closed")
    words = next(m for m in messages if isinstance(m, Say) and m.final)
    assert isinstance(messages[-1], End)
    assert not messages[-1].error
    assert sum(isinstance(m, Motion) for m in messages) == 120
    assert spot.kind == truth.kind == "micro"
    assert abs(spot.apex_ns / 1e9 - truth.apex_s) < 0.1
    assert words.action_units == tuple(code for code, _ in truth.units)
    assert words.text

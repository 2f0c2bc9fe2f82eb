import pytest

from bench.complaint import BenchError
from bench.flow.measures import Judge
from bench.flow.methods import TRUE_FLOW, TRUE_FLOW_LIVE, ZERO_FLOW, Method, open_engines, opencv_methods
from bench.flow.pairs import Pair
from bench.flow.scores import measure, score_pairs
from engines.runtime import ENGINES, EngineError, FlowEngine, FlowFields
from engines.runtime.dis import DisEngine

SLOW = "TV-L1"


def test_every_opencv_method_is_better_than_standing_still(clean: Pair) -> None:
    judge = Judge(clean)
    methods = {method.label: method for method in opencv_methods() if method.label != SLOW}
    errors = {label: judge.errors(measure(method, clean)[0]) for label, method in methods.items()}
    still = errors.pop(ZERO_FLOW)
    assert all(error.facial < 0.5 * still.facial for error in errors.values()), errors
    assert errors["DIS medium, scale 0"].facial < errors["DIS medium"].facial < errors["DIS fast"].facial


def test_a_whole_frames_flow_is_measured_in_the_crop(clean: Pair) -> None:
    whole = next(method for method in opencv_methods() if method.whole_frame)
    fields, encode_ms, flow_ms = measure(whole, clean)
    assert Judge(clean).errors(fields).facial < 0.1
    assert encode_ms > 0
    assert flow_ms > 0


def test_engines_that_do_not_open_are_listed_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> FlowEngine:
        raise EngineError("no weights here")

    monkeypatch.setitem(ENGINES, "broken", broken)
    opened, missing = open_engines(["broken", "dis", "dis"])
    assert [method.label for method in opened] == ["dis", "dis, refined"]
    assert missing == {"broken": "no weights here"}


def test_an_unknown_engine_is_named_with_those_there_are() -> None:
    with pytest.raises(BenchError, match=r"--engines xyz: no such engine; there are: .*dis"):
        open_engines(["dis", "xyz"])


def test_all_methods_and_the_truth_are_scored_on_every_pair(clean: Pair) -> None:
    engine = DisEngine()
    methods = [Method("dis", "engine", "", engine.encode, lambda a, b, _: engine.flow(a, b), engine.close)]
    scores = list(score_pairs(methods, [clean, clean]))
    assert [[score.label for score in row] for row in scores] == 2 * [["dis", TRUE_FLOW, TRUE_FLOW_LIVE]]
    assert scores[0][0].errors == scores[1][0].errors


def test_the_true_flow_is_nearly_right_with_the_head_fit_that_opencvs_methods_get(clean: Pair) -> None:
    exact, live = (score.errors for score in next(score_pairs([], [clean])))
    assert exact.expression < 0.03
    assert exact.expression < 0.5 * live.expression
    best = next(method for method in opencv_methods() if method.whole_frame)
    judge, fields = Judge(clean), measure(best, clean)[0]
    assert judge.errors(fields).expression < judge.errors(FlowFields(fields.facial, None)).expression

import pytest

from engines.runtime import registry
from engines.runtime.dis import DisEngine
from engines.runtime.interface import EngineError, FlowEngine
from engines.runtime.registry import ENGINES, open_engine


def missing() -> FlowEngine:
    raise EngineError("the driver is too old; install a newer one")


@pytest.mark.parametrize("name", list(ENGINES))
def test_an_engine_is_opened_under_its_own_name(name: str) -> None:
    engine = open_engine(name)
    assert engine.name == name
    engine.close()


def test_there_is_always_an_engine() -> None:
    assert "dis" in ENGINES
    engine = open_engine()
    assert engine.name in ENGINES
    engine.close()


@pytest.mark.parametrize("name", ["raft", "", "DIS"])
def test_an_unknown_engine_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(EngineError, match=rf"no flow engine '{name}'; there are: auto, .*dis"):
        open_engine(name)


def test_auto_passes_over_what_does_not_work_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "ENGINES", {"tensorrt": missing, "dis": DisEngine})
    assert open_engine().name == "dis"


def test_auto_takes_the_first_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "ENGINES", {"dis": DisEngine, "tensorrt": missing})
    assert open_engine("auto").name == "dis"


def test_an_engine_asked_for_by_name_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "ENGINES", {"tensorrt": missing, "dis": DisEngine})
    with pytest.raises(EngineError, match="driver is too old"):
        open_engine("tensorrt")


def test_when_none_works_all_reasons_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "ENGINES", {"tensorrt": missing, "openvino": missing})
    with pytest.raises(EngineError, match=r"tensorrt: the driver is too old.*openvino: the driver is too old"):
        open_engine()

from pathlib import Path

import pytest

from engines.runtime import registry
from engines.runtime.dis import DisEngine
from engines.runtime.interface import EngineError, FlowEngine, WeightsError
from engines.runtime.registry import ENGINES, PRECISIONS, open_engine
from tests.engines.runtime.folders import write_folder


def missing(_: Path | None) -> FlowEngine:
    raise EngineError("the driver is too old; install a newer one")


def dis(_: Path | None) -> FlowEngine:
    return DisEngine()


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "dis"])
def test_a_network_says_why_it_cannot_be_opened(name: str, tmp_path: Path) -> None:
    with pytest.raises(
        EngineError, match=rf"{tmp_path.name}.* is missing|no bfloat16|torch cannot be loaded|no NVIDIA|shows no GPU"
    ):
        open_engine(name, tmp_path)


def test_the_folder_of_weights_is_handed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Path | None] = []

    def remembered(weights: Path | None) -> FlowEngine:
        asked.append(weights)
        return DisEngine()

    monkeypatch.setattr(registry, "ENGINES", {"one": remembered})
    write_folder(tmp_path, {})
    open_engine("one", tmp_path)
    open_engine("auto", tmp_path)
    open_engine()
    assert asked == [tmp_path, tmp_path, None]


def test_weights_that_are_not_there_are_no_reason_to_fall_back(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=rf"{tmp_path.name}.* is missing"):
        open_engine("auto", tmp_path)


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
    monkeypatch.setattr(registry, "ENGINES", {"tensorrt": missing, "dis": dis})
    assert open_engine().name == "dis"


def test_auto_takes_the_first_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "ENGINES", {"dis": dis, "tensorrt": missing})
    assert open_engine("auto").name == "dis"


class Paced(DisEngine):
    """An engine of a name and a pace, which remembers whether it was closed."""

    def __init__(self, name: str, pace_s: float) -> None:
        super().__init__()
        self.name, self.pace_s, self.closed = name, pace_s, False

    def close(self) -> None:
        self.closed = True


class Clock:
    """Stands in for the reference answer: engines say themselves how long they take."""

    def __init__(self, weights: object) -> None:
        """Nothing to read."""

    def pace_s(self, engine: Paced) -> float:
        return engine.pace_s


def paced(monkeypatch: pytest.MonkeyPatch, paces: tuple[float, ...]) -> list[Paced]:
    """Let the networks' engines have these paces."""
    made = [Paced(name, pace) for name, pace in zip(registry.TIMED, paces, strict=True)]
    openers = {engine.name: (lambda _, engine=engine: engine) for engine in made}
    monkeypatch.setattr(registry, "ENGINES", openers | {"dis": dis})
    monkeypatch.setattr(registry, "Reference", Clock)
    return made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of weights, and a cache of choices that is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return write_folder(tmp_path / "weights", {})


@pytest.mark.parametrize(
    ("paces", "fastest"),
    [((10, 8, 9), "meflownet-bf16"), ((10, 9.8, 12), "meflownet"), ((10, 9, 7), "meflownet-int8"),
     ((10, 9, 8.8), "meflownet-bf16"), ((5, 9, 9), "meflownet")],
)  # fmt: skip
def test_auto_takes_the_fastest_network_and_the_more_exact_one_when_they_are_close(
    monkeypatch: pytest.MonkeyPatch, folder: Path, paces: tuple[float, ...], fastest: str
) -> None:
    made = paced(monkeypatch, paces)
    assert open_engine("auto", folder).name == fastest
    assert [engine.name for engine in made if not engine.closed] == [fastest]


def test_what_was_the_fastest_stays_the_choice(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Or two runs over one video might differ in the third decimal."""
    paced(monkeypatch, (10, 5, 9))
    assert open_engine("auto", folder).name == "meflownet-bf16"
    paced(monkeypatch, (1, 5, 9))
    assert open_engine("auto", folder).name == "meflownet-bf16"


def test_a_choice_that_does_not_work_any_more_is_made_anew(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    paced(monkeypatch, (10, 5, 9))
    open_engine("auto", folder)
    paced(monkeypatch, (10, 5, 9))
    monkeypatch.setitem(registry.ENGINES, "meflownet-bf16", missing)
    assert open_engine("auto", folder).name == "meflownet-int8"


def test_an_engine_asked_for_by_name_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "ENGINES", {"tensorrt": missing, "dis": dis})
    with pytest.raises(EngineError, match="driver is too old"):
        open_engine("tensorrt")


def test_when_none_works_all_reasons_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "ENGINES", {"tensorrt": missing, "openvino": missing})
    with pytest.raises(EngineError, match=r"tensorrt: the driver is too old.*openvino: the driver is too old"):
        open_engine()


def test_with_a_gpu_auto_takes_tensorrt_else_torch_and_asks_nobody_for_the_time(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    made = paced(monkeypatch, (10, 5, 9))
    monkeypatch.setitem(registry.ENGINES, "tensorrt", missing)
    monkeypatch.setitem(registry.ENGINES, "cuda", lambda _: Paced("cuda", 100))
    assert open_engine("auto", folder).name == "cuda"
    monkeypatch.setitem(registry.ENGINES, "tensorrt", lambda _: Paced("tensorrt", 100))
    assert open_engine("auto", folder).name == "tensorrt"
    assert not any(engine.closed for engine in made)


def test_a_gpu_whose_packages_come_later_is_taken_from_then_on(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Nor does one that fails once leave a machine on its CPU for ever."""
    paced(monkeypatch, (10, 5, 9))
    assert open_engine("auto", folder).name == "meflownet-bf16"
    for cuda, taken in ((lambda _: Paced("cuda", 100), "cuda"), (missing, "meflownet-bf16")) * 2:
        monkeypatch.setitem(registry.ENGINES, "cuda", cuda)
        assert open_engine("auto", folder).name == taken


def test_every_gpu_engine_is_one_there_is_and_auto_knows_both_kinds() -> None:
    assert set(registry.GPU) <= set(ENGINES)
    assert set(registry.FIRST) <= set(registry.GPU)
    assert not set(registry.GPU) & set(registry.TIMED)


def test_of_every_network_it_is_known_what_it_computes_in() -> None:
    assert set(PRECISIONS) == set(ENGINES) - {"dis"}
    assert {PRECISIONS[name] for name in ("tensorrt", "cuda", "cuda-fused")} == {"fp16"}

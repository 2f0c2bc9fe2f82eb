import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx")

from engines.runtime.gpu import Gpu, NoGpuError
from engines.runtime.interface import EngineError
from engines.runtime.plans import builder, library
from engines.runtime.plans.graph import Precision
from engines.runtime.plans.library import Library
from engines.runtime.plans.store import PARTS, PlanStore
from engines.runtime.tensorrt import NAMES
from engines.runtime.weights import Weights
from realtime.commands.options import settings_from
from tests.conftest import Command
from tests.engines.runtime import host_gpu
from tests.engines.runtime.folders import write_folder

GPU = host_gpu.GPU


def none(library: str = "") -> Gpu:
    raise NoGpuError("no NVIDIA driver on this machine")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Opened:
    """An engine that answers where a plan was built with the TensorRT that it is to run with."""

    def __init__(self, precision: Precision, weights: Path | None, library: Library) -> None:
        self.name = NAMES[precision]
        PlanStore().load(builder.plan_spec(Weights(weights), library, GPU, precision, 1))

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing to give back."""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder of weights that are not the shipped ones."""
    graphs = {f"meflownet_t_{part}.onnx": part.encode() for part in PARTS}
    return write_folder(tmp_path / "own weights", graphs, "t")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set the GPU, the installed TensorRT, the better one first, and what building gives."""

    def be(gpu: Gpu | None = GPU, *flavours: str, built: Exception | BaseException | None = None) -> None:
        def build(library: Library, capability: str, graphs: dict[str, bytes], show: Any) -> dict[str, bytes]:
            show("building", 0.5)
            if built is not None:
                raise built
            return graphs

        def installed(wanted: str = "") -> Library:
            for flavour in flavours or ("tensorrt",):
                if flavour == (wanted or flavour):
                    return host_gpu.library(host_gpu.HostDevice(), flavour, "10.9.0")
            raise EngineError("TensorRT cannot be loaded; install it")

        monkeypatch.setattr("engines.runtime.gpu.find_gpu", none if gpu is None else lambda: gpu)
        monkeypatch.setattr(library, "open_library", installed)
        monkeypatch.setattr(builder, "build", build)
        monkeypatch.setattr(builder, "prepared", lambda *arguments: {"encoder": b"e" * 99, "matcher": b"m" * 99})
        monkeypatch.setattr("engines.runtime.tensorrt.TensorRtEngine", Opened)

    return be


def test_a_plan_is_built_once_and_listed(mellm: Command, machine: Callable[..., None]) -> None:
    machine()
    status, out, _ = mellm("engine", "build", "--batch", "8")
    assert status == 0
    assert out.count("built for Test GPU (compute capability 8.6) by tensorrt 10.9.0") == 2
    assert sorted(spec.batch for _, spec in PlanStore()) == [1, 8]
    status, out, _ = mellm("engine", "build")
    assert (status, out.count("built already")) == (0, 1)
    status, out, _ = mellm("engine", "build", "--force")
    assert (status, out.count("built for")) == (0, 1)
    status, out, _ = mellm("engine", "list")
    assert status == 0
    assert out.count("Test GPU") == out.count("yes") == 2


def test_a_plan_is_tried_with_the_tensorrt_that_built_it(mellm: Command, machine: Callable[..., None]) -> None:
    machine(GPU, "tensorrt", "tensorrt_rtx")
    status, out, err = mellm("engine", "build", "--library", "tensorrt_rtx")
    assert (status, err) == (0, "")
    assert "It answers as it should: --engine tensorrt" in out
    assert "yes" in mellm("engine", "list")[1].split()


def test_plans_of_other_weights_serve_those_only(mellm: Command, machine: Callable[..., None], own: Path) -> None:
    machine()
    assert mellm("engine", "build", "--weights", str(own))[0] == 0
    assert "yes" not in mellm("engine", "list")[1].split()
    assert "yes" in mellm("engine", "list", "--weights", str(own))[1].split()


def test_the_command_that_a_missing_plan_names_builds_it(
    mellm: Command, machine: Callable[..., None], own: Path
) -> None:
    machine(GPU, "tensorrt", "tensorrt_rtx")
    for flavour, weights in (("tensorrt", None), ("tensorrt_rtx", own)):
        spec = builder.plan_spec(Weights(weights), library.open_library(flavour), GPU, "int8", 8)
        program, *arguments = shlex.split(spec.remedy(weights))
        assert (program, mellm(*arguments)[0]) == ("mellm", 0)
        assert PlanStore().path(spec).is_file()


def test_plans_of_others_are_listed_as_of_no_use_here(mellm: Command, machine: Callable[..., None]) -> None:
    machine()
    assert mellm("engine", "build")[0] == 0
    machine(Gpu("Other GPU", "9.0"))
    _, out, _ = mellm("engine", "list")
    assert "no" in out.split()
    assert "yes" not in out.split()
    machine(None)
    _, out, err = mellm("engine", "list")
    assert "note: no NVIDIA driver on this machine; none of them serves here" in err
    assert "yes" not in out.split()


def test_without_plans_the_list_says_how_to_make_one(mellm: Command) -> None:
    status, out, _ = mellm("engine", "list")
    assert status == 0
    assert "mellm engine build makes one" in out


def test_ctrl_c_ends_it_with_130_and_leaves_nothing(mellm: Command, machine: Callable[..., None], cache: Path) -> None:
    machine(built=KeyboardInterrupt())
    status, out, err = mellm("engine", "build")
    assert (status, out) == (130, "")
    assert err.strip().endswith("stopped")
    assert list(cache.rglob("*.plan*")) == []


@pytest.mark.parametrize(
    ("arguments", "gpu", "flavour", "says"),
    [
        ([], None, "tensorrt", "no NVIDIA driver on this machine: there is nothing to build for; the CPU's engines"),
        (["--batch", "0"], GPU, "tensorrt", "--batch 0: it must be 1 to 256"),
        (["--batch", "999"], GPU, "tensorrt", "--batch 999: it must be 1 to 256"),
        (["--target", "8.6"], None, "tensorrt", "--target 8.6: tensorrt builds for the GPU at hand only"),
        (["--target", "9.0"], None, "tensorrt_rtx", "--target 9.0: tensorrt_rtx 10.9.0 builds for 7.5, 8.6, 12.0"),
        ([], Gpu("Test H100", "9.0"), "tensorrt_rtx", "not for Test H100"),
        (["--weights", "nowhere"], GPU, "tensorrt", "nowhere/meflownet.json is missing"),
    ],
)  # fmt: skip
def test_what_cannot_be_built_is_one_clear_line(
    mellm: Command, machine: Callable[..., None], cache: Path, arguments: list[str], gpu: Gpu, flavour: str, says: str
) -> None:
    machine(gpu, flavour)
    status, _, err = mellm("engine", "build", *arguments)
    assert status == 1
    assert says in err
    assert len(err.strip().splitlines()) == 1
    assert list(cache.rglob("*.plan*")) == []


def test_tensorrts_own_refusal_is_told(mellm: Command, machine: Callable[..., None]) -> None:
    machine(built=EngineError("tensorrt 10.9.0 cannot build the matcher: no memory"))
    status, _, err = mellm("engine", "build")
    assert (status, err.strip()) == (1, "error: tensorrt 10.9.0 cannot build the matcher: no memory")


def test_rtx_builds_for_a_gpu_that_is_elsewhere(mellm: Command, machine: Callable[..., None]) -> None:
    machine(None, "tensorrt_rtx")
    status, out, _ = mellm("engine", "build", "--target", "8.6")
    assert status == 0
    assert "built for a GPU (compute capability 8.6)" in out
    ((_, spec),) = PlanStore()
    assert spec.gpu == ""


@pytest.mark.parametrize("engine", ["tensorrt", "tensorrt-int8", "cuda"])
def test_without_a_gpu_a_note_is_made_and_the_cpu_measures(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], engine: str
) -> None:
    monkeypatch.setattr("engines.runtime.gpu.find_gpu", none)
    assert settings_from(None, None, engine).flow.engine == "auto"
    said = " ".join(capfd.readouterr().err.split())
    assert said == f"note: --engine {engine}: no NVIDIA driver on this machine; the CPU's engine measures instead"


@pytest.mark.parametrize(("engine", "gpu"), [("tensorrt", GPU), ("cuda", GPU), ("meflownet", None), ("dis", None)])
def test_what_can_be_had_is_taken_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], engine: str, gpu: Gpu | None
) -> None:
    monkeypatch.setattr("engines.runtime.gpu.find_gpu", none if gpu is None else lambda: gpu)
    assert settings_from(None, None, engine).flow.engine == engine
    assert capfd.readouterr().err == ""

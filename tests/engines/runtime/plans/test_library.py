import importlib
from types import SimpleNamespace
from typing import Any

import pytest

from engines.runtime.gpu import Gpu
from engines.runtime.interface import EngineError
from engines.runtime.plans.library import Library, open_library
from tests.engines.runtime.host_gpu import HostDevice, library


class Installed:
    """Packages that can be imported; an exception is raised."""

    def __init__(self, **packages: Any) -> None:
        self._packages = packages

    def __call__(self, name: str) -> Any:
        package = self._packages.get(name, ImportError(f"No module named '{name}'"))
        if isinstance(package, Exception):
            raise package
        return package


def test_tensorrt_comes_before_the_one_for_rtx(monkeypatch: pytest.MonkeyPatch) -> None:
    both = Installed(tensorrt=SimpleNamespace(__version__="11.0.1"), tensorrt_rtx=SimpleNamespace(__version__="1.7"))
    monkeypatch.setattr(importlib, "import_module", both)
    assert (open_library().flavour, open_library().version) == ("tensorrt", "11.0.1")
    assert open_library("tensorrt_rtx").version == "1.7"


@pytest.mark.parametrize("broken", [ImportError("no"), OSError("libnvinfer.so.10: cannot open"), RuntimeError("old")])
def test_one_that_cannot_be_loaded_is_passed_over(monkeypatch: pytest.MonkeyPatch, broken: Exception) -> None:
    rtx = SimpleNamespace(__version__="1.7")
    monkeypatch.setattr(importlib, "import_module", Installed(tensorrt=broken, tensorrt_rtx=rtx))
    assert open_library().flavour == "tensorrt_rtx"


def test_without_any_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib, "import_module", Installed())
    with pytest.raises(EngineError, match=r"No module named 'tensorrt'.*pip install tensorrt, or .*tensorrt-rtx"):
        open_library()


def test_rtx_serves_the_gpus_it_lists() -> None:
    rtx = library(HostDevice(), "tensorrt_rtx", "1.7")
    assert rtx.capabilities() == ["7.5", "8.6", "12.0"]
    rtx.serves(Gpu("a card", "12.0"))
    with pytest.raises(EngineError, match=r"7\.5, 8\.6, 12\.0, not for a card \(compute capability 9\.0\)"):
        rtx.serves(Gpu("a card", "9.0"))


def test_tensorrt_serves_whatever_is_at_hand() -> None:
    library(HostDevice()).serves(Gpu("a card", "9.0"))


class Config:
    """A builder's configuration."""

    def __init__(self) -> None:
        self.cleared: list[str] = []
        self.num_compute_capabilities = 0
        self.capability = ""

    def clear_flag(self, flag: str) -> None:
        self.cleared.append(flag)

    def set_compute_capability(self, capability: str, index: int) -> bool:
        self.capability = capability
        return index < self.num_compute_capabilities


@pytest.mark.parametrize("typed", [True, False])
def test_networks_are_strongly_typed_and_exact_wherever_that_can_be_said(typed: bool) -> None:
    """Even in a release that knows nothing else, and has no flags for it."""
    flags = SimpleNamespace(STRONGLY_TYPED=1) if typed else SimpleNamespace()
    module = SimpleNamespace(
        NetworkDefinitionCreationFlag=flags, BuilderFlag=SimpleNamespace(TF32="tf32") if typed else SimpleNamespace()
    )
    made, config = Library("tensorrt", "10.9", module), Config()
    assert made.network_flags() == (2 if typed else 0)
    made.configure(config, "9.0")
    assert config.cleared == (["tf32"] if typed else [])
    assert config.capability == ""


def test_rtx_is_told_the_capability() -> None:
    module = SimpleNamespace(BuilderFlag=SimpleNamespace(), ComputeCapability=SimpleNamespace(SM86="sm86"))
    made, config = Library("tensorrt_rtx", "1.7", module), Config()
    made.configure(config, "8.6")
    assert config.capability == "sm86"
    with pytest.raises(EngineError, match=r"does not build for 9\.0"):
        made.configure(config, "9.0")

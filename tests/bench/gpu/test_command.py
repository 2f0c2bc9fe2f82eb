from pathlib import Path

import pytest

from bench.gpu import command
from bench.gpu.command import COMMAND, gpu, page
from engines.runtime.gpu import Gpu, NoGpuError

CARD = Gpu("Test GPU", "8.9", "13.0")
SAID = ["collected 2 items", "tensorrt: 0.00031 px from the CPU's answer", "x::y PASSED",
        "tensorrt, batch 64: p50 9.000 ms, p95 9.100 ms, p99 9.400 ms, 7111 pairs/s"]  # fmt: skip


def test_without_a_gpu_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none() -> Gpu:
        raise NoGpuError("no NVIDIA driver on this machine")

    monkeypatch.setattr(command, "find_gpu", none)
    assert gpu(out=tmp_path / "gpu.md") == 2
    assert list(tmp_path.iterdir()) == []
    assert "no NVIDIA driver on this machine" in capsys.readouterr().err


@pytest.mark.parametrize("status", [0, 1])
def test_the_page_has_date_versions_command_and_all_that_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """A stand-in for pytest prints what the tests would."""
    script = f"import sys; print({chr(10).join(SAID)!r}); sys.exit({status})"
    monkeypatch.setattr(command, "find_gpu", lambda: CARD)
    monkeypatch.setattr(command, "TESTS", ("-c", script))
    out = tmp_path / "results" / "gpu.md"
    assert gpu(out=out) == status
    text = out.read_text()
    for wanted in ("Test GPU (compute capability 8.9)", "driver for CUDA 13.0", f"`{COMMAND}`", "Python 3.", *SAID):
        assert wanted in text
    assert ("All passed." in text) is (status == 0)
    assert ("Some failed" in text) is (status != 0)
    assert text.count("- tensorrt") == 2


def test_a_run_that_measured_nothing_says_so() -> None:
    assert "- nothing was measured" in page(CARD, ["no tests ran"], 5)

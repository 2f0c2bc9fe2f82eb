from pathlib import Path
from types import SimpleNamespace

import pytest

from realtime import doctor
from realtime.doctor import examine


def test_a_machine_that_runs_the_tests_misses_nothing() -> None:
    findings = list(examine())
    assert [f for f in findings if f.verdict == "missing"] == []
    subjects = " ".join(f.subject for f in findings)
    for wanted in (
        "Python",
        "packages",
        "shared memory",
        "flow engine dis",
        "narrator template",
        "narrators",
        "llama-cpp-python",
    ):
        assert wanted in subjects


def test_a_missing_package_comes_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_PACKAGES", (*doctor._PACKAGES, "no-such-package"))
    finding = next(f for f in examine() if f.subject == "no-such-package")
    assert finding.verdict == "missing"
    assert finding.remedy == "make install"


def test_a_missing_library_names_its_debian_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_LIBRARIES", (("libnothing.so.9", "libnothing9"),))
    finding = next(f for f in examine() if f.subject == "libnothing.so.9")
    assert finding.remedy == "sudo apt-get install libnothing9"


def test_a_camera_that_gives_no_picture_is_a_note(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "video0").write_bytes(b"no camera")
    monkeypatch.setattr(doctor, "DEVICES", tmp_path)
    finding = next(f for f in examine() if f.subject.endswith("video0"))
    assert finding.verdict == "note"
    assert "cannot be opened" in finding.detail


@pytest.mark.parametrize(("free_mb", "verdict"), [(64, "note"), (200, "ok")])
def test_shared_memory_that_holds_no_large_frames_is_noted(
    free_mb: int, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker gives 64 MB."""
    monkeypatch.setattr("realtime.doctor.shutil.disk_usage", lambda path: SimpleNamespace(free=free_mb * 2**20))
    (finding,) = (f for f in examine() if f.subject == "shared memory")
    assert finding.verdict == verdict
    assert "640×480 takes 18 MB, 1920×1080 79 MB" in finding.detail
    assert bool(finding.remedy) is (verdict == "note")

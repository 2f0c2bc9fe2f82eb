from pathlib import Path

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

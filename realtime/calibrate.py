"""`mellm calibrate`: some seconds of rest in, a person's and a camera's zero out."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from calib.camera import brightness, camera_timing, flicker
from engines.runtime import open_engine
from realtime.calibration import (
    Calibration,
    CalibrationError,
    CameraFacts,
    FaceFacts,
    SetUp,
    now,
    read_calibration,
    too_small,
)
from realtime.config import Config
from realtime.output import check_writable
from realtime.recap import counted
from realtime.recording import record
from realtime.rest import measure_rest
from realtime.sensitivity import measure_sensitivity
from realtime.sources import source_kind

Step = Literal["record", "rest", "sensitivity"]
"""What is being done."""

SLOW_FPS, REPEATED, FLICKER, DARK, JITTER = 25.0, 0.02, 0.005, 60.0, 0.25
"""From where on the user is warned: fewer frames a second, a larger share of repeated frames, more flicker (a share of
the brightness), a darker face (mean grey level), more jitter (a share of the time between frames)."""

FEW = 20
"""With fewer known movements, one that is found or missed moves the share by more than a twentieth."""


def calibrate(config: Config, progress: Callable[[Step, float], None]) -> Calibration:
    """Record a rest and measure all of it. The pixels are let go of at the end.

    Args:
        config: settings; `capture.source` is the camera.
        progress: told what is being done and how far it is, 0 to 1.

    Raises:
        SourceError: the source cannot be read, or breaks off.
        EngineError: the flow engine cannot be had.
        NoRestError: what was recorded is no rest.
    """
    engine = open_engine(config.flow.engine, config.flow.weights_folder)
    try:
        recording = record(config.capture, config.calibrate.seconds, lambda done: progress("record", done))
        rest = measure_rest(recording, config, engine, lambda done: progress("rest", done))
        sensitivity = measure_sensitivity(recording, rest, config, engine, lambda done: progress("sensitivity", done))
    finally:
        engine.close()
    timing = camera_timing(recording.times_ns, recording.frames)
    beat = flicker(recording.times_ns, [brightness(frame) for frame in recording.frames])
    return Calibration(
        SetUp(now(), source_kind(config.capture.source), engine.name, recording.seconds, len(recording.frames)),
        CameraFacts(
            recording.width, recording.height, timing.fps, timing.jitter_ms, timing.duplicates, beat.amplitude,
            beat.hertz,
        ),
        FaceFacts(rest.iod_px, rest.brightness),
        rest.baseline,
        sensitivity,
    )  # fmt: skip


def warnings(calibration: Calibration) -> list[str]:
    """What stands in the way of small movements here, each with what to do about it."""
    camera, face = calibration.camera, calibration.face
    said = []
    if camera.fps < SLOW_FPS:
        said.append(f"{camera.fps:.0f} frames a second are few for micro-expressions: more light lets a camera expose "
                    "faster; or ask for another rate or size (--fps, --size)")  # fmt: skip
    if camera.jitter_ms > JITTER * 1000 / camera.fps:
        said.append(f"frames come {camera.jitter_ms:.0f} ms early or late: close other programs, or take the camera "
                    "off a shared USB hub or network")  # fmt: skip
    if camera.duplicates > REPEATED:
        said.append(f"{camera.duplicates:.0%} of the frames repeat the one before: the camera gives fewer than it "
                    "says; ask for a lower rate (--fps)")  # fmt: skip
    if camera.flicker > FLICKER:
        said.append(f"the light flickers by {camera.flicker:.1%} ({camera.flicker_hz:.1f} Hz in the picture): use "
                    "daylight or a lamp without flicker, or set the camera's mains frequency")  # fmt: skip
    if face.brightness < DARK:
        said.append(f"the face is dark (mean grey level {face.brightness:.0f} of 255): put a light in front of it")
    tried = sum(calibration.sensitivity.tried)
    if tried < FEW:
        said.append(f"nine in ten is told from {counted(tried, 'known movement')}, which is few: rest for longer "
                    "(--seconds), so that more fit in")  # fmt: skip
    return [*said, *too_small(face.iod_px)]


def check_target(path: Path) -> None:
    """Refuse, before any work, a file that a calibration must not replace, or that cannot be written.

    Raises:
        CalibrationError: it is no .toml, or there is something there that is no calibration.
        OSError: it cannot be written.
    """
    if path.suffix != ".toml":
        raise CalibrationError(f"--out {path}: must end in .toml")
    if path.is_dir():
        raise CalibrationError(f"--out {path}: is a folder")
    if path.exists():
        try:
            read_calibration(path)
        except CalibrationError as error:
            raise CalibrationError(f"--out {path}: holds something that is no calibration; choose another") from error
    check_writable(path.parent)

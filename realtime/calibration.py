"""What `mellm calibrate` found, as a small TOML file: written to be read by people, read back strictly. No pixels."""

import dataclasses
import difflib
import math
import os
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from calib.detection import Detection
from calib.face import REGION_NAMES
from calib.neutral import Baseline
from realtime.config import ConfigError, SpotConfig

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")

VERSION = 1
"""Of the file's format."""

SHARE = 0.9
"""The smallest movement is the one that is found so often."""

SMALL_PX = 60.0
"""A face with fewer px between the eyes is smaller than any that MEFlowNet was trained on."""

OTHER_SIZE = 1.5
"""A face so many times larger or smaller than the calibrated one is another set-up: noise in IOD follows the size."""

_HEAD = """\
# What mellm calibrate measured: one person at rest before one camera. Numbers only; no picture is kept.
# Use it:  mellm live SOURCE --calibration FILE
# Distances in IOD are shares of the distance between the eyes.
"""


class CalibrationError(ConfigError):
    """A calibration file that cannot be used; the message names the file and the key."""


@dataclass(frozen=True)
class SetUp:
    """What was calibrated."""

    made: datetime = field(metadata={"note": "when, in UTC"})
    source: str = field(metadata={"note": "kind of source: webcam, stream, file, folder or phantom"})
    engine: str = field(metadata={"note": "flow engine that measured"})
    seconds: float = field(metadata={"note": "length of the rest, s"})
    frames: int = field(metadata={"note": "frames in it"})


@dataclass(frozen=True)
class CameraFacts:
    """The camera's zero."""

    width: int = field(metadata={"note": "frame size, px"})
    height: int = field(metadata={"note": ""})
    fps: float = field(metadata={"note": "one over the median time between frames"})
    jitter_ms: float = field(metadata={"note": "spread of that time"})
    duplicates: float = field(metadata={"note": "share of frames that repeat the one before"})
    flicker: float = field(
        metadata={"note": "periodic change of brightness, half its swing, as a share of it; 0: none seen"}
    )
    flicker_hz: float = field(metadata={"note": "its frequency as the camera sees it, Hz"})


@dataclass(frozen=True)
class FaceFacts:
    """The face in the frame."""

    iod_px: float = field(metadata={"note": "distance between the eyes, px of the frame"})
    brightness: float = field(metadata={"note": "mean grey level of the face, 0 to 255"})


@dataclass(frozen=True)
class Sensitivity:
    """Known movements that were put into the frames, and how many the spotter found."""

    threshold_iod: float = field(metadata={"note": "settings that this holds for: spot.threshold_iod"})
    noise_factor: float = field(metadata={"note": "and spot.noise_factor"})
    iod: float = field(
        metadata={"note": "smallest movement found nine times in ten, IOD; inf: not even the largest tried"}
    )
    frame_px: float = field(metadata={"note": "the same, px of the frame"})
    crop_px: float = field(metadata={"note": "the same, px of the face crop that is measured"})
    sizes_iod: tuple[float, ...] = field(
        metadata={"note": "sizes: how far the strongest region moves at the peak, IOD"}
    )
    tried: tuple[int, ...] = field(metadata={"note": "how many of each size were shown"})
    found: tuple[int, ...] = field(metadata={"note": "how many of them were found"})

    @property
    def detection(self) -> Detection:
        """The trials."""
        return Detection(self.sizes_iod, self.tried, self.found)


@dataclass(frozen=True)
class Calibration:
    """A person's and a camera's zero, and what can be seen with them."""

    set_up: SetUp
    camera: CameraFacts
    face: FaceFacts
    baseline: Baseline
    sensitivity: Sensitivity

    def noise(self) -> tuple[str, float, float]:
        """The noisiest region, the median noise of the regions, and that region's, IOD."""
        sigmas = self.baseline.sigma_iod
        return REGION_NAMES[sigmas.index(max(sigmas))], statistics.median(sigmas), max(sigmas)


_TABLES = {"set_up": SetUp, "camera": CameraFacts, "face": FaceFacts, "sensitivity": Sensitivity}
_NOISE = "noise_iod"


def open_calibration(config: SpotConfig) -> Calibration | None:
    """The calibration that the settings name, if they name one.

    Raises:
        CalibrationError: it cannot be read.
    """
    return read_calibration(Path(config.calibration)) if config.calibration else None


def write_calibration(calibration: Calibration, path: Path) -> None:
    """Write a calibration; the file appears complete or not at all.

    Raises:
        OSError: it cannot be written.
    """
    parts = [_HEAD, f"version = {VERSION}\n"]
    for name in _TABLES:
        table = getattr(calibration, name)
        lines = [_line(f.name, getattr(table, f.name), f.metadata["note"]) for f in dataclasses.fields(table)]
        parts.append(f"\n[{name}]\n" + "".join(lines))
    parts.append(f"\n# How much each region trembles at rest: σ along one axis, IOD.\n[{_NOISE}]\n")
    named = zip(REGION_NAMES, calibration.baseline.sigma_iod, strict=True)
    parts += [_line(f'"{name}"', sigma, "") for name, sigma in named]
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".toml", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("".join(parts))
        os.chmod(partial, 0o644)
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def read_calibration(path: Path) -> Calibration:
    """Read a calibration.

    Raises:
        CalibrationError: unreadable, not TOML, of another version, or a key is missing, unknown or impossible.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CalibrationError(f"cannot read the calibration {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CalibrationError(f"{path} is no calibration: not TOML ({error})") from error
    version = content.pop("version", None)
    if version != VERSION:
        said = "without a version" if version is None else f"of version {version!r}"
        raise CalibrationError(f"{path} is a calibration {said}; this program reads {VERSION}: make it anew with "
                               "mellm calibrate")  # fmt: skip
    _names(path, "", content, (*_TABLES, _NOISE))
    tables: dict[str, Any] = {name: _table(path, name, kind, content[name]) for name, kind in _TABLES.items()}
    noise = _is_table(path, _NOISE, content[_NOISE])
    _names(path, f"{_NOISE}.", noise, REGION_NAMES)
    sigmas = tuple(_value(path, f"{_NOISE}.{name}", float, noise[name]) for name in REGION_NAMES)
    try:
        tables["sensitivity"].detection  # noqa: B018  # refuses what does not fit together
    except ValueError as error:
        raise CalibrationError(f"{path}: sensitivity: {error}") from error
    return Calibration(**tables, baseline=Baseline(sigmas))


def too_small(iod_px: float) -> list[str]:
    """What is to be said of a face's size, px between the eyes; nothing where it is large enough."""
    if iod_px >= SMALL_PX:
        return []
    small = f"the face is small ({iod_px:.0f} px between the eyes), so small movements are lost"
    return [f"{small}: come nearer, or take larger frames"]


def mismatch(calibration: Calibration, engine: str, iod_px: float) -> list[str]:
    """What a calibration and a run do not have in common, one line each.

    Args:
        calibration: which is in use.
        engine: flow engine of the run; empty if unknown.
        iod_px: distance between the eyes in the run, px.
    """
    said = []
    then, now = calibration.set_up.engine, engine
    if now and now != then:
        said.append(f"the calibration was made with the flow engine {then}, this run measures with {now}: its noise is "
                    f"another; calibrate with --engine {now}")  # fmt: skip
    before = calibration.face.iod_px
    if not before / OTHER_SIZE <= iod_px <= before * OTHER_SIZE:
        said.append(f"the face is {iod_px:.0f} px between the eyes and was {before:.0f} px when calibrated: the noise "
                    "is another at this distance; calibrate again here")  # fmt: skip
    return said


def now() -> datetime:
    """The present second, in UTC."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def _line(key: str, value: object, note: str) -> str:
    comment = f"  # {note}" if note else ""
    return f"{key} = {_text(value)}{comment}\n"


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_text(item) for item in value)}]"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return repr(float(f"{value:.6g}"))
    if isinstance(value, int):
        return str(value)
    # Control characters and quotes have no place in any of the names that are written here.
    return '"' + "".join(c for c in str(value) if c.isprintable() and c not in '"\\') + '"'


def _names(path: Path, prefix: str, given: dict[str, Any], wanted: tuple[str, ...]) -> None:
    """Refuse a key that is missing or unknown."""
    for key in given:
        if key not in wanted:
            near = difflib.get_close_matches(key, wanted, 1, cutoff=0.5)
            hint = f"; did you mean {prefix + near[0]!r}?" if near else ""
            raise CalibrationError(f"{path}: unknown key {prefix + key!r}{hint}")
    missing = [key for key in wanted if key not in given]
    if missing:
        raise CalibrationError(f"{path}: {prefix + missing[0]!r} is missing; make it anew with mellm calibrate")


def _is_table(path: Path, name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CalibrationError(f"{path}: {name!r} is a table: write [{name}]")
    return value


def _table(path: Path, name: str, kind: type[T], value: object) -> T:
    hints = get_type_hints(kind)
    table = _is_table(path, name, value)
    _names(path, f"{name}.", table, tuple(hints))
    return kind(**{key: _value(path, f"{name}.{key}", wanted, table[key]) for key, wanted in hints.items()})


def _value(path: Path, key: str, wanted: Any, value: Any) -> Any:
    """A value of the wanted type; numbers are 0 or more, and finite but for the sensitivity."""
    if wanted in (tuple[float, ...], tuple[int, ...]):
        if not isinstance(value, list):
            raise CalibrationError(f"{path}: {key!r} must be a list, not {value!r}")
        single = float if wanted == tuple[float, ...] else int
        return tuple(_value(path, key, single, item) for item in value)
    if wanted is float and type(value) is int:
        value = float(value)
    if type(value) is not wanted:
        raise CalibrationError(f"{path}: {key!r} must be {wanted.__name__}, not {value!r}")
    if isinstance(value, (int, float)) and not (value >= 0 and (math.isfinite(value) or key.endswith(_UNREACHED))):
        raise CalibrationError(f"{path}: {key!r} is {value}: it must be a number from 0")
    return value


_UNREACHED = ("sensitivity.iod", "sensitivity.frame_px", "sensitivity.crop_px")

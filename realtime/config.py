"""Every setting of a run: frozen dataclasses with defaults and help, filled from a TOML file and the command line."""

import dataclasses
import difflib
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from engines.mellm import LanguageSettings
from engines.mellm.closing import check_pattern
from realtime.limits import must_be

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")


class ConfigError(ValueError):
    """A setting that does not exist or does not fit; the message names the key."""


@dataclass(frozen=True)
class CaptureConfig:
    """Where frames come from.

    Attributes:
        source: webcam index or device, video file, folder of frames, stack of frames (.npy), rtsp:// or http:// URL,
            "phantom", or "phantom-rest" (the same face with nothing to show).
        fps: frames per second of a folder, of a stack, of the phantom, or asked of a webcam; 0 takes 30, or the
            next to it that the webcam offers.
        width: width asked of a webcam or made by the phantom, px.
        height: height asked of a webcam or made by the phantom, px.
        seconds: stop after this much stream time; 0 runs to the end.
        paced: play files at their own speed (live), not as fast as possible (analyze).
        max_side: frames with a longer side are halved, px, once or more often.
        timeout_s: a stream silent for so long counts as stalled.
        reconnects: how often a camera or URL that dies is tried again in a row, waiting twice as long each time.
        seed: of the phantom's performance.
        loop_fps: rate at which a stack of frames (.npy) was taken: it is then played back and forth without end at
            `fps`, the nearest frame each time; 0 plays every frame once.
    """

    source: str = "phantom"
    fps: float = 0.0
    width: int = 640
    height: int = 480
    seconds: float = 0.0
    paced: bool = True
    max_side: int = 1920
    timeout_s: float = 5.0
    reconnects: int = 5
    seed: int = 0
    loop_fps: float = 0.0


@dataclass(frozen=True)
class AlignConfig:
    """How faces are found and cropped.

    Attributes:
        faces: at most so many faces are followed.
        hold_iod: the crop is held until the face has moved so far in it, IOD…
        hold_s: …for so long, which is longer than a blink; 1.4 times as far counts at once.
        jump_iod: a face that moved so far at once starts its curves anew, IOD.
        lost_s: a face gone for longer than this gets a new number when it returns.
    """

    faces: int = 2
    hold_iod: float = 0.12
    hold_s: float = 0.3
    jump_iod: float = 0.5
    lost_s: float = 5.0


@dataclass(frozen=True)
class FlowConfig:
    """How movements are measured.

    Attributes:
        engine: flow engine by name; "auto" takes the best that works here.
        weights: folder of MEFlowNet's weights, as its export writes it; empty for the shipped ones.
        anchor_s: at rest, flow is measured from a fresh frame after so long.
        rest_iod: a face whose regions wander less than this for half a second is at rest, IOD.
        history_s: crops kept for the measure from onset to apex.
    """

    engine: str = "auto"
    weights: str = ""
    anchor_s: float = 3.0
    rest_iod: float = 0.003
    history_s: float = 5.0

    @property
    def weights_folder(self) -> Path | None:
        """The folder of weights as `open_engine` takes it: None for the shipped ones."""
        return Path(self.weights) if self.weights else None


@dataclass(frozen=True)
class SpotConfig:
    """When a movement is an event.

    Attributes:
        threshold_iod: smallest displacement of a region that opens an event, IOD.
        noise_factor: and it must exceed the region's own noise so many times.
        told_iod: smallest displacement of a region that words tell of, IOD; in a small event half of its largest.
        micro_s: longest micro-expression, onset to offset (MEGC: 0.5 s).
        longest_s: longest expression; one held longer is closed there (MEGC: 4 s).
        shortest_s: shorter movements are not expressions.
        apex_wait_s: the apex is announced when the movement has not grown for so long.
        speech_movements: so many mouth movements in close order are speech.
        speech_gap_s: and this is close order: the longest rest between them. Mouth movements are told so much later.
        calibration: file that `mellm calibrate` wrote for this person and camera: no region's noise is then taken to be
            smaller than it was measured there; empty for noise that is learned on the way.
    """

    threshold_iod: float = 0.0015
    noise_factor: float = 3.5
    told_iod: float = 0.003
    micro_s: float = 0.5
    longest_s: float = 4.0
    shortest_s: float = 0.1
    apex_wait_s: float = 0.06
    speech_movements: int = 3
    speech_gap_s: float = 0.4
    calibration: str = ""


@dataclass(frozen=True)
class NarrateConfig(LanguageSettings):
    """Who speaks; and how a language model is asked, if one does.

    Attributes:
        narrator: "template"; "mellm", our own language model; "gguf:PATH", another one in a file; "http:URL", one
            behind an OpenAI-compatible server (its key in the environment, MELLM_API_KEY or OPENAI_API_KEY); "auto"
            takes our own if it works here, else the template.
        late_s: live, an event that has waited longer for its words gets the template's, which say that they are late.
        patience_s: takes the place of `first_word_s` and `answer_s` when nobody waits (analyze, explain).
    """

    narrator: str = "auto"
    late_s: float = 3.0
    patience_s: float = 120.0


@dataclass(frozen=True)
class CalibrateConfig:
    """How a person and a camera are calibrated.

    Attributes:
        seconds: length of the rest that is recorded.
        passes: how often the recording is played with known movements in it; each pass tries about six.
        smallest_iod, largest_iod: sizes of the movements, from and to, IOD.
    """

    seconds: float = 8.0
    passes: int = 6
    smallest_iod: float = 0.002
    largest_iod: float = 0.04


@dataclass(frozen=True)
class DashboardConfig:
    """How the live page is served.

    Attributes:
        host: address it is served at; any other than this machine's own lets others in.
        port: of the page; 0 takes any that is free.
        video: whether pages get pictures; without, they show curves and words only.
        width: of the pictures at most, px.
        quality: of the pictures (JPEG), 1 to 100.
        history: points of the curves kept for pages that are opened later, one a frame.
        folder: where recordings started on the page go, and those that it lists are.
    """

    host: str = "127.0.0.1"
    port: int = 8737
    video: bool = True
    width: int = 640
    quality: int = 75
    history: int = 18000
    folder: str = "sessions"


@dataclass(frozen=True)
class Config:
    """A whole run, one table of the TOML file a part."""

    capture: CaptureConfig = field(default_factory=CaptureConfig)
    align: AlignConfig = field(default_factory=AlignConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)
    spot: SpotConfig = field(default_factory=SpotConfig)
    narrate: NarrateConfig = field(default_factory=NarrateConfig)
    calibrate: CalibrateConfig = field(default_factory=CalibrateConfig)
    dashboard: DashboardConfig = field(default_factory=DashboardConfig)

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing.

        Raises:
            ConfigError: naming the key and what it may be.
        """
        for part in dataclasses.fields(self):
            values = getattr(self, part.name)
            for key in dataclasses.fields(values):
                _check(f"{part.name}.{key.name}", getattr(values, key.name))
        for lower, higher in _IN_ORDER:
            low, high = (_value(self, name) for name in (lower, higher))
            if low >= high:
                raise ConfigError(f"{lower} is {low}: it must be less than {higher}, {high}; change one of them")


_IN_ORDER = (
    ("spot.shortest_s", "spot.micro_s"), ("spot.micro_s", "spot.longest_s"),
    ("calibrate.smallest_iod", "calibrate.largest_iod"),
)  # fmt: skip
"""Settings of which the first must be less than the second."""


def _value(config: Config, name: str) -> float:
    part, _, key = name.partition(".")
    return float(getattr(getattr(config, part), key))


def _check(name: str, value: object) -> None:
    if name == "capture.source" and not value:
        raise ConfigError(f"{name} is empty: name a webcam, video file, folder, recording, URL or phantom")
    if name == "narrate.answer_pattern" and isinstance(value, str) and value:
        try:
            check_pattern(value)
        except ValueError as error:
            raise ConfigError(f"{name}: {error}") from error
    if isinstance(value, (int, float)) and not isinstance(value, bool) and (words := must_be(name, value)):
        raise ConfigError(f"{name} is {value}: it must be {words}")


def load_config(path: str | Path) -> Config:
    """Read a TOML file: a table a part, such as [spot], with its settings, such as threshold_iod = 0.006.

    Raises:
        ConfigError: unreadable, not TOML, an unknown table or key (with the nearest one that exists), a wrong type.
    """
    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    return config_from(tables, str(path))


def config_from(values: dict[str, Any], name: str) -> Config:
    """The settings in a table of tables, such as `dataclasses.asdict` makes of them.

    Args:
        values: the tables.
        name: where they are from, for the errors.

    Raises:
        ConfigError: as for a file.
    """
    return _fill(Config, values, name, "")


def _fill(kind: type[T], values: dict[str, Any], path: str, prefix: str) -> T:
    hints = get_type_hints(kind)
    names = {f.name: hints[f.name] for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    filled: dict[str, Any] = {}
    for key, value in values.items():
        full = f"{prefix}{key}"
        if key not in names:
            near = difflib.get_close_matches(key, names, 1, cutoff=0.5)
            hint = f"did you mean {prefix + near[0]!r}?" if near else f"known here: {', '.join(names)}"
            raise ConfigError(f"{path}: unknown setting {full!r}; {hint}")
        wanted = names[key]
        if dataclasses.is_dataclass(wanted):
            if not isinstance(value, dict):
                raise ConfigError(f"{path}: {full!r} is a table: write [{full}]")
            filled[key] = _fill(wanted, value, path, f"{full}.")  # type: ignore[arg-type]
            continue
        if wanted is float and type(value) is int:
            value = float(value)
        if type(value) is not wanted:
            raise ConfigError(f"{path}: {full!r} must be {wanted.__name__}, not {value!r}")
        filled[key] = value
    try:
        return kind(**filled)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error

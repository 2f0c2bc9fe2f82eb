"""The command `mellm`."""

import dataclasses
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.text import Text

from realtime.config import Config, ConfigError, load_config
from realtime.environment import prepare

if TYPE_CHECKING:
    from realtime.pair import PairMeter

app = App(
    name="mellm",
    help="Real-time micro-expression perception: what a face did for a fifth of a second, measured and said in words.",
    version=lambda: __import__("importlib.metadata").metadata.version("mellm-live"),
    help_format="plaintext",
)

Engine = Annotated[str, Parameter(help="Flow engine: auto, or one that `mellm doctor` lists.")]
NarratorName = Annotated[str, Parameter(help="Narrator: auto, or one that `mellm doctor` lists.")]
ConfigFile = Annotated[
    Path | None, Parameter(help="TOML file with settings; tables capture, align, flow, spot, narrate.")
]
Faces = Annotated[int | None, Parameter(help="Follow at most so many faces [default: 2].")]
_errors = Console(stderr=True, markup=False, emoji=False, highlight=False)
SLOW_FPS = 15
"""Below this frame rate a rise of a tenth of a second is not sampled twice."""


class UsageError(Exception):
    """A wrong use of the command line; one line."""


@app.command
def live(
    source: Annotated[
        str, Parameter(help="Webcam number or device, video file, folder, rtsp:// or http:// URL, phantom.")
    ],
    *,
    fps: Annotated[float, Parameter(help="Frame rate of a folder or the phantom, or asked of a webcam.")] = 0.0,
    seconds: Annotated[float, Parameter(help="Stop after so many seconds; 0 runs until the end or Ctrl-C.")] = 0.0,
    size: Annotated[str, Parameter(help="Size asked of a webcam or made by the phantom.")] = "",
    faces: Faces = None,
    engine: Engine = "",
    narrator: NarratorName = "",
    config: ConfigFile = None,
    seed: Annotated[int | None, Parameter(help="Of the phantom's performance.")] = None,
    verbose: Annotated[bool, Parameter(negative="", help="Also show processes starting and movements rising.")] = False,
) -> int:
    """Watch a face live: events and words as they happen, a closing table at the end. Ctrl-C stops.

    Examples:
      mellm live 0                         the first webcam
      mellm live interview.mp4             a file, at its own speed
      mellm live http://127.0.0.1:8080/    an MJPEG stream
      mellm live phantom --seconds 20      the built-in face, whose every movement is known
    """
    settings = _settings(config, faces, engine, narrator)
    capture = dataclasses.replace(
        settings.capture, source=source, fps=fps or settings.capture.fps, seconds=seconds or settings.capture.seconds
    )
    if size:
        width, height = _parse_size(size)
        capture = dataclasses.replace(capture, width=width, height=height)
    if seed is not None:
        capture = dataclasses.replace(capture, seed=seed)
    settings = dataclasses.replace(settings, capture=capture)
    from realtime.recorded import phantom_script
    from realtime.supervisor import Session
    from realtime.terminal import LiveView

    console = _plain()
    view = LiveView(console, verbose)
    console.print(f"mellm live {source}: starting (Ctrl-C stops)", style="bold")
    try:
        with Session(settings) as session:
            if verbose:
                console.print(f"listen at {session.public_address} and {session.events_address}", style="dim")
            for message in session:
                view.show(message)
    except KeyboardInterrupt:
        console.print("stopped", style="dim")
    if source == "phantom":
        view.against(phantom_script(capture))
    view.closing()
    return 0


@app.command
def analyze(
    videos: Annotated[list[Path], Parameter(help="Video files, or folders of frames.")],
    *,
    out: Annotated[Path, Parameter(help="Folder for the results; one folder a video in it.")],
    fps: Annotated[float, Parameter(help="Frame rate of folders of frames.")] = 0.0,
    faces: Faces = None,
    engine: Engine = "",
    narrator: NarratorName = "",
    config: ConfigFile = None,
) -> int:
    """Analyse recorded videos without loss: events.jsonl, .csv and .png, and motion.parquet for each.

    Example: mellm analyze interviews/*.mp4 --out results
    """
    settings = _settings(config, faces, engine, narrator)
    settings = dataclasses.replace(
        settings, capture=dataclasses.replace(settings.capture, fps=fps or settings.capture.fps)
    )
    if not videos:
        raise UsageError("no videos given; try: mellm analyze interview.mp4 --out results")
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from realtime.analyze import OutputError, output_names
    from realtime.analyze import analyze as analyze_one
    from realtime.source import SourceError

    failed = 0
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[at]}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    shown = Progress(*columns, console=_errors, transient=True, disable=not _errors.is_terminal)
    with _one_thread(), shown as bar:
        for video, name in zip(videos, output_names(videos), strict=True):
            task = bar.add_task(video.name, total=_length_s(video, settings.capture.fps), at="")

            def advance(t_s: float, task: "int" = int(task)) -> None:
                bar.update(task, completed=t_s, at=f"{t_s:.1f} s")  # type: ignore[arg-type]

            try:
                done = analyze_one(video, name, out, settings, advance)
            except (SourceError, OutputError, OSError) as error:
                failed += 1
                _complain(_reason(error))
                continue
            finally:
                bar.remove_task(task)
            if done.fps < SLOW_FPS:
                note = f"{video} has {done.fps:.0f} fps: micro-expressions fall between its frames"
                bar.console.print(Text.assemble(("note: ", "yellow"), note), soft_wrap=True)
            kinds = [event.kind for event in done.events]
            bar.console.print(
                f"{video}: {kinds.count('micro')} micro, {kinds.count('macro')} macro in {done.duration_s:.1f} s "
                f"→ {done.folder}", soft_wrap=True,
            )  # fmt: skip
    return 1 if failed else 0


@app.command
def flow(
    onset: Annotated[Path | None, Parameter(help="Picture before the expression.")] = None,
    apex: Annotated[Path | None, Parameter(help="Picture at its peak.")] = None,
    *,
    out: Annotated[Path, Parameter(help="The .npz to write; with --pairs, a folder for one a row.")],
    pairs: Annotated[Path | None, Parameter(help="CSV with columns onset,apex instead of two pictures.")] = None,
    engine: Engine = "",
    config: ConfigFile = None,
) -> int:
    """Measure the optical flow of a face between two pictures.

    Writes facial, head and expression flow, float32 (H, W, 2) px on the onset picture's grid, NaN outside the face's
    crop; beside the .npz a colour picture of the expression flow and an overlay on the onset picture.

    Example: mellm flow onset.png apex.png --out flow.npz
    """
    from realtime.pair import write_flow

    settings = _settings(config, None, engine, "")
    if pairs is None and out.suffix != ".npz":
        raise UsageError(f"--out {out}: must end in .npz")

    def measure(meter: "PairMeter", index: int, first: Path, second: Path) -> None:
        target = out if pairs is None else out / f"{index + 1:05d}_{first.stem}_{second.stem}.npz"
        write_flow(meter.measure(first, second), first, second, target)
        _errors.print(f"{first} → {second}: {target}", soft_wrap=True)

    return _each_pair(settings, onset, apex, pairs, measure, lambda first, second, error: None)


@app.command
def explain(
    onset: Annotated[Path | None, Parameter(help="Picture before the expression.")] = None,
    apex: Annotated[Path | None, Parameter(help="Picture at its peak.")] = None,
    *,
    json: Annotated[bool, Parameter(name="--json", negative="", help="One JSON object a pair, a line each.")] = False,
    pairs: Annotated[Path | None, Parameter(help="CSV with columns onset,apex instead of two pictures.")] = None,
    engine: Engine = "",
    narrator: NarratorName = "",
    config: ConfigFile = None,
) -> int:
    """Say what moved between two pictures of a face, which action units that is, and what it may mean.

    Example: mellm explain onset.png apex.png --json
    """
    from realtime.explanation import explanation, print_explanation, print_json

    settings = _settings(config, None, engine, narrator)

    def measure(meter: "PairMeter", index: int, first: Path, second: Path) -> None:
        found = meter.measure(first, second)
        if json:
            print_json(explanation(meter.explain(found), found, first, second))
        else:
            print_explanation(_plain(), meter.explain(found), found, first, second)

    def failed(first: Path, second: Path, error: str) -> None:
        if json and pairs is not None:
            print_json({"onset": str(first), "apex": str(second), "error": error})

    return _each_pair(settings, onset, apex, pairs, measure, failed)


@app.command
def doctor() -> int:
    """Say what is installed, which cameras, engines and models work, what is missing and how to mend it."""
    from realtime.doctor import examine

    console = _plain()
    signs = {"ok": ("✓ ", "green"), "missing": ("✗ ", "red"), "note": ("• ", "yellow")}
    missing = 0
    for finding in examine():
        missing += finding.verdict == "missing"
        console.print(Text.assemble(signs[finding.verdict], (finding.subject, "bold"), ": ", finding.detail))
        if finding.remedy:
            console.print(f"    → {finding.remedy}", style="cyan")
    return 1 if missing else 0


def main() -> None:
    """Entry point: run a command; whatever the user can mend ends as one line on stderr and a status other than 0."""
    prepare()
    for polite in (signal.SIGTERM, signal.SIGHUP):  # a kill, or a closed terminal, stops as cleanly as Ctrl-C
        signal.signal(polite, signal.default_int_handler)
    try:
        status = _run()
    except KeyboardInterrupt:
        _complain("stopped")
        status = 0 if sys.argv[1:2] == ["live"] else 130
    sys.stdout.flush()
    raise SystemExit(status)


def _run() -> int:
    from engines.mellm import NarratorError
    from engines.runtime import EngineError
    from realtime.ring import RingError
    from realtime.source import SourceError
    from realtime.supervisor import SessionError

    try:
        return int(app(sys.argv[1:], result_action="return_value") or 0)
    except (UsageError, ConfigError, SourceError, EngineError, NarratorError, RingError, SessionError) as error:
        _complain(str(error))
    except OSError as error:
        _complain(_reason(error))
    return 1


def _plain() -> Console:
    """A console that prints names as they are: brackets are no markup, colons no emoji."""
    return Console(markup=False, emoji=False, highlight=False)


def _complain(text: str) -> None:
    line = text.splitlines()[0] if text else "unknown"
    _errors.print(Text.assemble(("error: ", "red"), line), soft_wrap=True)


def _reason(error: Exception) -> str:
    if not isinstance(error, OSError):
        return str(error)
    where = f" {error.filename}:" if error.filename else ""
    return f"cannot write or read{where} {error.strerror or error}"


def _settings(path: Path | None, faces: int | None, engine: str, narrator: str) -> Config:
    settings = load_config(path) if path is not None else Config()
    if faces is not None:
        settings = dataclasses.replace(settings, align=dataclasses.replace(settings.align, faces=faces))
    if engine:
        settings = dataclasses.replace(settings, flow=dataclasses.replace(settings.flow, engine=engine))
    if narrator:
        settings = dataclasses.replace(settings, narrate=dataclasses.replace(settings.narrate, narrator=narrator))
    return settings


def _parse_size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().replace("×", "x").partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise UsageError(f"--size {text}: write it like 640x480")
    return int(width), int(height)


def _length_s(video: Path, fps: float) -> float | None:
    """A video's length for the progress bar, if it can be told."""
    from realtime.config import CaptureConfig
    from realtime.source import SourceError
    from realtime.sources import open_source

    try:
        source = open_source(CaptureConfig(source=str(video), fps=fps))
    except SourceError:
        return None
    try:
        return source.frames / source.fps if source.frames > 0 else None
    finally:
        source.close()


@contextmanager
def _one_thread() -> Iterator[None]:
    """OpenCV on one thread while several of ours work side by side."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _each_pair(
    settings: Config,
    onset: Path | None,
    apex: Path | None,
    table: Path | None,
    work: "Callable[[PairMeter, int, Path, Path], None]",
    failed: Callable[[Path, Path, str], None],
) -> int:
    """Do some work for the given pair, or for every row of a table; the models are loaded once."""
    from realtime.pair import PairMeter, read_pairs
    from realtime.source import SourceError

    rows: Sequence[tuple[Path, Path]]
    if table is not None:
        if onset is not None or apex is not None:
            raise UsageError("give either two pictures or --pairs, not both")
        rows = list(read_pairs(table))
        if not rows:
            raise UsageError(f"{table}: no pairs in it")
    elif onset is None or apex is None:
        raise UsageError("give two pictures, onset and apex, or --pairs FILE.csv")
    else:
        rows = [(onset, apex)]
    wrong = 0
    with PairMeter(settings) as meter:
        for index, (first, second) in enumerate(rows):
            try:
                work(meter, index, first, second)
            except SourceError as error:
                wrong += 1
                _complain(str(error))
                failed(first, second, str(error))
    return 1 if wrong else 0


if __name__ == "__main__":
    main()

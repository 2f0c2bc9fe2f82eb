"""`python -m bench.picture`: makes the README's pictures anew, into bench/results."""

import re
import tempfile
from pathlib import Path

from realtime.environment import prepare

RESULTS = Path(__file__).parent / "results"


def session_picture(seconds: float = 14.0) -> str:
    """A live session on the phantom as its terminal showed it, SVG."""
    from rich.console import Console
    from rich.terminal_theme import MONOKAI

    from realtime.config import CaptureConfig, Config
    from realtime.recorded import phantom_events
    from realtime.supervisor import Session
    from realtime.terminal import LiveView

    config = Config(capture=CaptureConfig("phantom", seconds=seconds))
    console = Console(record=True, width=118)
    view = LiveView(console)
    with Session(config) as session:
        for message in session:
            view.show(message)
    view.against(phantom_events(config.capture))
    view.closing()
    svg = console.export_svg(title=f"mellm live phantom --seconds {seconds:g}", theme=MONOKAI)
    # Without the fonts it would fetch from the network: any monospaced one will do.
    return re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL).replace("Fira Code", "monospace")


def flow_picture(path: Path) -> None:
    """Onset, apex and what `mellm flow` drew of a smile of 2 % of the eye distance, side by side."""
    import cv2
    import numpy as np

    from calib.phantom import PhantomEvent, PhantomScript, PhantomVideo, portrait
    from realtime.config import Config
    from realtime.pair import PairMeter, write_flow

    smile = PhantomEvent(1.0, 1.2, 1.4, (("AU12", 0.02), ("AU6", 0.02)))
    video = PhantomVideo(portrait(), PhantomScript((smile,)))
    with tempfile.TemporaryDirectory() as folder, PairMeter(Config()) as meter:
        onset, apex = Path(folder) / "onset.png", Path(folder) / "apex.png"
        cv2.imwrite(str(onset), video.frame(smile.onset_s))
        cv2.imwrite(str(apex), video.frame(smile.apex_s))
        write_flow(meter.measure(onset, apex), onset, apex, Path(folder) / "flow.npz")
        pictures = [cv2.imread(str(p)) for p in (onset, apex, Path(folder) / "flow_overlay.png")]
    panels = [picture[40:450, 120:520].copy() for picture in pictures]
    for panel, words in zip(panels, ("onset", "apex", "measured"), strict=True):
        for colour, width in ((0, 4), (255, 1)):
            cv2.putText(panel, words, (14, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (colour,) * 3, width, cv2.LINE_AA)
    cv2.imwrite(str(path), np.hstack(panels))


def events_picture(path: Path, seconds: float = 20.0) -> None:
    """What `mellm analyze` draws of the phantom's performance: a tile an event."""
    from realtime.chain import run_chain
    from realtime.config import CaptureConfig, Config
    from realtime.exports.tables import make_event
    from realtime.messages import Say, Spot
    from realtime.sheet import write_sheet

    spots: dict[int, Spot] = {}
    events, sketches = [], []
    for message in run_chain(Config(capture=CaptureConfig("phantom", seconds=seconds, paced=False))):
        if isinstance(message, Spot) and message.phase == "closed":
            spots[message.spot_id] = message
        elif isinstance(message, Say) and message.final and message.spot_id in spots:
            events.append(make_event("phantom", spots[message.spot_id], message))
            sketches.append(spots[message.spot_id].sketch)
    write_sheet(events, sketches, path)


if __name__ == "__main__":
    prepare()
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "session.svg").write_text(session_picture(), encoding="utf-8")
    flow_picture(RESULTS / "flow.jpg")
    events_picture(RESULTS / "events.png")

"""`python -m bench.latency`: a loopback camera through a whole live session; drops and latency per hop.

The camera is a process of its own that serves ready-made JPEG frames of the phantom, so that it costs next to nothing.
"""

import multiprocessing
import os
import sys
from multiprocessing.connection import Connection
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

from realtime.environment import prepare

app = App(name="bench.latency", help_format="plaintext")


def _serve(fps: float, width: int, height: int, pipe: Connection) -> None:
    """The camera's process: 20 s of phantom in a loop, until the pipe closes."""
    prepare()
    from bench.mjpeg import MjpegServer, phantom_jpegs
    from calib.phantom import PhantomVideo, demo_script, portrait

    video = PhantomVideo(portrait(), demo_script(20.0), width, height, iod_px=height * 100 / 480)
    with MjpegServer(phantom_jpegs(video, 20.0, fps), fps) as server:
        pipe.send(server.url)
        while pipe.poll(None):
            try:
                pipe.recv()
            except EOFError:
                return


@app.default
def latency(
    *,
    seconds: Annotated[float, Parameter(help="Length of the session.")] = 60.0,
    fps: Annotated[float, Parameter(help="Frames per second of the camera.")] = 30.0,
    width: Annotated[int, Parameter(help="Width of its frames, px.")] = 640,
    height: Annotated[int, Parameter(help="Height of its frames, px.")] = 480,
) -> None:
    """Run a session on a loopback camera and print its closing table."""
    prepare()
    from realtime.config import CaptureConfig, Config
    from realtime.messages import Gap
    from realtime.supervisor import Session
    from realtime.terminal import LiveView

    console = Console()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    camera = context.Process(target=_serve, args=(fps, width, height, theirs))
    camera.start()
    theirs.close()
    console.print(f"{width}×{height} at {fps:g} fps for {seconds:g} s on {os.cpu_count()} cores …", highlight=False)
    view = LiveView(Console(file=open(os.devnull, "w")))  # noqa: SIM115 - lives as long as the process
    try:
        with Session(Config(capture=CaptureConfig(source=ours.recv(), seconds=seconds))) as session:
            for message in session:
                view.show(message)
                if isinstance(message, Gap):
                    console.print(f"{message.t_media_ns / 1e9:.1f} s: {message.cause}", highlight=False)
    finally:
        ours.close()
        camera.join()
    view.console = console
    view.closing()


if __name__ == "__main__":
    app(sys.argv[1:])

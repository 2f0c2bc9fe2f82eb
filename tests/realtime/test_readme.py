"""The scripts in the documentation are run as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from realtime.recordings.replay import Replay
from realtime.recordings.sessions import Recording
from realtime.schema import message_types

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "realtime" / "README.md").read_text(encoding="utf-8")
SCRIPTS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
LISTENERS = [block for block in SCRIPTS if "zmq.SUB" in block]


@pytest.mark.parametrize(
    ("script", "beside"), list(zip(LISTENERS, (b" % of eye distance", b"micro "), strict=True)),
    ids=["with the package", "without it"],
)  # fmt: skip
def test_a_listener_hears_the_session(script: str, beside: bytes, recorded: Recording) -> None:
    with Replay(recorded, speed=0) as played:
        command = [sys.executable, "-c", script, played.public_address, played.events_address]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
        listener = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
        assert listener.stdout is not None
        os.set_blocking(listener.stdout.fileno(), False)
        heard = b""
        try:
            # Again and again, until it has connected and heard a whole round.
            while b"upper lip raiser (AU10)" not in heard or beside not in heard:
                assert listener.poll() is None
                for _ in played:
                    heard += listener.stdout.read() or b""
        finally:
            listener.kill()
            listener.communicate()
    assert beside in heard


def test_a_video_is_analysed_as_the_page_shows_it(clip: Path, tmp_path: Path) -> None:
    (script,) = (block for block in SCRIPTS if "realtime.analyze" in block)
    (tmp_path / "interview.mp4").symlink_to(clip)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    first, events = done.stdout.splitlines()
    assert first.startswith("results/interview Watched 0:02: 1 micro-expression")
    assert "'AU12'" in events


def test_the_page_names_every_topic() -> None:
    assert len(LISTENERS) == 2
    assert all(len(script.strip().splitlines()) <= 20 for script in LISTENERS)
    for kind in message_types():
        assert f"`{kind.__name__}`" in PAGE

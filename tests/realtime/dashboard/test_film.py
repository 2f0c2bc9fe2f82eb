"""A recording's video on the page, in a real browser: every frame carries its number, to be read off the canvas."""

import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from realtime.config import CaptureConfig, Config
from realtime.recordings.record import Recorder
from realtime.ring import Ring
from tests.realtime.browser import browser_page
from tests.realtime.conftest import HAS_AV
from tests.realtime.served import frame, motion, recordings

pytestmark = pytest.mark.skipif(not HAS_AV, reason="PyAV is not installed")

WIDTH, HEIGHT, FRAMES, BITS, FPS = 640, 480, 200, 8, 25
WAIT_S = 60.0

READ = f"""() => {{
  const canvas = document.querySelector("#recordings .stage canvas"), ink = canvas.getContext("2d");
  const scale = Math.min(canvas.width / {WIDTH}, canvas.height / {HEIGHT});
  const at = (x, y) => ink.getImageData(canvas.width / 2 + scale * (x - {WIDTH / 2}),
                                        canvas.height / 2 + scale * (y - {HEIGHT / 2}), 1, 1).data;
  let number = 0;
  for (let bit = 0; bit < {BITS}; bit++) {{
    const [red, , , solid] = at({WIDTH / BITS} * (bit + 0.5), {HEIGHT / 2});
    if (solid < 255 || (red > 80 && red < 170)) return null;
    if (red > 125) number += 1 << bit;
  }}
  return {{ number, t: Number(canvas.dataset.t), share: Number(document.querySelector("#recordings .scrub").value) }};
}}"""
"""The number of the frame on the canvas, the time that the page gives it, where the slider is; null if it is black."""

STATE = f"""() => {{
  const video = document.querySelector("video.clip");
  return [({READ})(), video.currentTime, video.seeking, video.paused, video.readyState, video.networkState];
}}"""
"""What is told when a test fails."""


def numbered(number: int) -> NDArray[np.uint8]:
    """A frame with its number on it, a block a bit."""
    image = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    for bit, block in enumerate(np.array_split(image[HEIGHT // 3 : 2 * HEIGHT // 3], BITS, axis=1)):
        block[:] = 235 if number >> bit & 1 else 20
    return image


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8 s of numbered frames at 25 fps, recorded as a session is."""
    ring = Ring.local(FRAMES, WIDTH * HEIGHT * 3)  # holds them all: none is lost to a slow encoder
    with Recorder(tmp_path_factory.mktemp("sessions"), Config(capture=CaptureConfig("film.mp4")), ring) as recorder:
        for number in range(FRAMES):
            seq, t_ns = ring.put(numbered(number)), number * 1_000_000_000 // FPS
            recorder.take(replace(frame(seq), t_media_ns=t_ns, width=WIDTH, height=HEIGHT))
            recorder.take(replace(motion(seq), t_media_ns=t_ns))
    assert recorder.unfilmed == 0
    return recorder.folder


@pytest.fixture(scope="module")
def page(film: Path) -> Iterator[Any]:
    """The recording, opened and read."""
    with recordings(film.parent) as served, browser_page(viewport={"width": 1280, "height": 720}) as page:
        opened(page, served.url, film.name)
        yield page


def opened(page: Any, url: str, name: str) -> None:
    page.goto(f"{url}#recordings/{name}")
    wait(page, lambda: "/ 0:0" in page.locator("#recordings .transport-time").inner_text())
    wait(page, lambda: page.evaluate(READ))


def wait(page: Any, what: Callable[[], Any]) -> None:
    """Until it is so."""
    limit_s = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < limit_s, f"it never was: {page.evaluate(STATE)}"
        page.wait_for_timeout(20)  # the browser's own clock: lets it work


def jump(page: Any, share: float) -> None:
    """Drag the slider to a place."""
    page.evaluate(
        "share => { const s = document.querySelector('#recordings .scrub'); s.focus(); s.value = share;"
        " s.dispatchEvent(new Event('input')); }", share,
    )  # fmt: skip


def belongs(seen: Any) -> bool:
    """Whether the frame on the canvas is that of the slider's time, and the page says so."""
    if seen is None:
        return False
    wanted = seen["share"] * (FRAMES - 1)
    return bool(abs(seen["number"] - wanted) <= 1 and abs(seen["t"] * FPS - seen["number"]) < 0.05)


def test_after_quick_jumps_the_frame_is_that_of_the_time(page: Any) -> None:
    rng = random.Random(7)
    for _ in range(25):
        for _ in range(rng.randint(1, 10)):
            jump(page, rng.random())
            page.wait_for_timeout(rng.choice((0, 0, 5, 30)))
        wait(page, lambda: belongs(page.evaluate(READ)))


def test_while_it_plays_every_frame_has_its_own_time_and_stays_with_the_playhead(page: Any) -> None:
    jump(page, 0.1)
    wait(page, lambda: belongs(page.evaluate(READ)))
    page.locator("#recordings .round").click()
    seen: list[Any] = []
    while len({s["number"] for s in seen if s}) < 8:
        seen.append(page.evaluate(READ))
        page.wait_for_timeout(20)
    assert None not in seen  # never black
    assert all(abs(s["t"] * FPS - s["number"]) < 0.05 for s in seen)
    jump(page, 0.5)  # and on from there
    wait(page, lambda: page.evaluate(READ)["number"] > FRAMES // 2)
    page.locator("#recordings .round").click()
    wait(page, lambda: belongs(page.evaluate(READ)))


def test_it_does_not_play_on_where_nobody_sees_it(page: Any, film: Path) -> None:
    jump(page, 0.1)
    page.locator("#recordings .round").click()
    wait(page, lambda: not page.evaluate("document.querySelector('video.clip').paused"))
    page.keyboard.press("1")
    wait(page, lambda: page.evaluate("document.querySelector('video.clip').paused"))
    assert not page.evaluate("document.querySelector('video.clip').ended")
    page.evaluate("name => { location.hash = `#recordings/${name}`; }", film.name)
    wait(page, lambda: belongs(page.evaluate(READ)))


def test_the_frame_on_the_screen_stays_while_the_next_is_looked_for(page: Any) -> None:
    kept = page.evaluate("""async () => {
      const { Clip } = await import("/page/clip.js");
      const clip = new Clip(document.querySelector("video.clip").src);
      document.body.append(clip.video);
      while (!clip.take()) await new Promise((done) => setTimeout(done, 20));
      Object.defineProperty(clip.video, "readyState", { get: () => 1 });  // as in the middle of a jump
      const kept = clip.take();
      clip.close();
      return kept;
    }""")
    assert kept


def test_a_jump_under_way_is_not_broken_off_for_the_next(page: Any) -> None:
    asked = page.evaluate("""async () => {
      const { Clip } = await import("/page/clip.js");
      const clip = new Clip("");
      const asked = [];
      let seeking = false;
      Object.defineProperty(clip.video, "seeking", { get: () => seeking });
      Object.defineProperty(clip.video, "currentTime", {
        get: () => 0, set: (t) => { asked.push(t); seeking = true; },
      });
      for (const running of [true, false]) {
        seeking = false;
        for (let t = 5; t < 9; t += 0.5) clip.go(t, running, 1);
      }
      Object.defineProperty(clip, "looking", { get: () => 10 });  // but one that never ends is made anew
      clip.go(9, false, 1);
      return asked;
    }""")
    assert asked == pytest.approx([5.0, 5.002, 9.002])


def test_where_frames_do_not_say_their_time_it_is_that_of_the_video(page: Any) -> None:
    source = page.locator("video.clip").get_attribute("src")
    other = page.context.browser.new_page()
    other.goto(page.url.partition("#")[0])
    times = other.evaluate("""async (source) => {
      const { Clip } = await import("/page/clip.js");
      const clip = new Clip(source);
      document.body.append(clip.video);
      window.VideoFrame = class extends VideoFrame {  // as Firefox has it: whole seconds, told as microseconds
        get timestamp() { return Math.floor(clip.video.currentTime); }
      };
      const times = [];
      for (const [t, begin] of [[0.5, 0.48], [5.02, 5], [0.01, 0]]) {  // in a frame, which has begun before
        for (let k = 0; k < 600 && (!k || clip.video.seeking || Math.abs(clip.t - begin) > 0.005); k++) {
          clip.go(t, false, 1);
          clip.take();
          await new Promise((done) => requestAnimationFrame(done));
        }
        times.push(clip.t);
      }
      return times;
    }""", source)  # fmt: skip
    other.close()
    assert times == pytest.approx([0.48, 5.0, 0.0], abs=0.005)


def test_a_video_that_cannot_be_shown_is_said_and_the_rest_goes_on(page: Any, film: Path, tmp_path: Path) -> None:
    shutil.copytree(film, tmp_path / "damaged")
    (tmp_path / "damaged" / "video.webm").write_bytes(b"no video at all")
    with recordings(tmp_path) as served:
        other = page.context.browser.new_page()
        (tmp_path / "foreign").mkdir()
        (tmp_path / "foreign" / "session.mcap").write_bytes(bytes(4000))
        other.goto(f"{served.url}#recordings/damaged")
        other.get_by_text("1 cannot be read").click()
        other.get_by_text("foreign/session.mcap: not a recording of mellm-live").wait_for()
        other.get_by_text("This video cannot be shown").wait_for()
        other.locator("#recordings [data-layer=picture]").click()
        other.get_by_text("This video cannot be shown").wait_for(state="hidden")
        other.close()

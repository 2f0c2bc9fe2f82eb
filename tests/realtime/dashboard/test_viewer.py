"""A viewer that reads slowly, or not at all: what waits for it, what is left out, what it is told."""

import asyncio
import json
from typing import Any, cast

from starlette.websockets import WebSocket, WebSocketDisconnect

from realtime.dashboard.room import MOST_NEWS as MOST_TOLD
from realtime.dashboard.room import Room
from realtime.dashboard.viewer import MOST_NEWS, MOST_POINTS, TOO_SLOW, Viewer

HELLO = {"type": "hello", "video": True}


class Browser:
    """The far end: reads as much as it is let."""

    def __init__(self) -> None:
        self.got: list[str | bytes] = []
        self.closed: tuple[int, str] | None = None
        self.reads = asyncio.Event()

    async def send_text(self, data: str) -> None:
        await self.reads.wait()
        self.got.append(data)

    async def send_bytes(self, data: bytes) -> None:
        await self.reads.wait()
        self.got.append(data)

    async def close(self, code: int, reason: str) -> None:
        self.closed = code, reason


def viewer_of(browser: Browser) -> Viewer:
    return Viewer(cast(WebSocket, browser), consented=True)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_of_pictures_the_newest_waits_and_no_news_is_lost() -> None:
    async def run() -> None:
        browser = Browser()
        viewer = viewer_of(browser)
        task = asyncio.create_task(viewer.deliver())
        for k in range(100):
            viewer.show(b"picture %d" % k)
            viewer.tell(f"news {k}")
            await asyncio.sleep(0)
        browser.reads.set()
        while len(browser.got) < 101 or viewer._picture is not None:
            await asyncio.sleep(0)
        await settle()
        task.cancel()
        assert [g for g in browser.got if isinstance(g, str)] == [f"news {k}" for k in range(100)]
        assert [g for g in browser.got if isinstance(g, bytes)][-1] == b"picture 99"
        assert viewer.skipped >= 98

    asyncio.run(run())


def test_a_picture_that_waits_when_it_is_switched_off_is_not_sent() -> None:
    async def run() -> None:
        browser = Browser()
        viewer = viewer_of(browser)
        viewer.show(b"a face")
        viewer.wants_video = False
        browser.reads.set()
        task = asyncio.create_task(viewer.deliver())
        viewer.tell("pong")
        await settle()
        task.cancel()
        assert browser.got == ["pong"]

    asyncio.run(run())


def test_curve_points_that_wait_are_bounded() -> None:
    async def run() -> None:
        browser = Browser()
        viewer = viewer_of(browser)
        for k in range(3 * MOST_POINTS):
            viewer.draw(f"point {k}")
        browser.reads.set()
        task = asyncio.create_task(viewer.deliver())
        while len(browser.got) < MOST_POINTS:
            await asyncio.sleep(0)
        await settle()
        task.cancel()
        assert browser.got == [f"point {k}" for k in range(2 * MOST_POINTS, 3 * MOST_POINTS)]

    asyncio.run(run())


def test_nothing_more_is_written_once_the_line_is_cut() -> None:
    """As asyncio has it: a write that fails is told by a callback, and those before it fall into the void."""

    class Cut(Browser):
        lost = False

        def lose(self) -> None:
            self.lost = True

        async def send_text(self, data: str) -> None:
            if self.lost:
                raise WebSocketDisconnect(1006)
            asyncio.get_running_loop().call_soon(self.lose)
            self.got.append(data)

    async def run() -> None:
        browser = Cut()
        viewer = viewer_of(browser)
        for k in range(MOST_POINTS):
            viewer.draw(f"point {k}")
        await asyncio.wait_for(viewer.deliver(), 10)
        assert browser.got == ["point 0"]

    asyncio.run(run())


def test_who_does_not_even_read_the_news_is_let_go_and_told_why() -> None:
    async def run() -> None:
        browser = Browser()
        viewer = viewer_of(browser)
        task = asyncio.create_task(viewer.deliver())
        for k in range(2 * MOST_NEWS):
            viewer.tell(f"news {k}")
        browser.reads.set()
        await asyncio.wait_for(task, 10)
        assert browser.closed is not None
        assert browser.closed[0] == TOO_SLOW
        assert "slow" in browser.closed[1]

    asyncio.run(run())


async def newcomer(room: Room) -> tuple[Viewer, list[str | bytes]]:
    """Somebody who comes in, and what the browser got by then."""
    browser = Browser()
    browser.reads.set()
    viewer = Viewer(cast(WebSocket, browser))
    room.enter(viewer)
    task = asyncio.create_task(viewer.deliver())
    await settle()
    task.cancel()
    return viewer, browser.got


def test_a_newcomer_is_told_what_has_happened() -> None:
    async def run() -> None:
        room = Room(HELLO, history=3)
        for k in range(5):
            room.point(f'{{"p":{k}}}')
        room.news('{"n":1}')
        room.news('{"n":"a piece"}', passing=True)
        room.latest("status", '{"s":1}')
        room.latest("status", '{"s":2}')
        viewer, got = await newcomer(room)
        assert got == [
            '{"type":"hello","video":true}',
            '{"type":"motions","rows":[{"p":2},{"p":3},{"p":4}]}',
            '{"type":"news","rows":[{"n":1},{"s":2}]}',
        ]
        assert not room.watched  # nobody has consented
        viewer.consented = True
        room.count()
        assert room.watched
        room.leave(viewer)
        assert not room.watched

    asyncio.run(run())


def test_who_comes_when_the_session_is_over_is_offered_no_picture() -> None:
    async def run() -> None:
        room = Room(HELLO, history=3)
        room.ended = True
        _, got = await newcomer(room)
        assert json.loads(got[0]) == {"type": "hello", "video": False}

    asyncio.run(run())


def test_however_many_frames_were_skipped_a_newcomer_is_told_of_every_event() -> None:
    async def run() -> None:
        room = Room(HELLO, history=3)
        room.news('{"n":"an event"}')
        for k in range(MOST_TOLD + 1):
            room.gap(f'{{"g":{k}}}')
        _, got = await newcomer(room)
        rows = json.loads(got[-1])["rows"]
        assert rows[-1] == {"n": "an event"}
        assert [row["g"] for row in rows[:-1]] == list(range(1, MOST_TOLD + 1))

    asyncio.run(run())


def test_who_has_not_consented_gets_no_picture() -> None:
    async def run() -> None:
        room: Any = Room(HELLO, history=3)
        browsers = Browser(), Browser()
        asked, confirmed = Viewer(cast(WebSocket, browsers[0])), viewer_of(browsers[1])
        for browser, viewer in zip(browsers, (asked, confirmed), strict=True):
            browser.reads.set()
            room.enter(viewer)
        room.picture(b"a face")
        tasks = [asyncio.create_task(viewer.deliver()) for viewer in (asked, confirmed)]
        await settle()
        for task in tasks:
            task.cancel()
        assert b"a face" not in browsers[0].got
        assert b"a face" in browsers[1].got

    asyncio.run(run())

"""What the page's server makes of what it hears."""

import asyncio
import json
from typing import Any, cast

from starlette.websockets import WebSocket

from realtime.dashboard.feed import Feed
from realtime.dashboard.room import Room
from realtime.dashboard.viewer import Viewer
from realtime.messages import AnyMessage
from tests.realtime.messages import say


def told(*messages: AnyMessage) -> list[Any]:
    """What somebody is told of these who comes when they are over, beside the greeting."""
    viewer = Viewer(cast(WebSocket, None))

    async def run() -> None:
        room = Room({"type": "hello", "video": False}, 10)
        feed = Feed(room, asyncio.get_running_loop(), None)
        for message in messages:
            feed.take(message)
        await asyncio.sleep(0)  # they are handed over
        room.enter(viewer)

    asyncio.run(run())
    _, news = map(json.loads, viewer._news)
    assert news["type"] == "news"
    return list(news["rows"])


def test_what_is_to_be_known_of_the_narrator_is_kept_for_who_comes_later() -> None:
    pieces = say(1, "Chin ", final=False)
    remark = say(-1, "the template narrator speaks instead", 0.5, final=False)
    rows = told(remark, pieces, say(1), say(-1, "Watched 0:02.", 2.0))
    assert rows[0] == {"type": "remark", "t": 0.5, "text": "the template narrator speaks instead"}
    assert [(row["type"], row["id"], row["final"]) for row in rows[1:]] == [("say", 1, True), ("say", -1, True)]

"""Listens to the session and hands what it hears to the room: a thread, so that no browser waits for a JPEG.

It only ever subscribes (`realtime.bus`): however slow it is, the pipeline does not notice.
"""

import asyncio
import threading
from collections.abc import Callable

import zmq

from realtime.dashboard import wire
from realtime.dashboard.moments import Assembler, Moment
from realtime.dashboard.pictures import Pictures
from realtime.dashboard.room import Room
from realtime.exports.tables import Event, make_event
from realtime.messages import (
    Annotation,
    AnyMessage,
    End,
    Face,
    Frame,
    Gap,
    Lost,
    MessageError,
    Motion,
    Say,
    Spot,
    Status,
    unpack,
)
from realtime.recordings.answers import SUMMARY
from realtime.rests import Rests

FASTEST_NS = 30_000_000
"""Pictures follow each other no faster: a little less than a frame at 30 fps."""

_POLL_MS = 200


class Feed:
    """See the module. Everything that reaches the room is handed over to its thread.

    Attributes:
        found: the events that have closed and have their words.
    """

    def __init__(self, room: Room, loop: asyncio.AbstractEventLoop, pictures: Pictures | None) -> None:
        """Prepare; `pictures` is None where none are to be shown."""
        self._room, self._loop, self._pictures = room, loop, pictures
        self._assembler, self._rests = Assembler(), Rests()
        self._shown_ns = 0
        self._closed: dict[int, Spot] = {}
        self.found: list[Event] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def listen(self, public: str, events: str) -> None:
        """Subscribe to a session's two addresses (`realtime.bus.Wiring`) and go on in a thread."""
        context = zmq.Context[zmq.Socket[bytes]]()
        sockets = [context.socket(zmq.SUB) for _ in range(2)]
        for socket, address in zip(sockets, (public, events), strict=True):
            socket.set_hwm(0 if address == events else 1000)
            socket.connect(address)
            socket.subscribe(b"")
        self._thread = threading.Thread(target=self._run, args=(context, sockets), name="feed", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, context: "zmq.Context[zmq.Socket[bytes]]", sockets: "list[zmq.Socket[bytes]]") -> None:
        poller = zmq.Poller()
        for socket in sockets:
            poller.register(socket, zmq.POLLIN)
        while not self._stop.is_set():
            ready = dict(poller.poll(_POLL_MS))
            for socket in sockets:
                if socket in ready:
                    try:
                        self.take(unpack(socket.recv_multipart()[-1]))
                    except MessageError:
                        continue  # a newer session's message that this page has no place for
        for socket in sockets:
            socket.close(linger=0)
        context.term()

    def take(self, message: AnyMessage) -> None:
        """Take in one message."""
        if isinstance(message, Frame) and self._pictures is not None:
            if self._room.watched:
                self._pictures.keep(message)
            else:
                self._pictures.forget()
        if isinstance(message, (Frame, Face, Lost, Motion)):
            for moment in self._assembler.take(message):
                self._moment(moment)
        if isinstance(message, (Spot, Lost)):
            self._rests.note(message)
        if isinstance(message, Spot):
            self._hand(self._room.news, wire.text(wire.spot(message)))
            if message.phase == "closed":
                self._closed[message.spot_id] = message
        elif isinstance(message, Say) and message.spot_id == SUMMARY and not message.final:
            self._hand(self._room.news, wire.text(wire.remark(message)))
        elif isinstance(message, Say):
            self._hand(self._room.news, wire.text(wire.say(message)), not message.final)
            if message.final and (spot := self._closed.pop(message.spot_id, None)) is not None:
                self.found.append(make_event("live", spot, message))
        elif isinstance(message, Status):
            self._hand(self._room.latest, message.process, wire.text(wire.status(message)))
        elif isinstance(message, Annotation):
            self._hand(self._room.news, wire.text(wire.annotation(message)))
        elif isinstance(message, Gap):
            self._hand(self._room.gap, wire.text(wire.news(message)))
        elif isinstance(message, (Lost, End)):
            self._hand(self._room.news, wire.text(wire.news(message)))
            if isinstance(message, End):
                self._hand(self._end)

    def _end(self) -> None:
        self._room.ended = True

    def _moment(self, moment: Moment) -> None:
        away = {face_id: self._rests.away(motion) for face_id, motion in sorted(moment.motions.items())}
        frame = moment.frame
        self._hand(self._room.point, wire.text(wire.motion(frame.seq, frame.t_media_ns, moment.motions, away)))
        captured_ns = frame.t_capture_ns
        if self._pictures is None or captured_ns - self._shown_ns < FASTEST_NS or not self._room.watched:
            return
        developed = self._pictures.develop(frame.seq)
        if developed is not None:
            self._shown_ns = captured_ns
            self._hand(self._room.picture, wire.picture(moment, *developed, away))

    def _hand(self, take: Callable[..., None], *what: object) -> None:
        try:
            self._loop.call_soon_threadsafe(take, *what)
        except RuntimeError:  # the server has stopped
            self._stop.set()

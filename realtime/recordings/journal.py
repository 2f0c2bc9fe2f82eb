"""A recording's file: MCAP, a channel a type of message, each message as JSON with its JSON Schema.

A chunk is closed every second, so whoever is killed leaves all but the last second behind. Numbers are rounded to
`DECIMALS` (a millionth of the distance between the eyes), landmarks are packed (`realtime.recordings.mesh`), bytes are
base64, and what stands for nothing (None) is left out.
"""

import json
import struct
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, TypeAlias

import msgspec
import zstandard
from mcap.exceptions import McapError
from mcap.reader import SeekingReader
from mcap.records import Channel, Chunk, Metadata
from mcap.records import Message as Entry
from mcap.stream_reader import StreamReader, breakup_chunk
from mcap.writer import CompressionType, Writer

from realtime.messages import VERSION, AnyMessage, Face, Message, Spot
from realtime.recordings.mesh import Mesh, MeshPacker, MeshUnpacker
from realtime.schema import message_schema, message_types

JOURNAL = "session.mcap"
"""The name of the messages' file in a session's folder."""

VIDEO = "video.webm"
"""The name of the video beside it."""

NOTES = "annotations.jsonl"
"""The name of what was noted afterwards."""

PROFILE = "mellm-live"
DECIMALS = 6
FLUSH_NS = 1_000_000_000
"""What a killed session loses at most."""

_PAGE = "mellm"
"""The name of the metadata at the beginning, and of those at the end."""

_SHORTEST = 100  # bytes; the beginning alone has more
_LARGEST = 1 << 30  # bytes of a record; a longer one is rubbish
_BROKEN = (
    *(McapError, zstandard.ZstdError, struct.error, ValueError, IndexError, EOFError, RuntimeError),
    *(MemoryError, OverflowError),  # of a length that is rubbish
)


class RecordingError(Exception):
    """A recording that cannot be written or read; one line that says which, why, and what to do."""


class Footage(Message, frozen=True, kw_only=True):
    """A frame of the video beside a recording.

    Attributes:
        index: its place in the video, from 0.
        pts_ms: its time in the video.
    """

    index: int
    pts_ms: int


AnyEntry: TypeAlias = AnyMessage | Mesh | Footage


class JournalWriter:
    """Writes a recording. A context manager."""

    def __init__(self, path: Path, head: dict[str, str]) -> None:
        """Begin a new file.

        Args:
            path: of the file, which must not exist.
            head: what is known of the session at its start.

        Raises:
            FileExistsError: it does.
            OSError: it cannot be written.
        """
        self._stream: IO[bytes] = path.open("xb")
        self._writer = Writer(self._stream, chunk_size=1 << 20, compression=CompressionType.ZSTD)
        self._wall_ns = time.time_ns() - time.monotonic_ns()  # clocks that are set meanwhile do not matter
        self._channels: dict[type, int] = {}
        self._meshes = MeshPacker()
        self._flushed_ns = time.monotonic_ns()
        self._writer.start(PROFILE)
        self._writer.add_metadata(_PAGE, {"version": str(VERSION), **head})
        self._writer.flush()  # type: ignore[no-untyped-call]

    def __enter__(self) -> "JournalWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, message: AnyEntry) -> None:
        """Add a message.

        Raises:
            OSError: it cannot be written.
        """
        if isinstance(message, Face):
            mesh, message = self._meshes.pack(message)
            self._add(mesh)
        self._add(message)

    def flush(self) -> None:
        """Put what there is on disk when a second has passed since the last time."""
        now_ns = time.monotonic_ns()
        if now_ns - self._flushed_ns >= FLUSH_NS:
            self._flushed_ns = now_ns
            self._writer.flush()  # type: ignore[no-untyped-call]

    def close(self, tail: dict[str, str] | None = None) -> None:
        """Finish the file, with what is known of the session at its end. May be called twice."""
        if self._stream.closed:
            return
        try:
            if tail is not None:
                self._writer.add_metadata(f"{_PAGE}-end", tail)
            self._writer.finish()  # type: ignore[no-untyped-call]
        finally:
            self._stream.close()

    def _add(self, message: AnyEntry) -> None:
        kind = type(message)
        if kind not in self._channels:
            schema = self._writer.register_schema(
                f"mellm.{kind.__name__}", "jsonschema", json.dumps(message_schema(kind)).encode()
            )
            self._channels[kind] = self._writer.register_channel(kind.__name__, "json", schema)
        self._writer.add_message(
            self._channels[kind], log_time=self._wall_ns + time.monotonic_ns(), data=encode(message),
            publish_time=max(self._wall_ns + message.t_capture_ns, 0), sequence=max(message.seq, 0) & 0xFFFFFFFF,
        )  # fmt: skip


def encode(message: AnyEntry) -> bytes:
    """A message as JSON."""
    return msgspec.json.encode(_plain(msgspec.to_builtins(message)))


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DECIMALS)
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items() if part is not None}
    return value


_KINDS: tuple[type[Message], ...] = (*message_types(), Mesh, Footage)
_DECODERS: dict[str, Callable[[bytes], Any]] = {kind.__name__: msgspec.json.Decoder(kind).decode for kind in _KINDS}


class JournalReader:
    """Reads a recording from its beginning, as far as it is whole.

    Attributes:
        head: what was known at the session's start.
        damage: what could not be read of it, once all is read; empty if all could, or it was only cut off.
    """

    def __init__(self, path: Path) -> None:
        """Look at the beginning of a file.

        Raises:
            RecordingError: it is missing, no recording, or one of a newer version.
        """
        self.path = path
        self.damage = ""
        self.head = self._read_head()
        found = self.head.get("version", "")
        if not found.isdigit():
            short = " (empty, or cut off before its beginning)" if path.stat().st_size < _SHORTEST else ""
            raise RecordingError(f"{path}: not a recording of mellm-live{short}")
        if int(found) > VERSION:
            raise RecordingError(
                f"{path}: recorded by a newer mellm-live (format {found}; this one reads up to {VERSION}): upgrade it"
            )

    def entries(self, only: Collection[str] = ()) -> Iterator[AnyMessage | Footage]:
        """Its messages in the order in which they came, landmarks put back; types that are not known are passed over.

        Args:
            only: names of the types wanted; all by default.

        Raises:
            RecordingError: it cannot be opened.
        """
        meshes, topics = MeshUnpacker(), self._topics()
        wanted = {*only, Mesh.__name__} if Face.__name__ in only else set(only)
        for record in self._records():
            if record is None:
                meshes = MeshUnpacker()  # what comes next are changes to what is not known
            elif isinstance(record, Channel):
                topics[record.id] = record.topic
            if not isinstance(record, Entry):
                continue
            topic = topics.get(record.channel_id, "")
            decode = _DECODERS.get(topic)
            if decode is None or (only and topic not in wanted):
                continue
            try:
                message = decode(record.data)
            except msgspec.MsgspecError:
                continue  # one damaged message is no reason to give up the others
            if isinstance(message, Spot) and message.movements > 1 and message.kind == "macro":
                message = msgspec.structs.replace(message, kind="speech")  # recorded before that was a kind
            if isinstance(message, Mesh):
                meshes.take(message)
            else:
                yield meshes.restore(message) if isinstance(message, Face) else message

    def read_tail(self) -> dict[str, str]:
        """What was known at the session's end, from the file's end; empty if it was cut off."""
        try:
            with self.path.open("rb") as stream:
                reader = SeekingReader(stream, record_size_limit=_LARGEST)
                if reader.get_summary() is None:
                    return {}
                pages = {page.name: dict(page.metadata) for page in reader.iter_metadata()}
        except (*_BROKEN, OSError):
            return {}
        return pages.get(f"{_PAGE}-end", {})

    def _read_head(self) -> dict[str, str]:
        try:
            for record in self._records():
                if isinstance(record, Metadata):
                    return dict(record.metadata) if record.name == _PAGE else {}
                if isinstance(record, Entry):
                    break
        except OSError as error:
            raise RecordingError(f"{self.path}: cannot be read: {error.strerror or error}") from error
        return {}

    def _topics(self) -> dict[int, str]:
        """The channels' topics as they stand at the end of a finished file: where they began may be damaged."""
        try:
            with self.path.open("rb") as stream:
                summary = SeekingReader(stream, record_size_limit=_LARGEST).get_summary()
        except (*_BROKEN, OSError):
            return {}
        return {channel.id: channel.topic for channel in summary.channels.values()} if summary is not None else {}

    def _records(self) -> Iterator[object]:
        """Whole records, None in the place of a chunk that cannot be read, up to where a file is cut off."""
        lost = 0
        with self.path.open("rb") as stream:
            records = StreamReader(stream, emit_chunks=True, record_size_limit=_LARGEST).records
            while True:
                try:
                    record = next(records)
                except StopIteration:
                    self.damage = f"{lost} of its chunks (a second each) cannot be read" if lost else ""
                    return
                except _BROKEN:
                    cut = not self.read_tail()
                    self.damage = "" if cut else "it is damaged in the middle and cannot be read to its end"
                    return
                if not isinstance(record, Chunk):
                    yield record
                    continue
                try:
                    inside = breakup_chunk(record, validate_crc=True)
                except _BROKEN:
                    lost += 1
                    yield None
                    continue
                yield from inside

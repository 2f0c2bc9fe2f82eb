import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mcap.opcode import Opcode
from mcap.reader import make_reader
from mcap.writer import Writer

from realtime.messages import VERSION, AnyMessage, Face, Spot
from realtime.recordings.journal import DECIMALS, JournalReader, JournalWriter, RecordingError, encode
from realtime.schema import message_schema
from tests.realtime.messages import face, one_of_each, spot


def write(path: Path, messages: list[AnyMessage]) -> Path:
    with JournalWriter(path, {"started": "2026-11-25T17:30:00+00:00"}) as journal:
        for message in messages:
            journal.write(message)
    return path


def alike(message: AnyMessage, other: AnyMessage) -> bool:
    """The same but for the steps of landmarks."""
    if isinstance(message, Face) and isinstance(other, Face):
        first, second = (np.frombuffer(m.landmarks, np.float32) for m in (message, other))
        close = bool(np.abs(first - second).max() < 0.07)
        return close and msgspec.structs.replace(message, landmarks=b"") == msgspec.structs.replace(
            other, landmarks=b""
        )
    return message == other


def test_every_type_of_message_comes_back(tmp_path: Path) -> None:
    sent = one_of_each()
    reader = JournalReader(write(tmp_path / "a.mcap", sent))
    back = list(reader.entries())
    assert not reader.damage
    assert len(back) == len(sent)
    assert all(alike(a, b) for a, b in zip(sent, back, strict=True))  # type: ignore[arg-type]


def test_only_what_is_wanted_is_read(tmp_path: Path) -> None:
    reader = JournalReader(write(tmp_path / "a.mcap", one_of_each()))
    (only,) = reader.entries({"Face"})
    assert isinstance(only, Face)
    assert len(only.landmarks) == 478 * 3 * 4


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a value fits the plain kind of schema that stands in a recording."""
    kinds: dict[str, Any] = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "array": list,
        "object": dict,
    }
    if not isinstance(value, kinds[schema["type"]]) or ("enum" in schema and value not in schema["enum"]):
        return False
    if schema["type"] == "array":
        return all(fits(part, schema["items"]) for part in value)
    if schema["type"] == "object":
        known = set(value) <= set(schema["properties"]) and set(schema.get("required", ())) <= set(value)
        return known and all(fits(part, schema["properties"][key]) for key, part in value.items())
    return True


def test_other_programs_read_json_with_its_schema(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mcap", one_of_each())
    seen = set()
    with path.open("rb") as stream:
        for schema, channel, message in make_reader(stream, validate_crcs=True).iter_messages():
            assert schema is not None
            assert (channel.message_encoding, schema.encoding) == ("json", "jsonschema")
            assert fits(json.loads(message.data), json.loads(schema.data))
            seen.add(channel.topic)
    assert seen == {type(message).__name__ for message in one_of_each()} | {"Mesh"}


@pytest.mark.parametrize("message", one_of_each(), ids=lambda m: type(m).__name__)
def test_messages_fit_their_schema_which_has_no_references_or_unions(message: AnyMessage) -> None:
    schema = message_schema(type(message))
    assert fits(json.loads(encode(message)), schema)
    text = json.dumps(schema)
    assert not any(word in text for word in ('"$ref"', '"anyOf"', '"prefixItems"', '"null"'))


def test_numbers_are_rounded_and_none_is_left_out() -> None:
    text = encode(one_of_each()[3]).decode()
    assert '"kind"' not in text
    motion = msgspec.structs.replace(one_of_each()[2], u_iod=(1 / 3,) * 29)
    assert json.loads(encode(motion))["u_iod"][0] == round(1 / 3, DECIMALS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of many chunks."""
    path = tmp_path_factory.mktemp("whole") / "a.mcap"
    with JournalWriter(path, {"started": "now"}) as journal:
        for k in range(120):
            journal.write(face(k / 30, k, seed=k))
            if k % 10 == 9:
                journal._writer.flush()  # type: ignore[no-untyped-call]
        journal.close({"counts": "{}"})
    return path


BEGINNING = 108
"""Bytes of the first two records: the header, and when the recording began."""


@settings(max_examples=60)
@given(share=st.floats(0.0, 1.0), noise=st.booleans())
@example(share=0.0, noise=False)
@example(share=0.0003, noise=False)
@example(share=0.0003, noise=True)
def test_a_file_cut_anywhere_keeps_what_was_whole_before(whole: Path, share: float, noise: bool) -> None:
    data = whole.read_bytes()
    cut = int(share * len(data))
    path = whole.with_name("cut.mcap")
    path.write_bytes(data[:cut] + (os.urandom(200) if noise else b""))
    if cut < BEGINNING:
        with pytest.raises(RecordingError, match="not a recording"):
            JournalReader(path)
        return
    reader = JournalReader(path)
    back = [entry.seq for entry in reader.entries()]
    assert back == list(range(len(back)))
    assert len(back) >= 120 * (cut - 3000) / len(data) - 20


@settings(max_examples=40)
@given(share=st.floats(0.05, 0.8))
@example(share=0.02)
def test_damage_in_the_middle_costs_a_second_or_is_said_to_cost_the_rest(whole: Path, share: float) -> None:
    data = bytearray(whole.read_bytes())
    at = int(share * len(data))
    data[at : at + 40] = bytes(0xFF ^ byte for byte in data[at : at + 40])
    path = whole.with_name("damaged.mcap")
    path.write_bytes(data)
    reader = JournalReader(path)
    back = [entry for entry in reader.entries() if isinstance(entry, Face)]
    assert reader.damage or len(back) == 120  # what lies between the chunks is not needed
    if "to its end" not in reader.damage:
        assert len(back) >= 100
    for entry in back:
        assert not entry.landmarks or alike(entry, face(entry.seq / 30, entry.seq, seed=entry.seq))


def test_lengths_that_are_rubbish_are_damage_as_well(whole: Path) -> None:
    data = whole.read_bytes()
    chunk = data.index(b"zstd") - 41  # a record's kind and length, and four numbers and a length before this name
    assert data[chunk] == Opcode.CHUNK
    path = whole.with_name("lengths.mcap")
    for at in range(chunk + 1, chunk + 57):
        path.write_bytes(data[:at] + b"\xff" * 8 + data[at + 8 :])
        reader = JournalReader(path)
        back = [entry.seq for entry in reader.entries() if isinstance(entry, Face)]
        assert reader.damage or len(back) == 120


def test_a_killed_writer_leaves_all_but_the_last_second(tmp_path: Path) -> None:
    script = (
        "import sys, time, pathlib\n"
        "from realtime.recordings.journal import JournalWriter\n"
        "from tests.realtime.messages import frame\n"
        "import msgspec\n"
        "journal, k = JournalWriter(pathlib.Path(sys.argv[1]), {'started': 'now'}), 0\n"
        "while True:\n"
        "    k, now_ns = k + 1, time.monotonic_ns()\n"
        "    journal.write(msgspec.structs.replace(frame(0.0, k), t_capture_ns=now_ns))\n"
        "    journal.flush()\n"
        "    if k % 100 == 0:\n"
        "        print(k, now_ns, flush=True)\n"
    )
    path = tmp_path / "a.mcap"
    process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told_ns: list[tuple[int, ...]] = []
    for line in process.stdout:
        told_ns.append(tuple(map(int, line.split())))
        if told_ns[-1][1] - told_ns[0][1] > 2_200_000_000:
            break
    process.send_signal(signal.SIGKILL)
    told_ns += [tuple(map(int, line.split())) for line in process.communicate()[0].splitlines()]
    reader = JournalReader(path)
    last = max(entry.seq for entry in reader.entries())
    assert not reader.damage
    assert reader.read_tail() == {}
    lost_ns = [t_ns for k, t_ns in told_ns if k > last] or [0]
    assert lost_ns[-1] - lost_ns[0] < 1_000_000_000  # by its own clock: it may have been killed while it had to wait


@pytest.mark.parametrize("content", [b"", b"this is text", b"\x89PNG\r\n\x1a\n" + bytes(500), bytes(4000)])
def test_a_foreign_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mcap"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=r"a\.mcap: not a recording of mellm-live"):
        JournalReader(path)


def foreign(path: Path, head: dict[str, str] | None) -> Path:
    """An MCAP file of another program, or of a later version of this one."""
    with path.open("wb") as stream:
        writer = Writer(stream)
        writer.start("other")
        if head is not None:
            writer.add_metadata("mellm", head)
        schema = writer.register_schema("mellm.Later", "jsonschema", b"{}")
        later = writer.register_channel("Later", "json", schema)
        writer.add_message(later, 1, b'{"type": "Later"}', 1)
        frames = writer.register_channel("Frame", "json", schema)
        fields = {"type": "Frame", "seq": 1, "t_capture_ns": 1, "t_media_ns": 1, "width": 9, "height": 9, "later": 5}
        writer.add_message(frames, 1, json.dumps(fields).encode(), 1)
        writer.add_message(frames, 1, b'{"type": "Frame", "seq": "damaged"}', 1)
        writer.finish()  # type: ignore[no-untyped-call]
    return path


def test_an_mcap_file_of_another_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="not a recording of mellm-live"):
        JournalReader(foreign(tmp_path / "a.mcap", None))


def test_a_newer_recording_asks_for_an_upgrade(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=rf"newer mellm-live \(format {VERSION + 1};.*upgrade"):
        JournalReader(foreign(tmp_path / "a.mcap", {"version": str(VERSION + 1)}))


def test_types_and_fields_not_known_yet_are_passed_over(tmp_path: Path) -> None:
    (frame,) = JournalReader(foreign(tmp_path / "a.mcap", {"version": str(VERSION)})).entries()
    assert type(frame).__name__ == "Frame"
    assert frame.seq == 1


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mcap", one_of_each())
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        JournalWriter(path, {})
    assert path.read_bytes() == before


def test_speech_that_was_recorded_before_it_was_a_kind_is_speech(tmp_path: Path) -> None:
    old = [spot(0, kind="macro", movements=3), spot(1, kind="macro")]
    kinds = [m.kind for m in JournalReader(write(tmp_path / "a.mcap", [*old])).entries() if isinstance(m, Spot)]
    assert kinds == ["speech", "macro"]

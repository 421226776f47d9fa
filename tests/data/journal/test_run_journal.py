import contextlib
import os
import resource
import struct
import time
import tracemalloc
import zlib

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from labspin.data import RunWriter, read_run, recover
from labspin.data.journal.reader import JournalReader
from labspin.data.journal.replay import END, EVENT, HEADER, POINT_RECORD, run_from_journal
from labspin.data.journal.writer import MAGIC, RECORD_HEAD, JournalWriter, journal_path
from labspin.data.plain import pack
from labspin.data.schema import FORMAT
from labspin.errors import DamagedFileError, NotARunFileError, RunFileError, StorageError
from tests.data.samples import grid_header, grid_values, list_header
from tests.some import some

QUIET = settings(suppress_health_check=list(HealthCheck), max_examples=150, deadline=None)


def record(payload):
    return struct.pack("<II", len(payload), zlib.crc32(payload)) + payload


def journal_of(path, *values, header=None):
    """Write a journal beside ``path`` by hand, independently of the writer."""
    first = [HEADER, FORMAT, (header or list_header()).to_dict()]
    content = MAGIC + b"".join(
        record(value if isinstance(value, bytes) else pack(value)) for value in (first, *values)
    )
    journal_path(path).write_bytes(content)
    return content


def point(index, amplitude=1.0):
    return [POINT_RECORD, index, 0.1 * index, [2e9, amplitude]]


def test_a_journal_made_by_hand_is_read(path):
    journal_of(path, point(0), point(2, 5), [EVENT, 1.0, "log", "hello", {"a": 1}])
    run = read_run(path)
    assert run.status == "dead"
    np.testing.assert_array_equal(run.data["amplitude"], [1.0, np.nan, 5.0])
    assert run.events[0].data == {"a": 1}


def test_the_writer_writes_that_format(path):
    with RunWriter.create(path, list_header()) as writer:
        writer.append(0, 0.5, [2e9, 1.5])
    content = journal_path(path).read_bytes()
    assert content.startswith(MAGIC)
    place, payloads = len(MAGIC), []
    while place < len(content):
        length, checksum = struct.unpack_from("<II", content, place)
        payload = content[place + 8 : place + 8 + length]
        assert zlib.crc32(payload) == checksum
        payloads.append(payload)
        place += 8 + length
    assert msgpack.unpackb(payloads[1]) == [POINT_RECORD, 0, 0.5, [2e9, 1.5]]


def test_a_tail_torn_at_any_byte_costs_only_the_torn_record(path):
    whole = journal_of(path, point(0), point(1))
    last = len(record(pack(point(1))))
    for cut in some(range(1, last + 1)):
        journal_path(path).write_bytes(whole[:-cut])
        assert read_run(path).points.index.tolist() == [0]
    with RunWriter.resume(path) as writer:
        assert writer.done == {0}
        writer.append(1, 0.1, [2e9, 3.0])
    assert read_run(path).columns["amplitude"].tolist() == [1.0, 3.0]


def test_zeros_behind_the_end_are_a_torn_tail(path):
    # What some file systems leave after a power cut.
    whole = journal_of(path, point(0))
    journal_path(path).write_bytes(whole + bytes(5000))
    assert len(read_run(path).points) == 1


def test_a_flipped_byte_in_the_middle_is_damage_and_can_be_salvaged(path):
    whole = journal_of(path, *(point(k) for k in range(20)))
    begin = whole.index(record(pack(point(10))))
    for offset in some(range(len(record(pack(point(10)))))):
        broken = bytearray(whole)
        broken[begin + offset] ^= 0x40
        journal_path(path).write_bytes(broken)
        with pytest.raises(DamagedFileError, match="salvage"):
            read_run(path)
    with pytest.raises(DamagedFileError, match="salvage"):
        recover(path)
    with pytest.raises(DamagedFileError, match="salvage"):
        RunWriter.resume(path)
    assert recover(path, salvage=True) == [path]
    run = read_run(path)
    assert run.points.index.tolist() == [k for k in range(20) if k != 10]
    assert "bytes" in run.events_of("damage")[0].message
    kept = journal_path(path).with_name(journal_path(path).name + ".damaged")
    assert kept.read_bytes() == bytes(broken)


def test_a_length_that_is_damaged_costs_its_record_and_no_memory(path):
    whole = journal_of(path, *(point(k) for k in range(20)))
    begin = whole.index(record(pack(point(10))))
    broken = bytearray(whole + bytes(1 << 25) + record(pack(point(20))))
    broken[begin : begin + 4] = RECORD_HEAD.pack(1 << 24, 0)[:4]
    journal_path(path).write_bytes(broken)
    del broken
    tracemalloc.start()
    try:
        with pytest.raises(DamagedFileError, match="salvage"):
            read_run(path)
        assert recover(path, salvage=True) == [path]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 24
    assert read_run(path).points.index.tolist() == [k for k in range(21) if k != 10]


@QUIET
@given(st.binary(max_size=400))
def test_any_bytes_behind_a_header_are_read_or_refused(path, data):
    whole = journal_of(path, point(0))
    journal_path(path).write_bytes(whole + data)
    with contextlib.suppress(RunFileError):
        assert read_run(path).points.index[0] == 0


@QUIET
@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_no_journal(path, data, with_magic):
    journal_path(path).write_bytes((MAGIC if with_magic else b"") + data)
    with pytest.raises(RunFileError):
        read_run(path)


JSONLIKE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@QUIET
@given(st.lists(JSONLIKE | st.lists(st.integers(0, 4) | JSONLIKE, min_size=1, max_size=5), max_size=4))
def test_sound_records_of_any_content_are_read_or_refused(path, contents):
    journal_of(path, *(msgpack.packb(content) for content in contents))
    with contextlib.suppress(DamagedFileError):
        run = read_run(path)
        assert all(isinstance(content, list) for content in contents)
        assert len(run.points) == sum(content[0] == POINT_RECORD for content in contents)


@QUIET
@given(st.data())
def test_a_header_with_one_wrong_value_is_read_or_refused(path, data):
    content = grid_header().to_dict()
    layout = content["layout"]
    target = data.draw(st.sampled_from([content, layout, layout["columns"][0], layout["dimensions"][0]]))
    target[data.draw(st.sampled_from(sorted(target)))] = data.draw(JSONLIKE)
    journal_path(path).write_bytes(MAGIC + record(msgpack.packb([HEADER, FORMAT, content], default=repr)))
    run, said = None, ""
    try:
        run = read_run(path)
    except RunFileError as error:
        said = str(error)
    if run is None:
        assert str(path) in said
    else:
        assert (run.status, len(run.points)) == ("dead", 0)
        assert set(run.data) == {column.name for column in run.header.layout.columns}


@pytest.mark.parametrize(
    "wrong",
    [
        [POINT_RECORD, -1, 0.0, [1.0, 1.0]],
        [POINT_RECORD, 1 << 60, 0.0, [1.0, 1.0]],
        [POINT_RECORD, 0, 0.0, [1.0, 1.0]],
        [POINT_RECORD, 1, 0.0, [1.0]],
        [POINT_RECORD, 1, 0.0, [1.0, "1.0"]],
        [POINT_RECORD, 1, 0.0, [1.0, [1.0]]],
        [POINT_RECORD, 1.5, 0.0, [1.0, 1.0]],
        [POINT_RECORD, True, 0.0, [1.0, 1.0]],
        [POINT_RECORD, 1],
        [EVENT, 1.0, "log"],
        [EVENT, "now", "log", "x", {}],
        [END, "glorious", "2026", None],
        [17],
        ["point"],
        {},
        3,
    ],
)
def test_records_that_no_writer_makes_are_damage(path, wrong):
    journal_of(path, point(0), wrong)
    with pytest.raises(DamagedFileError, match=str(journal_path(path))):
        read_run(path)


def test_a_newer_format_is_named(path):
    journal_path(path).write_bytes(MAGIC + record(pack([HEADER, FORMAT + 1, {}])))
    with pytest.raises(NotARunFileError, match="newer"):
        read_run(path)
    journal_path(path).write_bytes(MAGIC[:-1] + b"\x02")
    with pytest.raises(NotARunFileError, match="newer"):
        read_run(path)


def bombs():
    deep_claims = b"\xdd\x00\x3f\xff\xff" * 900  # lists in lists, each claiming four million items
    deep = b"\x91" * 900 + b"\xc0"
    header = list_header(3).to_dict()
    huge_grid = grid_header().to_dict()
    for dimension in huge_grid["layout"]["dimensions"]:
        dimension["values"] = np.linspace(0, 1, 12_000)
    nested = {}
    for _ in range(500):
        nested = {"a": nested}
    return {
        "long record": MAGIC + struct.pack("<II", 0xFFFFFFFF, 0) + b"x" * 100,
        "claims": MAGIC + record(deep_claims + bytes(5_000_000)),
        "claimed text": MAGIC + record(b"\xdb\xff\xff\xff\xff"),
        "claimed bytes": MAGIC + record(b"\xc6\xff\xff\xff\xff"),
        "claimed map": MAGIC + record(b"\xdf\xff\xff\xff\xff"),
        "claimed extension": MAGIC + record(b"\xc9\xff\xff\xff\xff\x01"),
        "claimed array": MAGIC + record(b"\xc7\x0a\x01\x00\x01" + struct.pack("<Q", 1 << 60)),
        "deep": MAGIC + record(deep),
        "deep header": MAGIC
        + record(pack([HEADER, FORMAT, header]).replace(b"\xa4plan\x80", b"\xa4plan" + pack(nested))),
        "huge grid": MAGIC
        + record(pack([HEADER, FORMAT, huge_grid]))
        + record(pack([POINT_RECORD, 0, 0.0, grid_values(0)])),
    }


@pytest.mark.parametrize("name", bombs())
def test_bombs_fill_neither_memory_nor_stack(path, name):
    journal_path(path).write_bytes(bombs()[name])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    with pytest.raises(RunFileError):
        read_run(path).data  # noqa: B018 - laid out on first use
    assert time.process_time() - started < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB


def test_a_hostile_tail_is_searched_in_bounded_time(path):
    # Every two bytes look like the begin of a record that reaches far.
    whole = journal_of(path, point(0))
    trap = struct.pack("<II", 500_000, 1)[:8] + b"\x91\x01"
    journal_path(path).write_bytes(whole + trap * 100_000)
    started = time.process_time()
    assert len(run_from_journal(path, live=False).points) == 1
    assert time.process_time() - started < 20


def test_nobody_else_writes_a_journal_that_is_being_written(path):
    with RunWriter.create(path, list_header()) as writer:
        with pytest.raises(StorageError, match="still being written"):
            RunWriter.resume(path)
        with pytest.raises(StorageError, match="of this name exists already"):
            JournalWriter.create(journal_path(path), ["x"], sync_interval=1)
        writer.append(0, 0.0, [1.0, 2.0])
    with RunWriter.resume(path) as writer:
        assert writer.done == {0}


def test_records_reach_the_disk_while_nothing_else_happens(path, monkeypatch):
    synced = []
    monkeypatch.setattr(
        "labspin.data.journal.writer.sync_descriptor", lambda _: synced.append(time.monotonic())
    )
    with RunWriter.create(path, list_header(), sync_interval=0.2) as writer:
        synced.clear()
        for index in range(100):
            writer.append(index, 0.0, [1.0, 2.0])
        last = time.monotonic()
        deadline = last + 60
        while not any(moment >= last for moment in synced) and time.monotonic() < deadline:
            time.sleep(0.01)
        late = [moment - last for moment in synced if moment >= last]
        assert late, "no sync came after the last point"
        idle = len(synced)
        time.sleep(0.5)  # time for two more, if they came
        assert len(synced) == idle, "synced again though nothing was written"


def test_slow_points_are_synced_one_by_one(path, monkeypatch):
    synced = []
    with RunWriter.create(path, list_header(), sync_interval=1000.0) as writer:
        monkeypatch.setattr("labspin.data.journal.writer.sync_descriptor", synced.append)
        for index in range(5):
            time.sleep(0.02)  # longer than a sync takes, as a slow point is
            writer.append(index, 0.0, [1.0, 2.0])
            assert len(synced) == index + 1
        for index in range(5, 105):
            writer.append(index, 0.0, [1.0, 2.0])
        assert len(synced) < 50


def test_a_sync_that_fails_stops_the_run(path, monkeypatch):
    def fail(_):
        raise OSError(5, "Input/output error")

    with RunWriter.create(path, list_header(), sync_interval=0.01) as writer:
        monkeypatch.setattr("labspin.data.journal.writer.sync_descriptor", fail)

        def go_on():
            for index in range(1000):
                writer.append(index, 0.0, [1.0, 2.0])
                time.sleep(0.001)  # the sync runs beside this

        with pytest.raises(StorageError, match="may not stand on the disk"):
            go_on()
        monkeypatch.undo()


def test_a_short_write_is_finished_or_taken_back(path, monkeypatch):
    real = os.write
    with RunWriter.create(path, list_header()) as writer:
        monkeypatch.setattr("os.write", lambda fd, data: real(fd, bytes(data)[:7]))
        writer.append(0, 0.0, [1.0, 2.0])

        def full(fd, data, calls=[]):  # noqa: B006 - counts its calls
            calls.append(1)
            if len(calls) > 2:
                raise OSError(28, "No space left on device")
            return real(fd, bytes(data)[:7])

        size = journal_path(path).stat().st_size
        monkeypatch.setattr("os.write", full)
        with pytest.raises(StorageError, match="full"):
            writer.append(1, 0.0, [1.0, 3.0])
        assert journal_path(path).stat().st_size == size
        monkeypatch.undo()
        writer.append(1, 0.0, [1.0, 4.0])
    assert read_run(path).columns["amplitude"].tolist() == [2.0, 4.0]


def test_a_reader_follows_a_living_journal(path):
    with RunWriter.create(path, list_header()) as writer, JournalReader(journal_path(path)) as reader:
        assert [item[0] for item in reader.records()] == [HEADER]
        for index in range(3):
            writer.append(index, 0.0, [1.0, 2.0])
            assert [item[1] for item in reader.records()] == [index]
        assert list(reader.records()) == []
        assert reader.tail() == "clean"

import json
import os
import random
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

import labspin
from labspin.data import RunWriter, list_runs, read_run, recover
from labspin.data.journal.writer import journal_path
from labspin.data.nexus.seal import check_seal, probe, read_seal
from labspin.errors import DamagedFileError, LabspinError, NotARunFileError, RunFileError, StorageError
from tests.data.samples import ORDER, grid_header, grid_values, list_header
from tests.places import PATIENCE


def test_open_says_which(partial, path):
    assert labspin.open(path).attrs["status"] == "running"
    assert labspin.open(journal_path(path)).attrs["status"] == "running"
    partial.close()
    assert labspin.open(str(path)).attrs["status"] == "dead"
    recover(path)
    data = labspin.open(path)
    assert data.attrs["status"] == "dead"
    assert data.attrs["procedure"] == "t1"
    assert data["contrast"].dims == ("magnet.field", "delay")
    assert data["magnet.field"].attrs["units"] == "T"
    assert data["response"].attrs["units"] == "V"
    assert data["trace"].dims == ("magnet.field", "delay", "lag")
    assert set(data.coords) == {"magnet.field", "delay", "lag", "point_time", "point_quality", "field_read"}
    assert float(data["contrast"].sel({"magnet.field": 0.025}, method="nearest").isel(delay=0)) == 3.25


def test_reading_changes_nothing(partial, path):
    partial.close()
    before = {entry: entry.read_bytes() for entry in path.parent.iterdir()}
    read_run(path)
    list_runs(path.parent)
    assert {entry: entry.read_bytes() for entry in path.parent.iterdir()} == before


def test_a_list_scan_lies_along_its_points(path):
    with RunWriter.create(path, list_header()) as writer:
        writer.append(0, 0.0, [2.8e9, 1.0])
        writer.append(2, 0.2, [2.9e9, 3.0])
        for source in (path, writer.finish("finished")):
            data = labspin.open(source)
            assert data["amplitude"].dims == ("point",)
            np.testing.assert_array_equal(data["amplitude"], [1.0, np.nan, 3.0])
            np.testing.assert_array_equal(data.coords["frequency"], [2.8e9, np.nan, 2.9e9])


def test_runs_are_listed(finished, tmp_path):
    dead = RunWriter.create(tmp_path / "dead.h5", grid_header(label="second"))
    dead.append(3, 0.0, grid_values(3))
    dead.close()
    with RunWriter.create(tmp_path / "live.h5", list_header()) as live:
        live.append(0, 0.0, [1.0, 2.0])
        (tmp_path / "notes.txt").write_text("x")
        with h5py.File(tmp_path / "foreign.h5", "w") as file:
            file["x"] = [1.0]
        (tmp_path / "broken.h5").write_bytes(finished.read_bytes()[:3000])
        found = {summary.path.name: summary for summary in list_runs(tmp_path)}
    assert {name: summary.status for name, summary in found.items()} == {
        "run.h5": "finished",
        "dead.h5": "dead",
        "live.h5": "running",
        "broken.h5": "damaged",
    }
    assert (found["run.h5"].points, found["run.h5"].size) == (15, 15)
    assert (found["live.h5"].points, found["live.h5"].size) == (1, None)
    assert found["run.h5"].simulated
    assert not found["live.h5"].simulated
    assert found["dead.h5"].label == "second"
    assert "broken.h5" in found["broken.h5"].problem
    with pytest.raises(RunFileError, match="cannot be read"):
        list_runs(tmp_path / "none")


def test_an_orphan_is_recovered(partial, path):
    with pytest.raises(StorageError, match="still being written"):
        recover(path)
    assert recover(path.parent) == []
    partial.close()
    assert recover(path.parent) == [path]
    assert not journal_path(path).exists()
    run = read_run(path)
    assert run.status == "dead"
    assert run.points.index.tolist() == list(ORDER)
    with pytest.raises(RunFileError, match="nothing to recover"):
        recover(path)


def test_a_run_that_died_between_publishing_and_the_end_is_recovered_once(partial, path, monkeypatch):
    monkeypatch.setattr("labspin.data.writer.JournalWriter.close", lambda self, remove=False: None)
    partial.finish("finished")
    monkeypatch.undo()
    partial._journal.close()
    assert path.exists()
    assert journal_path(path).exists()
    assert recover(path) == [path]
    assert read_run(path).status == "finished"
    assert [entry.name for entry in path.parent.iterdir()] == ["run.h5"]


def test_one_damaged_journal_does_not_keep_the_others_from_being_recovered(partial, path, tmp_path):
    partial.close()
    (tmp_path / "bad.h5.jnl").write_bytes(b"nonsense")
    problems = []
    assert recover(tmp_path, on_error=lambda *problem: problems.append(problem)) == [path]
    assert problems[0][0].name == "bad.h5.jnl"
    with pytest.raises(DamagedFileError, match="not a labspin journal"):
        recover(tmp_path)
    assert (tmp_path / "bad.h5.jnl").exists()


@pytest.mark.parametrize(
    ("content", "error", "match"),
    [
        (b"", DamagedFileError, "empty"),
        (b"x", NotARunFileError, "not a labspin run"),
        (b"\x89HDF\r\n\x1a\n", DamagedFileError, "corrupted"),
        (b"\x89HDF\r\n\x1a\n" + bytes(10_000), DamagedFileError, "corrupted"),
        (b"PK\x03\x04" + bytes(100), NotARunFileError, "not a labspin run"),
    ],
)
def test_other_files_give_one_clear_error(path, content, error, match):
    path.write_bytes(content)
    with pytest.raises(error, match=match) as caught:
        read_run(path)
    assert str(path) in str(caught.value)


def test_an_hdf5_file_of_others_is_not_a_run(path, tmp_path):
    with h5py.File(path, "w") as file:
        file["a"] = [1.0]
    with pytest.raises(NotARunFileError, match="read_foreign"):
        read_run(path)
    with pytest.raises(RunFileError, match="no such file"):
        read_run(tmp_path / "none.h5")
    with pytest.raises(RunFileError, match="is a folder"):
        read_run(tmp_path)


def test_a_run_changed_by_another_program_is_still_read(finished):
    assert check_seal(finished)
    with h5py.File(finished, "r+") as file:
        file["entry"].create_group("by_somebody_else")
        file["entry/data/contrast"].attrs["remark"] = "seen"
    assert read_seal(finished) is None
    assert read_run(finished).is_complete
    assert list_runs(finished.parent)[0].points == 15


def _edit(path, change):
    with h5py.File(path, "r+") as file:
        change(file["entry"])


def _replace(entry, name, **dataset):
    del entry[name]
    entry.create_dataset(name, **dataset)


def _layout(entry, change):
    header = json.loads(entry["labspin/header"][()])
    change(header)
    _replace(entry, "labspin/header", data=json.dumps(header))


HOSTILE = {
    "huge claimed array": lambda e: _replace(
        e, "data/contrast", shape=(1 << 20, 1 << 20), dtype="f8", chunks=(1, 1)
    ),
    "huge claimed table": lambda e: _replace(e, "points/index", shape=(1 << 40,), dtype="i8", chunks=(1000,)),
    "bomb by compression": lambda e: _replace(
        e, "points/index", shape=(1 << 33,), dtype="i8", chunks=(1 << 20,), compression=9
    ),
    "wrong shape": lambda e: _replace(e, "data/contrast", data=np.ones((3, 5))),
    "wrong type": lambda e: _replace(
        e, "data/contrast", data=np.full((5, 3), "x", dtype=h5py.string_dtype())
    ),
    "compound type": lambda e: _replace(e, "data/contrast", data=np.zeros((5, 3), [("a", "f8")])),
    "group for array": lambda e: (e["data"].__delitem__("contrast"), e["data"].create_group("contrast")),
    "missing": lambda e: e["data"].__delitem__("contrast"),
    "no header": lambda e: e["labspin"].__delitem__("header"),
    "header is a number": lambda e: _replace(e, "labspin/header", data=3.0),
    "header is no JSON": lambda e: _replace(e, "labspin/header", data="{'a': 1}"),
    "header is deep": lambda e: _replace(e, "labspin/header", data="[" * 100_000),
    "header is a list": lambda e: _replace(e, "labspin/header", data="[1]"),
    "layout is huge": lambda e: _layout(e, lambda h: h["layout"].update(dimensions=[], size=1 << 62)),
    "layout is wrong": lambda e: _layout(e, lambda h: h["layout"].update(columns=[{"name": 1}])),
    "outside link": lambda e: (
        e["data"].__delitem__("contrast"),
        e["data"].__setitem__("contrast", h5py.ExternalLink("/etc/passwd", "/")),
    ),
    "dangling link": lambda e: (
        e["data"].__delitem__("contrast"),
        e["data"].__setitem__("contrast", h5py.SoftLink("/nowhere")),
    ),
    "point outside": lambda e: e["points/index"].__setitem__(0, 99),
    "point twice": lambda e: e["points/index"].__setitem__(0, 1),
    "status": lambda e: e["labspin"].attrs.__setitem__("status", "glorious"),
    "no status": lambda e: e["labspin"].attrs.__delitem__("status"),
    "events": lambda e: _replace(e, "events/data", data=np.array(["{"], object), dtype=h5py.string_dtype()),
    "loop": lambda e: (e.__delitem__("data"), e.__setitem__("data", e)),
    "version": lambda e: e.parent.attrs.__setitem__("labspin_format", "x"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_give_one_clear_error(finished, name):
    _edit(finished, HOSTILE[name])
    with pytest.raises((DamagedFileError, NotARunFileError)) as caught:
        read_run(finished)
    assert str(finished) in str(caught.value)


def test_external_storage_is_not_followed(finished, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(120))

    def change(entry):
        del entry["data/contrast"]
        entry["data"].create_dataset("contrast", (5, 3), "f8", external=[(str(secret), 0, 120)])

    _edit(finished, change)
    with pytest.raises(DamagedFileError, match="outside the file"):
        read_run(finished)


def test_damage_anywhere_is_found(finished):
    whole = finished.read_bytes()
    length = read_seal(finished).length
    generator = random.Random(1)
    for _ in range(300):
        broken = bytearray(whole)
        place = generator.randrange(8, length)
        size = generator.choice([1, 1, 16, 512])
        zeroed = bytes(size)[: length - place]
        broken[place : place + len(zeroed)] = zeroed if generator.random() < 0.5 else b"\xa5" * len(zeroed)
        if bytes(broken) == whole:
            continue
        finished.write_bytes(broken)
        with pytest.raises(DamagedFileError, match="corrupted"):
            read_run(finished)


def test_a_file_cut_anywhere_is_found(finished):
    whole = finished.read_bytes()
    length = read_seal(finished).length
    for kept in (1, 9, 100, 2000, length // 2, length - 1):
        finished.write_bytes(whole[:kept])
        with pytest.raises((DamagedFileError, NotARunFileError)):
            read_run(finished)
    finished.write_bytes(whole[:length])
    assert read_run(finished).is_complete


@pytest.mark.usefixtures("started_probes")
def test_a_file_in_which_hdf5_runs_in_circles_is_refused(finished):
    # An unsealed file whose heap of texts is turned to zeros: HDF5 2.0 never comes back from it.
    content = finished.read_bytes()[: read_seal(finished).length]
    place = content.index(b"GCOL")
    finished.write_bytes(content[: place + 16] + bytes(4080) + content[place + 4096 :])
    started = time.monotonic()
    with pytest.raises(DamagedFileError, match="does not come to an end"):
        probe(finished, "run", patience=1)
    assert time.monotonic() - started < PATIENCE


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes cannot be stopped here")
def test_a_file_is_not_damaged_because_others_have_the_processor(finished, monkeypatch):
    def starved(command, *, timeout, env, **_):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) as child:
            os.kill(child.pid, signal.SIGSTOP)
            time.sleep(5.0)  # longer than it may work
            os.kill(child.pid, signal.SIGCONT)
            said = child.communicate(timeout=timeout - 5.0)
        return subprocess.CompletedProcess(command, child.returncode, *said)

    monkeypatch.setattr("labspin.data.nexus.seal.subprocess.run", starved)
    probe(finished, "run", patience=4)


def test_a_file_that_kills_its_reader_is_refused(finished, monkeypatch):
    done = subprocess.CompletedProcess([], -signal.SIGSEGV)
    monkeypatch.setattr("labspin.data.nexus.seal.subprocess.run", lambda *_, **__: done)
    with h5py.File(finished, "r+") as file:
        file.attrs["touched"] = 1
    with pytest.raises(DamagedFileError, match="brings down what reads it"):
        read_run(finished)


def test_reading_evaluates_nothing(finished, tmp_path):
    """A run whose texts are programs stays text."""
    trap = tmp_path / "trap"
    code = f"__import__('pathlib').Path({str(trap)!r}).touch()"
    writer = RunWriter.create(
        tmp_path / "trap.h5", grid_header(label=code, plan={"eval": code}, truth={code: code})
    )
    writer.event("log", code, run=code)
    run = read_run(writer.finish("finished"))
    run.to_xarray()
    assert run.header.plan == {"eval": code}
    assert not trap.exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(finished):
    finished.chmod(0)
    with pytest.raises(RunFileError, match="cannot be read"):
        read_run(finished)


def test_another_process_sees_a_running_run_and_its_end(partial, path):
    code = f"from labspin.data import read_run; r = read_run({str(path)!r}); print(r.status, len(r.points))"

    def seen():
        return subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()

    assert seen() == ["running", "5"]
    partial.finish("finished")
    assert seen() == ["finished", "5"]


def test_every_error_is_one_of_ours(path):
    generator = random.Random(3)
    for size in (0, 1, 7, 8, 30, 300):
        path.write_bytes(generator.randbytes(size))
        with pytest.raises(LabspinError):
            read_run(path)


@pytest.mark.parametrize("locking", [True, False])
def test_other_readers_in_this_process_are_no_hindrance(finished, locking):
    with h5py.File(finished, "r", locking=locking):
        assert read_run(finished).is_complete


@pytest.mark.skipif(sys.platform == "win32", reason="flock")
def test_a_viewer_that_locks_the_file_is_no_hindrance(finished):
    import fcntl

    with finished.open("rb") as viewer:
        fcntl.flock(viewer, fcntl.LOCK_EX)
        assert read_run(finished).is_complete

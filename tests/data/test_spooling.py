"""Runs that are made in a local spool: on shares without locks, killed on the way, with the share away."""

import shutil
import subprocess
import sys

import pytest

from labspin import cli
from labspin.data import RunWriter, read_run, recover, spooling
from labspin.data.spooling import deliver, deliver_all, note_target, place_in_spool
from labspin.errors import StorageError
from labspin.experiment import run
from tests.data.samples import list_header
from tests.experiment.fakes import Scan, fake_bench
from tests.places import ROOT, environment

RUN = """
import errno, fcntl, os, sys
share, target, death = sys.argv[1:]

def is_on_share(descriptor):
    return os.readlink(f"/proc/self/fd/{descriptor}").startswith(share)

flock, fsync = fcntl.flock, os.fsync

def no_flock(descriptor, operation):
    if is_on_share(descriptor if isinstance(descriptor, int) else descriptor.fileno()):
        raise OSError(errno.ENOLCK, "No locks available")
    return flock(descriptor, operation)

def no_fsync(descriptor):
    place = os.readlink(f"/proc/self/fd/{descriptor}")
    if place.startswith(share) and os.path.isdir(place):
        raise OSError(errno.EINVAL, "Invalid argument")
    return fsync(descriptor)

fcntl.flock, os.fsync = no_flock, no_fsync

import shutil
from pathlib import Path
from labspin.data import spooling
from labspin.experiment import closing, run
from tests.experiment.fakes import Scan, fake_bench

def die(*arguments, **options):
    os._exit(9)

def half(source, place):
    Path(place).write_bytes(Path(source).read_bytes()[:2000])
    os._exit(9)

if death == "before the file is published":
    closing.RunWriter.finish = die
elif death == "before the move":
    spooling._digest = die
elif death == "in the copy":
    shutil.copyfile = half
elif death == "before the rename":
    replace = Path.replace
    Path.replace = lambda self, other: die() if str(other) == target else replace(self, other)
elif death == "before the one in the spool goes":
    unlink = Path.unlink
    Path.unlink = lambda self, **options: die() if self.suffix == ".h5" else unlink(self, **options)
outcome = run(Scan(), fake_bench(), Path(target))
print(outcome.path, outcome.status)
"""
DEATHS = [
    "before the file is published", "before the move", "in the copy", "before the rename",
    "before the one in the spool goes",
]  # fmt: skip


@pytest.fixture
def share(tmp_path):
    folder = tmp_path / "share"
    folder.mkdir()
    return folder


@pytest.fixture
def spool(tmp_path):
    return tmp_path / "spool"


def start(share, spool=None, death="never"):
    """Make a run in a process for which ``share`` knows neither locks nor flushes of folders."""
    more = {} if spool is None else {"LABSPIN_SPOOL": str(spool)}
    command = [sys.executable, "-c", RUN, str(share), str(share / "data" / "run.h5"), death]
    return subprocess.run(
        command, cwd=ROOT, env=environment(**more), capture_output=True, text=True, check=False
    )


def visible(folder):
    return sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))


def test_without_a_spool_the_sentence_says_to_set_one(share):
    done = start(share)
    assert done.returncode != 0
    assert "set spool = 'FOLDER' on a local disk in workspace.toml" in done.stderr


def test_with_a_spool_the_run_ends_up_on_the_share(share, spool):
    done = start(share, spool)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(share / "data" / "run.h5"), "finished"]
    assert read_run(share / "data" / "run.h5").is_complete
    assert visible(share / "data") == ["run.h5"]
    assert visible(spool) == []


@pytest.mark.parametrize("death", DEATHS)
def test_whatever_is_killed_the_whole_file_is_found_once(share, spool, death):
    done = start(share, spool, death)
    assert done.returncode == 9, done.stderr
    (share / "data").mkdir(exist_ok=True)
    assert visible(share / "data") in ([], ["run.h5"])
    recover(spool)
    assert deliver_all(spool) == [share / "data" / "run.h5"]
    assert visible(share / "data") == ["run.h5"]
    assert visible(spool) == []
    run_file = read_run(share / "data" / "run.h5")
    assert run_file.is_complete
    assert deliver_all(spool) == []


def test_the_command_recovers_from_the_spool_as_well(share, spool, tmp_path, monkeypatch, capsys):
    start(share, spool, "before the file is published")
    (tmp_path / "workspace.toml").write_text('data = "share/data"\nspool = "spool"\n')
    monkeypatch.chdir(tmp_path)
    assert cli.main(["recover"]) == 0
    assert "run.h5" in capsys.readouterr().out
    assert visible(share / "data") == ["run.h5"]


def in_spool(share, spool, monkeypatch):
    monkeypatch.setenv("LABSPIN_SPOOL", str(spool))
    return run(Scan(), fake_bench(), share / "run.h5")


def test_a_share_that_is_away_costs_nothing_but_the_move(share, spool, monkeypatch, caplog):
    shutil.rmtree(share)
    share.write_text("not a folder")
    outcome = in_spool(share, spool, monkeypatch)
    assert outcome.status == "finished"
    assert outcome.path == spool / "run.h5"
    assert read_run(outcome.path).is_complete
    assert "'labspin recover' moves it when the folder is back" in caplog.text
    assert deliver_all(spool) == [], "still away"
    share.unlink()
    assert deliver_all(spool) == [share / "run.h5"]
    assert visible(spool) == []


def test_another_run_of_that_name_is_never_touched(share, spool, monkeypatch):
    (share / "run.h5").write_bytes(b"somebody's")
    outcome = in_spool(share, spool, monkeypatch)
    assert outcome.path == share / "run-2.h5"
    assert (share / "run.h5").read_bytes() == b"somebody's"


def test_a_copy_that_does_not_read_back_never_takes_its_place(share, spool, monkeypatch):
    monkeypatch.setattr(spooling.shutil, "copyfile", lambda source, place: place.write_bytes(b"\0" * 5000))
    outcome = in_spool(share, spool, monkeypatch)
    assert outcome.path == spool / "run.h5"
    assert list(share.iterdir()) == []
    monkeypatch.undo()
    assert deliver(spool / "run.h5") == share / "run.h5"


@pytest.mark.parametrize("note", [b"", b"[]", b'{"target": 3}', b'{"target": "/etc/passwd"}', b"\xff"])
def test_a_note_that_says_nothing_sensible_moves_nothing(spool, share, note):
    local = place_in_spool(share / "run.h5", spool)
    run(Scan(), fake_bench(), local)
    note_target(local, share / "run.h5")
    local.with_name("run.h5.target").write_bytes(note)
    with pytest.raises(StorageError, match="by hand"):
        deliver(local)
    assert read_run(local).is_complete


def test_a_name_in_the_spool_is_given_once(spool, share):
    first = place_in_spool(share / "run.h5", spool)
    note_target(first, share / "run.h5")
    assert place_in_spool(share / "run.h5", spool).name == "run-2.h5"


def test_a_run_that_is_still_written_stays_in_the_spool(share, spool):
    local = place_in_spool(share / "run.h5", spool)
    note_target(local, share / "run.h5")
    with RunWriter.create(local, list_header(2)) as writer:
        writer.append(0, 0.0, [1.0, 2.0])
        writer.checkpoint()
        assert local.exists(), "a checkpoint stands beside the journal"
        assert deliver_all(spool) == []
        writer.append(1, 0.5, [3.0, 4.0])
        writer.finish("finished")
    assert deliver_all(spool) == [share / "run.h5"]
    assert read_run(share / "run.h5").data["frequency"].tolist() == [1.0, 3.0]

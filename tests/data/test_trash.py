"""Runs are put aside and brought back; nothing is deleted, overwritten, or moved while it is measured."""

import json
import shutil
from pathlib import Path

import pytest

from labspin.cli import main
from labspin.data import RunWriter, list_runs, read_run, restore_run, trash_run, trashed_run, trashed_runs
from labspin.errors import NotARunFileError, RunFileError, StorageError
from tests.data.samples import grid_header, grid_values


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "one.h5"
    with RunWriter.create(path, grid_header()) as writer:
        for index in range(15):
            writer.append(index, 0.5 * index, grid_values(index))
        writer.finish("finished")
    return path


def test_a_run_goes_and_comes_back_bit_for_bit(run):
    before = run.read_bytes()
    aside = trash_run(run)
    assert not run.exists()
    assert trashed_runs(run.parent) == [aside]
    assert list_runs(run.parent) == []
    assert restore_run(aside) == run
    assert run.read_bytes() == before
    assert trashed_runs(run.parent) == []


def test_names_that_are_taken_are_left_alone(run):
    copy = run.with_name("copy.h5")
    shutil.copy(run, copy)
    first = trash_run(run)
    copy.rename(run)
    second = trash_run(run)
    assert {first.name, second.name} == {"one.h5", "one-2.h5"}
    shutil.copy(second, run)
    assert restore_run(first).name == "one-2.h5"
    assert read_run(run).status == "finished"


def test_what_is_measured_or_no_run_stays(run, tmp_path):
    journal = run.with_name("one.h5.jnl")
    journal.touch()
    with pytest.raises(RunFileError, match="is measured, or waits"):
        trash_run(run)
    journal.unlink()
    other = tmp_path / "letter.h5"
    other.write_text("dear")
    with pytest.raises(NotARunFileError):
        trash_run(other)
    with pytest.raises(RunFileError, match="found none"):
        trash_run(tmp_path / "none.h5")
    with pytest.raises(RunFileError, match="is in the trash already"):
        trash_run(trash_run(run))
    with pytest.raises(RunFileError, match=r"wanted a run in a folder \.trash"):
        restore_run(other)


def test_a_damaged_run_may_go(run):
    content = bytearray(run.read_bytes())
    content[len(content) // 2 :] = b"\0" * (len(content) - len(content) // 2)
    run.write_bytes(content)
    assert trash_run(run).read_bytes() == content


def test_a_folder_that_is_in_the_way_is_named(run):
    run.with_name(".trash").write_text("a file")
    with pytest.raises(StorageError, match="it stays where it is"):
        trash_run(run)
    assert run.exists()


def test_by_commands(run, monkeypatch, capsys):
    monkeypatch.chdir(run.parent)
    (run.parent / "workspace.toml").write_text('data = "."')
    assert main(["trash"]) == 0
    assert "nothing was put aside" in capsys.readouterr().out
    assert main(["trash", "one.h5"]) == 0
    assert main(["fit", "."]) == 1, "folders are searched without the trash"
    capsys.readouterr()
    assert main(["trash", "--list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [".trash/one.h5"]
    assert main(["trash", "--restore", "one.h5"]) == 0
    assert run.exists()


@pytest.mark.parametrize("name", ["one.h5", "inner/one.h5", "inner/.trash/one.h5"])
def test_a_run_of_a_folder_within_comes_back_by_each_of_its_names(run, monkeypatch, name):
    inner = run.parent / "inner"
    inner.mkdir()
    run.rename(inner / "one.h5")
    aside = trash_run(inner / "one.h5")
    assert trashed_runs(run.parent) == [aside]
    monkeypatch.chdir(run.parent)
    assert restore_run(trashed_run(Path(name), run.parent)).resolve() == inner / "one.h5"


def test_a_name_that_several_have_is_asked_for(run):
    for name in ("a", "b"):
        folder = run.parent / name
        folder.mkdir()
        shutil.copy(run, folder / "one.h5")
        trash_run(folder / "one.h5")
    with pytest.raises(RunFileError, match=r"a/\.trash/one\.h5, .*b/\.trash/one\.h5; name one of them"):
        trashed_run(Path("one.h5"), run.parent)

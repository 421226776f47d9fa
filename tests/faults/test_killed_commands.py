"""A command that is killed at any of its steps on the disk loses no run, and can be given again."""

import hashlib
import os
import shutil
import sys
from pathlib import Path

import pytest

from benchmarks.attack_files import Workspace
from labspin.cli import main
from labspin.data import read_run

STEPS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "shutil.move")
KILLED, DONE = 9, 10
COMMANDS = {
    "trash": ["trash", "r0.h5"],
    "restore": ["trash", "--restore", "r0.h5"],
    "note": ["note", "r0.h5", "--tag", "good", "--comment", "again"],
    "export": ["export", "r0.h5", "--to", "csv", "--output", "out", "--force"],
    "report": ["report", "r0.h5"],
}
FIT = ["fit", "--with", "t.toml", "--workers", "1", "--table", "fits.csv", "r0.h5", "r1.h5"]
RECIPE = """
[data]
x = "x"
y = "y"
[model]
name = "stretched_exponential"
fixed = {beta = 1.0}
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here"),
]


def killed_at(step, words, folder):
    """Give a command in a process of its own that is gone at a step on ``folder``; return how it ended."""
    if process := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    left = [step]

    def look(event, arguments):
        paths = map(path_of, arguments[: 1 if event == "open" else 2])  # not the mode
        if event in STEPS and any(path.startswith(str(folder)) for path in paths):
            left[0] -= 1
            if not left[0]:
                os._exit(KILLED)

    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        sys.addaudithook(look)
        main(words)
    finally:
        os._exit(DONE)


def path_of(argument):
    if isinstance(argument, int) or argument is None:
        return ""
    try:
        return str(Path.cwd() / os.fsdecode(argument))
    except (TypeError, ValueError):
        return ""


def numbers(path):
    values = read_run(path).data["y"]
    return hashlib.sha256(values.tobytes()).hexdigest()


def kept(folder):
    """Return the files that hold the run, wherever the command has left it."""
    return [path for path in folder.rglob("r0*.h5") if path.stat().st_size]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_killed_at_any_step_loses_no_run(tmp_path, monkeypatch, name, capsys):
    words = COMMANDS[name]
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    Workspace(fresh)
    monkeypatch.chdir(fresh)
    if name == "restore":
        assert main(["trash", "r0.h5"]) == 0
    was = numbers(kept(fresh)[0])
    for step in range(1, 200):
        folder = tmp_path / f"{name}{step}"
        shutil.copytree(fresh, folder)
        monkeypatch.chdir(folder)
        ended = killed_at(step, words, folder)
        assert kept(folder), f"killed at step {step}"
        assert {numbers(path) for path in kept(folder)} == {was}, f"killed at step {step}"
        assert main(["ls", "."]) == 0
        again = main(words)
        said = capsys.readouterr()
        assert again == 0 or "trash" in words, f"killed at step {step}: {said.err}"
        assert {numbers(path) for path in kept(folder)} == {was}
        shutil.rmtree(folder)
        if ended == DONE:
            break
    assert ended == DONE
    assert step > 2, "it takes steps"


def results(folder):
    """Return the fits of every run, and what else `labspin fit` left that a person would open."""
    found = {}
    for path in folder.glob("r?.h5"):
        fits = read_run(path).fits
        found[path.name] = [(fit.name, [(p.name, p.value, p.stderr) for p in fit.parameters]) for fit in fits]
    others = (path for path in folder.iterdir() if path.suffix in (".csv", ".png") and path.name[0] != ".")
    return found | {path.name: path.read_bytes() for path in others}


@pytest.mark.timeout(1800)
def test_a_fit_killed_at_any_step_harms_no_run_and_leaves_results_whole(tmp_path, monkeypatch, capsys):
    fresh, done = tmp_path / "fresh", tmp_path / "done"
    fresh.mkdir()
    Workspace(fresh)
    (fresh / "t.toml").write_text(RECIPE, encoding="utf-8")
    was = numbers(fresh / "r0.h5")
    shutil.copytree(fresh, done)
    monkeypatch.chdir(done)
    assert main(FIT) == 0
    whole = results(done)
    assert len(whole["r0.h5"]) == len(whole["r1.h5"]) == 1
    assert "fits.csv" in whole
    seen = set()
    for step in range(1, 200):
        folder = tmp_path / f"fit{step}"
        shutil.copytree(fresh, folder)
        monkeypatch.chdir(folder)
        ended = killed_at(step, FIT, folder)
        left = results(folder)
        assert {numbers(folder / f"r{k}.h5") for k in range(2)} == {was}, f"killed at step {step}"
        assert [name for name, one in left.items() if one not in ([], whole[name])] == [], f"killed at {step}"
        number = sum(bool(one) for one in left.values())
        if number not in seen:  # may be none: it is slow, and done at the first of each
            assert main(FIT) == 0, capsys.readouterr().err
            assert results(folder) == whole, f"killed at step {step}, then fitted again"
        seen.add(number)
        shutil.rmtree(folder)
        if ended == DONE:
            break
    assert ended == DONE
    assert len(seen) > 2, "killed before, between and after what it stores"

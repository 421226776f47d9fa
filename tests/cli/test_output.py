"""What commands print: on a full disk, into a dead pipe, in an old code page, with hostile text in it."""

import io
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from labspin.characters import visible
from labspin.cli import main
from labspin.cli.outlet import Outlet
from labspin.data import RunWriter, read_run
from labspin.session import new_run_path
from tests.data.samples import grid_header, grid_values
from tests.places import PATIENCE, ROOT, environment
from tests.some import some

CARD = f"""
procedure = "rabi"
station = "{ROOT / "instruments" / "levitated-diamond.toml"}"
[parameters]
pulse_durations = 3
repetitions = 100
averages = 1
[[runs]]
label = "χ = 1 µs"
[[runs]]
label = "second [/run]"
"""


@pytest.fixture
def card(tmp_path):
    path = tmp_path / "card.toml"
    path.write_text(CARD, encoding="utf-8")
    return path


def labspin(folder, *words, stdout=subprocess.PIPE, **more):
    command = [sys.executable, "-m", "labspin", *map(str, words)]
    return subprocess.run(
        command, cwd=folder, env=environment(**more), stdout=stdout, stderr=subprocess.PIPE, timeout=PATIENCE
    )


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


@needs_full
def test_a_full_disk_under_the_output_costs_no_run_and_no_exit_code(tmp_path, card):
    with Path("/dev/full").open("w") as full:
        done = labspin(tmp_path, "run", card, "--quiet", stdout=full)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "data").glob("*.h5"))) == 2, "all runs of the card were made"
    said = done.stderr.decode()
    assert said.count("standard output cannot be written: the disk (or the quota) is full") == 1
    assert "Traceback" not in said


def test_a_pipe_whose_reader_has_gone_costs_no_run(tmp_path, card):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = labspin(tmp_path, "run", card, "--quiet", stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(list((tmp_path / "data").glob("*.h5"))) == 2


@pytest.mark.parametrize(
    "encoding", ["ascii", *(pytest.param(page, marks=pytest.mark.slow) for page in ("cp1252", "cp437"))]
)
def test_an_old_code_page_replaces_what_it_lacks(tmp_path, card, encoding):
    card.write_text(CARD.replace("durations = 3", "durations = 16"), encoding="utf-8")
    done = labspin(tmp_path, "run", card, "--quiet", "--fit", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert done.returncode in (0, 3), done.stderr
    assert b"Traceback" not in done.stderr
    assert b"rabi" in done.stdout
    assert all(read_run(path).fits for path in some((tmp_path / "data").glob("*.h5")))


def stored(path, label):
    with RunWriter.create(path, grid_header(label=label)) as writer:
        writer.append(0, 0.0, grid_values(0))
        writer.finish("finished")
    return path


HOSTILE = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202eevil"


@pytest.mark.parametrize("command", [["ls", "."], ["ls", ".", "--json"], ["ls", "-v", "."]])
def test_no_terminal_obeys_a_label(tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    stored(tmp_path / "run.h5", HOSTILE)
    if command[1].startswith("-"):
        command = [command[0], *command[2:]]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert not set(printed) & set("\x1b\x07\x9b\u202e")
    if "--json" in command:
        assert json.loads(printed)[0]["label"] == HOSTILE
    else:
        assert r"\x1b[2J" in printed


def test_an_error_that_quotes_hostile_text_is_shown_as_codes(capsys):
    assert main(["report", "\x1b[2Jmissing.h5"]) == 1
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert r"\x1b[2Jmissing.h5" in said


@pytest.mark.parametrize("name", ["T=[/4K]", "[bold]x[/bold]", "[/]", ":smile:"])
def test_brackets_are_text(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    folder = Path("data") / name.replace("/", "_") if "/4K" not in name else Path("T=[") / "4K]"
    folder.mkdir(parents=True)
    path = stored(folder / "run.h5", name)
    for command in (["ls", folder], ["plot", path], ["report", path], ["recover", folder]):
        assert main([str(word) for word in command]) == 0
    assert name in capsys.readouterr().out.replace("_", "/")


def test_a_stream_that_fails_is_given_up_and_said_once():
    class Full:
        written = 0

        def write(self, text):
            self.written += 1
            raise OSError(28, "No space left on device")

        flush = write

    said = []

    class Other:
        def write(self, text):
            said.append(text)

        def flush(self): ...

    full = Full()
    outlet = Outlet(full, "standard output", Other())
    assert outlet.write("abc") == 3
    outlet.write("def")
    outlet.flush()
    assert full.written == 1
    assert len(said) == 1


def test_plain_text_is_left_as_it_is():
    assert visible("χ² = 1.0 ± 0.1 µs\n\tdone") == "χ² = 1.0 ± 0.1 µs\n\tdone"


@pytest.mark.parametrize("label", ["x" * 255, "é" * 300, "/" * 300, "a b" * 200])
def test_a_long_label_gives_a_short_name(tmp_path, label):
    path = new_run_path(tmp_path, label)
    assert len(path.name) < 130
    RunWriter.create(path, grid_header(label=label)).close()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "x", "f.h5"), "f.h5: the disk"),
        (OSError(30, "x", "f.h5"), "read-only"),
        (OSError(122, "x", "f.h5"), "quota"),
        (OSError(24, "x", "f.h5"), "too many files are open"),
        (OSError(36, "x", "f.h5"), "name is too long"),
        (OSError(13, "x", "f.h5"), "no permission"),
        (OSError(116, "x", "f.h5"), "network share"),
        (OSError(5, "x"), "ls: the disk reports an error"),
    ],
)
def test_every_refusal_of_the_system_is_one_sentence(error, words, capsys, monkeypatch):
    def refuse(_):
        raise error

    monkeypatch.setattr("labspin.cli.ls.execute", refuse)
    assert main(["ls"]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_a_slow_legend_is_no_warning_to_the_user(capsys):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert main(["show", "rabi"]) == 0
        warnings.warn('Creating legend with loc="best" can be slow with large amounts of data.', stacklevel=1)
        warnings.warn("another", stacklevel=1)
    assert [str(one.message) for one in caught] == ["another"]
    assert "rabi" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["run", "--help"], 0), (["run", "a.toml", "--no-such-option", "\u03c7\u00b2"], 2)],
)
def test_help_and_refused_arguments_are_printed_in_any_encoding(monkeypatch, arguments, code):
    out, errors = (io.TextIOWrapper(io.BytesIO(), encoding="ascii") for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", errors)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == code
    printed = out.buffer.getvalue() + errors.buffer.getvalue()
    assert b"?" in printed
    assert b"labspin run" in printed

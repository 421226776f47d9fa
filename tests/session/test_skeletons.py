"""Beginnings of one's own parts: what `labspin new` writes works as it is, and its tests can fail."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from labspin.cli import main
from labspin.cli.new import _KINDS
from labspin.session.skeletons import KINDS
from labspin.station import load_station
from tests.places import PATIENCE, environment
from tests.some import some


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("new") / "lab"
    assert main(["init", str(folder)]) == 0
    return folder


def new(lab, monkeypatch, kind, name):
    monkeypatch.chdir(lab)
    return main(["new", kind, name])


def run_tests(lab, *files):
    # The window's plug-in ends every run where Qt cannot be loaded, and random order shifts the output.
    without = [word for name in ("cacheprovider", "randomly", "pytest-qt") for word in ("-p", f"no:{name}")]
    command = [sys.executable, "-m", "pytest", "-q", *without, *files]
    return subprocess.run(
        command, cwd=lab, env=environment(), capture_output=True, text=True, timeout=PATIENCE
    )


def test_all_kinds_pass_their_own_tests_as_they_are(lab, monkeypatch):
    for kind in KINDS:
        assert new(lab, monkeypatch, kind, f"my_{kind}") == 0
    done = run_tests(lab, *map(str, sorted((lab / "tests").glob("test_my_*.py"))))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b1[0-9] passed", done.stdout), "every kind has tests"
    for file in some((lab / "tests").glob("test_my_*.py")):
        assert "keleton" not in file.read_text()


@pytest.mark.parametrize(("kind", "tests"), [("driver", 1), ("role", 2), ("procedure", 1), ("sample", 1)])
def test_what_is_told_to_be_typed_next_works(lab, monkeypatch, capsys, kind, tests):
    assert new(lab, monkeypatch, kind, f"typed_{kind}") == 0
    told = capsys.readouterr().out.split()
    command = told[told.index("pytest") + 1 :]
    assert [Path(word).is_file() for word in command[: command.index("try")]] == [True] * tests
    typed = command[command.index("labspin") + 1 :]
    assert typed[0] == {"driver": "doctor", "sample": "doctor"}.get(kind, "run")
    assert main(typed) == 0


FAULTS = [
    ("driver", "instruments", "VOLT %.6f", "VOLT %.5f"),
    ("driver", "instruments", "self.level = 0.0\n        self.output_enabled = False", "self.level = 0.0"),
    ("driver", "instruments", "LEVELS = (0.0, 10.0)", "LEVELS = (0.0, 11.0)"),
    ("model", "analysis", "-rate * part", "rate * part"),
    ("sample", "instruments", 'pattern.line("laser") *', ""),
]


def test_a_fault_in_a_beginning_fails_its_test(lab, monkeypatch):
    for number, (kind, folder, good, bad) in enumerate(FAULTS):
        assert new(lab, monkeypatch, kind, f"wrong_{number}") == 0
        path = lab / folder / f"wrong_{number}.py"
        assert good in path.read_text()
        path.write_text(path.read_text().replace(good, bad))
    done = run_tests(lab, *(f"tests/test_wrong_{number}.py" for number in range(len(FAULTS))))
    for number in some(range(len(FAULTS))):
        assert f"FAILED tests/test_wrong_{number}.py" in done.stdout


def test_nothing_is_overwritten(lab, monkeypatch, capsys):
    assert new(lab, monkeypatch, "procedure", "twice") == 0
    path = lab / "procedures" / "twice.py"
    path.write_text("mine")
    assert new(lab, monkeypatch, "procedure", "twice") == 1
    assert path.read_text() == "mine"
    assert "is there already; choose another name" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("model", "My-Model", "wanted a name of small letters"),
        ("model", "class", "is a word of Python"),
        ("model", "np", "would import 'np' already"),
        ("driver", "role_adapter", "would import 'RoleAdapter' already"),
        ("procedure", "pulse_sequence", "would import 'PulseSequence' already"),
        ("model", "../x", "wanted a name of small letters"),
        ("driver", "laser_power", "LaserPower is a role that labspin has; name the device"),
    ],
)
def test_names_that_cannot_be(lab, monkeypatch, capsys, kind, name, says):
    before = sorted(lab.rglob("*"))
    assert new(lab, monkeypatch, kind, name) == 1
    assert says in capsys.readouterr().err
    assert sorted(lab.rglob("*")) == before


def test_the_command_knows_all_kinds():
    assert _KINDS == KINDS


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("analysis").mkdir(mode=0o500)
    assert main(["new", "model", "mine"]) == 1
    assert "the model was not begun" in capsys.readouterr().err


@pytest.mark.parametrize("generator", ["pulse_streamer", "pulse_blaster"])
def test_outputs_of_a_simulated_pulse_generator_play_the_lines_that_its_station_names(tmp_path, generator):
    path = tmp_path / "station.toml"
    lines = "{ trigger = 0, laser = 5 }"
    path.write_text(
        f'[station]\nname = "s"\n[simulation]\nsample = "levitated_diamond"\n[instruments.pulses]\n'
        f'role = "PulseGenerator"\ndriver = "{generator}"\noptions = {{ lines = {lines} }}\n'
    )
    with load_station(path).connect() as bench:
        assert bench.simulation.devices["pulses"].wiring == {"0": "trigger", "5": "laser"}

"""The commands, as a user types them."""

import json
import shutil
from pathlib import Path

import h5py
import pytest

from labspin.cli import main

ROOT = Path(__file__).resolve().parents[2]
STATION = ROOT / "instruments" / "levitated-diamond.toml"
SHORT = ["--set", "averages=1", "--set", "dark_times=5", "--set", "repetitions=2000"]


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A workspace as `labspin init` makes it, and the current folder."""
    folder = tmp_path / "lab"
    assert main(["init", str(folder), "--no-examples"]) == 0
    monkeypatch.chdir(folder)
    return folder


def measured(workspace, capsys):
    capsys.readouterr()
    arguments = ["run", "procedures/t1.toml", *SHORT, "--only", "all four classes resonant", "--json"]
    assert main(arguments) == 0
    (row,) = json.loads(capsys.readouterr().out)
    return workspace / row["path"]


def test_init_tells_to_go_where_one_is_not(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "lab", "--no-examples"]) == 0
    assert "cd lab && labspin run" in capsys.readouterr().out
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert main(["init", ".", "--no-examples"]) == 0
    assert "try:  labspin run" in " ".join(capsys.readouterr().out.split("\n"))


def test_init_makes_the_three_doors_and_never_overwrites(workspace, capsys):
    for door in ("instruments", "procedures", "analysis", "data", "README.md"):
        assert (workspace / door).exists()
    assert main(["init", str(workspace), "--no-examples"]) == 1
    assert "choose another folder" in capsys.readouterr().err


def test_run_list_fit_plot(workspace, capsys):
    path = measured(workspace, capsys)
    with h5py.File(path) as file:
        assert file["entry"].attrs["NX_class"] == "NXentry"

    assert main(["ls", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["procedure"], row["status"], row["points"]) == ("t1", "finished", 5)

    assert main(["fit", str(path), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert {"T1", "beta"} <= {row["parameter"] for row in answer["fits"]}
    assert Path(answer["picture"]).read_bytes().startswith(b"\x89PNG")

    assert main(["plot", str(path), "-o", "picture.png"]) == 0
    assert Path("picture.png").read_bytes().startswith(b"\x89PNG")


def test_fits_are_kept_in_the_run_file(workspace, capsys):
    from labspin.data import read_run

    path = measured(workspace, capsys)
    before = read_run(path).data["difference"]
    assert main(["fit", str(path)]) == 0
    run = read_run(path)
    assert run.fits
    assert (run.data["difference"] == before).all()


def test_check_moves_nothing_and_reports_ranges(workspace, capsys):
    assert main(["check", "procedures/t1.toml", "--json"]) == 0
    reports = json.loads(capsys.readouterr().out)
    assert len(reports) == 3
    assert all(report["points"] > 0 for report in reports)
    assert not list((workspace / "data").iterdir())


def test_doctor_names_every_instrument(workspace, capsys):
    assert main(["doctor", "instruments/levitated-diamond.toml", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in rows} >= {"microwave", "magnet", "pulses", "counter"}
    assert all(row["error"] is None for row in rows)


def test_recover_says_when_there_is_nothing_to_do(workspace, capsys):
    assert main(["recover"]) == 0
    assert "nothing to recover" in capsys.readouterr().out


def test_a_foreign_spectrum_is_fitted_by_its_own_statistics(tmp_path, capsys):
    file = shutil.copy(ROOT / "tests" / "data" / "brownian_thermal_spectrum.h5", tmp_path)
    arguments = ["fit", str(file), "--model", "thermal_spectrum", "--x", "x", "--y", "y", "--averages", "32"]
    assert main([*arguments, "--json"]) == 0
    rows = {row["parameter"]: row for row in json.loads(capsys.readouterr().out)["fits"]}
    # What others found in the same data: f0 = 7972.49 Hz, ring-down time 399 ± 32 ms.
    assert rows["f0"]["value"] == pytest.approx(7972.49, abs=0.1)
    assert rows["ring_down_time"]["value"] == pytest.approx(0.399, abs=0.032)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "no-such-card.toml"], "run card 'no-such-card.toml' does not exist"),
        (["run", "procedures/t1.toml", "--set", "averagess=2"], "did you mean 'averages'"),
        (["run", "procedures/t1_field.toml", "--set", 'fields=["1 mt"]'], "'1 mT' or '1 MT'"),
        (["run", "procedures/t1_field.toml", "--set", 'fields=["1 mT"'], "list or table as in a run card"),
        (["run", "procedures/t1.toml", "--set", "dark_time_stop=5"], "has no unit"),
        (["run", "procedures/t1.toml", "--set", "microwave_frequency=9 GHz"], "microwave.frequency"),
        (["run", "procedures/t1.toml", "--set", "dark_time_stop=1e8 s"], "memory"),
        (["run", "procedures/t1.toml", "--only", "no such run"], "no such run"),
        (["run", "procedures/t1.toml", "--on", "no-such-station.toml"], "no-such-station.toml"),
        (["check", "procedures/t1.toml", "--set", "microwave_power=99 dBm"], "microwave.power"),
        (["doctor", "procedures/t1.toml"], "t1.toml"),
        (["fit", "no-such-run.h5"], "no-such-run.h5"),
        (["fit", "instruments/levitated-diamond.toml"], "levitated-diamond.toml"),
        (["fit", "x.h5", "--x", "a"], "no such file"),
        (["fit", "x.h5", "--model", "thermal_spectrum"], "--with RECIPE"),
        (["plot", "no-such-run.h5"], "no-such-run.h5"),
        (["ls", "no-such-folder"], "no-such-folder"),
        (["recover", "no-such-folder"], "no-such-folder"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_bad_input_is_one_sentence_and_leaves_nothing(workspace, capsys, arguments, message):
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.startswith("labspin: ")
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    assert not list((workspace / "data").iterdir())


def test_wrong_usage_has_its_own_exit_code(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["run"])
    assert stopped.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"no HDF5 at all", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_a_broken_run_file_is_one_sentence(tmp_path, capsys, content):
    path = tmp_path / "broken.h5"
    path.write_bytes(content)
    assert main(["fit", str(path)]) == 1
    captured = capsys.readouterr()
    assert "broken.h5" in captured.err
    assert captured.err.count("\n") == 1


def test_a_read_only_folder_is_refused_before_anything_moves(workspace, capsys, monkeypatch):
    (workspace / "file").write_text("")
    assert main(["run", "procedures/t1.toml", *SHORT, "--output", "file/data"]) == 1
    assert "file/data" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [(["chek"], "check"), (["export", "a.h5", "--to", "cvs"], "csv"), (["queue", "lst"], "list")],
)
def test_a_word_of_few_is_recognised(capsys, arguments, meant):
    with pytest.raises(SystemExit):
        main(arguments)
    assert capsys.readouterr().err.endswith(f"; did you mean '{meant}'?\n")

"""No command writes over what it does not write itself, and none runs what a run file names."""

import csv
import json
import os

import pytest

from labspin.analysis import TableWriter, fit_run, plot_runs, write_report
from labspin.cli import main
from labspin.data import RunWriter, export_csv, read_run
from labspin.errors import CardError, FitError, LabspinError, StationError, StorageError
from labspin.session import recorded_procedure, resume_run
from labspin.station import load_station
from tests.analysis.samples import RECIPE, decay_run
from tests.data.samples import grid_header, grid_values

EVIL = """
from pathlib import Path
Path("executed").touch()
from labspin.instruments.microwave import *
from labspin.experiment import Procedure
class Evil(Procedure):
    def plan(self):
        return []
"""


@pytest.fixture
def runs(tmp_path):
    return [decay_run(tmp_path / f"r{number}.h5") for number in range(3)]


def untouched(paths):
    return [path.read_bytes() for path in paths]


def test_a_table_does_not_take_the_place_of_the_first_run_file(runs, capsys):
    before = untouched(runs)
    assert main(["fit", "--with", "t1", "--table", *map(str, runs)]) == 1
    assert "r0.h5: exists already and is not a table of fits" in capsys.readouterr().err
    assert untouched(runs) == before


@pytest.mark.parametrize("name", ["notes.csv", "counts.h5", "t.parquet"])
def test_a_table_replaces_a_table_and_nothing_else(runs, tmp_path, name, capsys):
    import h5py

    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    target = tmp_path / name
    if name.endswith(".h5"):
        with h5py.File(target, "w") as file:
            file["counts"] = [1, 2]
    else:
        target.write_text("time,counts\n1,2\n", encoding="utf-8")
    before = untouched([target])
    command = ["fit", str(runs[0]), "--with", "t1", "--no-write", "--table", str(target)]
    assert main(command) == 1
    assert f"{name}: exists already" in capsys.readouterr().err
    assert untouched([target]) == before
    target.unlink()
    assert main(command) == 0
    assert main(command) == 0, "its own table is replaced"


@pytest.mark.parametrize("ending", [".png", ".pdf", ".svg"])
def test_a_picture_replaces_a_picture_and_nothing_else(runs, tmp_path, ending):
    target = tmp_path / f"p{ending}"
    target.write_text("my only notes", encoding="utf-8")
    with pytest.raises(FitError, match="is not a picture"):
        plot_runs(runs[:1], target)
    assert target.read_text(encoding="utf-8") == "my only notes"
    target.unlink()
    plot_runs(runs[:1], target)
    plot_runs(runs[1:2], target)


def test_a_picture_named_like_a_run_is_refused(runs):
    before = untouched(runs)
    link = runs[0].with_suffix(".png")
    os.link(runs[0], link)
    with pytest.raises(FitError, match="is not a picture"):
        plot_runs(runs[:1], link)
    assert untouched(runs) == before


def test_a_report_replaces_a_report_and_nothing_else(runs, tmp_path):
    target = tmp_path / "r.html"
    target.write_text("<!DOCTYPE html><p>my page", encoding="utf-8")
    with pytest.raises(FitError, match="is not a report of labspin"):
        write_report(runs[0], target)
    assert target.read_text(encoding="utf-8").endswith("my page")
    target.unlink()
    write_report(runs[0], target)
    write_report(runs[1], target)


def test_an_export_does_not_take_the_place_of_a_run(runs):
    before = untouched(runs)
    with pytest.raises(StorageError, match="is one of the files to be read"):
        export_csv(runs[0], runs[0], overwrite=True)
    with pytest.raises(StorageError, match="is not a table of text"):
        export_csv(runs[0], runs[1], overwrite=True)
    assert untouched(runs) == before


def test_no_cell_of_a_table_is_a_formula(tmp_path):
    outcome = fit_run(decay_run(tmp_path / "r.h5"), RECIPE)[0]
    rows = [{**row, "label": "=1+1", "source": "@x", "unit": "-cmd"} for row in outcome.rows()]
    with TableWriter(tmp_path / "t.csv") as writer:
        writer.add(0, [{**dict.fromkeys(_columns(), ""), "trace": 0, "value": -1.5, **row} for row in rows])
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        (first, *_) = csv.DictReader(file)
    assert (first["label"], first["source"], first["unit"]) == ("'=1+1", "'@x", "'-cmd")
    assert not first["value"].startswith("'")


def _columns():
    from labspin.analysis.files.tables import COLUMNS

    return COLUMNS


# -- a run file is data ------------------------------------------------------------------------------------


def run_with(path, *, procedure="scan", station=None):
    header = grid_header(procedure=procedure, station=station or {})
    with RunWriter.create(path, header) as writer:
        writer.append(0, 0.0, grid_values(0))
    return path


@pytest.mark.parametrize("name", ["evil.py:Evil", "./evil.py:Evil", "procedures/evil.py:Evil"])
def test_a_procedure_out_of_a_file_is_not_run_because_a_run_file_says_so(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "procedures").mkdir()
    (tmp_path / "instruments").mkdir()
    for folder in (tmp_path, tmp_path / "procedures"):
        (folder / "evil.py").write_text(EVIL, encoding="utf-8")
    header = read_run(run_with(tmp_path / "run.h5", procedure=name)).header
    with pytest.raises(CardError, match="--card CARD"):
        recorded_procedure(header)
    assert not (tmp_path / "executed").exists()


DRIVER = """
from pathlib import Path
Path("executed").touch()
from labspin.instruments.drivers import DRIVERS
import pkgutil
Own = pkgutil.resolve_name(DRIVERS["sg384"])
"""
STATION = """
[station]
name = "own"
[instruments.microwave]
role = "MicrowaveSource"
driver = "own.py:Own"
address = "TCPIP::127.0.0.1::1::SOCKET"
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Make a workspace whose station has a driver of its own, and a run that was begun there."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "instruments"
    folder.mkdir()
    (folder / "own.py").write_text(DRIVER, encoding="utf-8")
    (folder / "own.toml").write_text(STATION, encoding="utf-8")
    described = load_station(folder / "own.toml").describe()
    (tmp_path / "executed").unlink()
    return folder, described


def refused(path, why):
    """Assert that the run's station is refused and nothing executed."""
    with pytest.raises(StationError, match=why) as caught:
        resume_run(path)
    assert "--on" in str(caught.value)
    assert not os.path.lexists("executed")


def test_the_station_of_the_workspace_is_loaded_with_its_driver(own, tmp_path):
    path = run_with(tmp_path / "run.h5", station=own[1])
    with pytest.raises(LabspinError) as caught:  # of the procedure, which comes after the station
        resume_run(path)
    assert "would run" not in str(caught.value)
    assert own[1]["code"].keys() == {"own.py"}


def test_a_driver_that_was_changed_is_not_run(own, tmp_path):
    path = run_with(tmp_path / "run.h5", station=own[1])
    (own[0] / "own.py").write_text(DRIVER + "\n", encoding="utf-8")
    refused(path, "the code is not, by its contents, what the run recorded")


def test_a_station_file_that_was_changed_is_not_believed_though_its_driver_is_the_same(own, tmp_path):
    path = run_with(tmp_path / "run.h5", station=own[1])
    (own[0] / "own.toml").write_text(STATION.replace("::1::", "::2::"), encoding="utf-8")
    refused(path, "the station file is not what the run recorded")


def test_a_station_beside_the_run_file_is_not_believed(own, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    for name in ("own.py", "own.toml"):
        (data / name).write_bytes((own[0] / name).read_bytes())
    path = run_with(data / "run.h5", station={**own[1], "path": str(data / "own.toml")})
    refused(path, "does not stand in a door")


def test_a_station_of_the_workspace_that_reaches_outside_is_not_believed(own, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "own.py").write_text(DRIVER, encoding="utf-8")
    text = STATION.replace("own.py", "../data/own.py")
    (own[0] / "own.toml").write_text(text, encoding="utf-8")
    path = run_with(tmp_path / "run.h5", station={**own[1], "text": text})
    refused(path, "does not stand in a door")


def test_a_run_that_recorded_no_digests_needs_the_station_named(own, tmp_path):
    recorded = {name: value for name, value in own[1].items() if name != "code"}
    refused(run_with(tmp_path / "run.h5", station=recorded), "what the run recorded")


def test_reading_a_run_that_names_code_runs_nothing(own, tmp_path, capsys):
    path = run_with(tmp_path / "run.h5", procedure="evil.py:Evil", station=own[1])
    assert main(["recover", str(tmp_path)]) == 0
    for command in (["ls", str(tmp_path)], ["report", str(path)], ["plot", str(path)]):
        assert main(command) == 0, command
    main(["fit", str(path)])
    capsys.readouterr()
    assert not (tmp_path / "executed").exists()
    assert json.loads(json.dumps(read_run(path).header.procedure)) == "evil.py:Evil"

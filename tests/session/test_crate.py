"""A crate of runs: all files in it, and who made what with what, as other readers of RO-Crates find it."""

import csv
import json
import sys
import zipfile
from pathlib import Path

import pytest

from labspin.cli import main
from labspin.data import read_run
from tests.some import some

rocrate = pytest.importorskip("rocrate.rocrate")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crate") / "lab"
    assert main(["init", str(folder), "--no-examples"]) == 0
    card, quick = (
        str(folder / "procedures" / "rabi.toml"),
        ["--set", "averages=1", "--set", "repetitions=2000"],
    )
    words = ["--sample", "D7", "--operator", "M. Curie", "--project", "torque", "--tag", "reference"]
    for number in range(2):
        output = str(folder / "data" / str(number))
        assert main(["run", card, *quick, *words, "--output", output, "--fit", "--quiet"]) == 0
    return folder


def runs(lab):
    return sorted((lab / "data").rglob("*.h5"))


def export(*arguments):
    return main(["export", *map(str, arguments[:-1]), "--to", "crate", "--output", str(arguments[-1])])


def test_another_reader_finds_who_measured_what_with_what(lab, tmp_path):
    first, second = runs(lab)
    second = second.rename(second.with_name("second.h5")) if first.name == second.name else second
    assert export(first, second, tmp_path / "crate") == 0
    crate = rocrate.ROCrate(tmp_path / "crate")
    assert crate.name == "torque"
    actions = crate.get_by_type("CreateAction")
    assert len(actions) == 2
    for action, file in zip(sorted(actions, key=lambda one: one["startTime"]), (first, second), strict=True):
        run = read_run(file)
        assert action["agent"]["name"] == "M. Curie"
        assert {one["name"] for one in action["object"]} >= {"D7"}
        assert action["startTime"] == run.header.started
        assert {one["name"] for one in action["instrument"]} >= {"labspin", "microwave (simulated)"}
        assert {one.id for one in action["result"]} >= {f"runs/{file.name}", f"runs/{file.stem}/fits.csv"}
        values = {one["name"]: one.get("value") for one in action["additionalProperty"]}
        assert values["repetitions"] == "2000"
    assert len(crate.get_by_type("Person")) == 1, "one person, not one a run"


def test_every_file_is_as_it_was_and_every_reference_leads_somewhere(lab, tmp_path):
    file = runs(lab)[0]
    assert export(file, tmp_path / "crate.zip") == 0
    with zipfile.ZipFile(tmp_path / "crate.zip") as archive:
        assert archive.read(f"runs/{file.name}") == file.read_bytes()
        station = archive.read(f"runs/{file.stem}/station.toml").decode()
        assert station == read_run(file).header.station["text"]
        rows = list(csv.DictReader(archive.read(f"runs/{file.stem}/fits.csv").decode().splitlines()))
        graph = json.loads(archive.read("ro-crate-metadata.json"))["@graph"]
    found = {row["parameter"]: float(row["value"]) for row in rows}
    (fit,) = read_run(file).fits
    assert found == {one.name: float(one.value) for one in fit.parameters}
    known = {entity["@id"] for entity in graph}
    said = json.dumps([value for entity in graph for key, value in entity.items() if key != "conformsTo"])
    for identifier in some([one["@id"] for one in _references(json.loads(said))]):
        assert identifier in known or identifier.startswith("https://"), identifier


def _references(value):
    if isinstance(value, dict):
        return (
            [value]
            if set(value) == {"@id"}
            else [one for each in value.values() for one in _references(each)]
        )
    return [one for each in value for one in _references(each)] if isinstance(value, list) else []


def test_what_cannot_be_is_refused(lab, tmp_path, capsys, monkeypatch):
    file = runs(lab)[0]
    assert main(["export", str(file), "--to", "crate"]) == 1
    assert "wanted --output with a new folder or a new .zip file" in capsys.readouterr().err
    (tmp_path / "there").mkdir()
    assert export(file, tmp_path / "there") == 1
    assert "exists already" in capsys.readouterr().err
    assert export(file, file, tmp_path / "crate") == 1
    assert "two runs have this name" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "rocrate.rocrate", None)
    assert export(file, tmp_path / "crate") == 1
    assert "labspin[crate]" in capsys.readouterr().err
    assert not Path(tmp_path / "crate").exists()

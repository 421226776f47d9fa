"""`labspin fit A B`: several files of other programs, each by its own, and one table."""

import csv
import json
import shutil
from importlib.resources import files

import pytest

from labspin.cli import main
from tests.analysis.samples import decay_run
from tests.data.foreign.samples import FOLDER


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three files of data, two of which can be fitted unaided, and what else lies beside data."""
    data = tmp_path / "old"
    (data / "more").mkdir(parents=True)
    for name in ("origin.txt", "one_port.s1p"):
        shutil.copy(FOLDER / name, data)
    shutil.copy(FOLDER / "sep.csv", data / "more")
    (data / "notes.md").write_text("about this", "utf-8")
    (data / "plot.py").write_text("1 / 0", "utf-8")
    (data / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    monkeypatch.chdir(tmp_path)
    return data


def fitted(capsys, *words):
    code = main(["fit", *map(str, words), "--json"])
    shown = capsys.readouterr()
    return code, json.loads(shown.out) if shown.out else None, shown.err


def models(document):
    return {row["label"]: row["model"] for row in document["fits"]}


FOUND = {"origin.txt": "stretched_exponential", "one_port.s1p": "resonator_response", "sep.csv": "ring_down"}


@pytest.mark.parametrize("words", [["old"], ["old/origin.txt", "old/one_port.s1p", "old/more/sep.csv"]])
def test_each_file_is_fitted_by_its_own_model(folder, capsys, words):
    code, document, _ = fitted(capsys, *words)
    assert (code, models(document)) == (0, FOUND)
    pictures = {folder / "origin-fit.png", folder / "one_port-fit.png", folder / "more" / "sep-fit.png"}
    assert {folder.parent / name for name in document["pictures"]} == pictures
    assert all(picture.exists() for picture in pictures)


def test_a_pattern_takes_what_it_says(folder, capsys):
    code, document, _ = fitted(capsys, "old/**/*.csv", "old/*.txt", "--table", "all.csv")
    assert (code, set(models(document))) == (0, {"sep.csv", "origin.txt"})
    with (folder.parent / "all.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["label"]: row["model"] for row in rows} == models(document)


def test_one_file_has_a_table_too(folder, capsys):
    code, document, _ = fitted(capsys, "old/more/sep.csv", "--table", "one.csv")
    assert (code, models(document)) == (0, {"sep.csv": "ring_down"})
    assert len((folder.parent / "one.csv").read_text("utf-8").splitlines()) == 1 + len(document["fits"])


def test_a_part_of_the_points_is_no_matter_of_a_run(capsys):
    run = files("labspin").joinpath("session/examples/rabi.h5")
    assert fitted(capsys, str(run), "--no-write", "--from", "100 ns")[0] == 1
    assert main(["fit", str(run), "--no-write", "--to", "100 ns"]) == 1
    assert "--to: is for a file of another program" in capsys.readouterr().err


def test_what_cannot_be_fitted_stops_no_other(folder, capsys):
    (folder / "empty.dat").write_text("nothing here\n", "utf-8")
    code, document, _ = fitted(capsys, folder, folder / "missing.dat")
    assert (code, models(document)) == (3, FOUND)
    assert {one["path"].rpartition("/")[2] for one in document["failures"]} == {"empty.dat", "missing.dat"}
    assert main(["fit", str(folder / "empty.dat"), str(folder / "missing.dat")]) == 1
    assert "none could be fitted" in capsys.readouterr().err


def test_what_is_named_is_for_every_file(folder, capsys):
    words = ["old/origin.txt", "old/more/sep.csv", "--x", "0", "--y", "1", "--model", "stretched_exponential"]
    code, document, _ = fitted(capsys, *words)
    assert code == 0
    assert set(models(document).values()) == {"stretched_exponential"}
    assert main(["fit", *words]) == 0
    assert "origin.txt: Contrast against Delay as stretched_exponential" in capsys.readouterr().out


def test_pictures_of_equal_stems_do_not_overwrite_each_other(folder, capsys):
    shutil.copy(FOLDER / "sep.csv", folder / "origin.csv")
    _, document, _ = fitted(capsys, folder / "origin.csv", folder / "origin.txt")
    assert len(set(document["pictures"])) == 2
    _, document, _ = fitted(capsys, folder / "origin.csv", folder / "origin.txt", "--plot", "fits.pdf")
    assert document["pictures"] == ["fits-origin-csv.pdf", "fits-origin-txt.pdf"]


def test_beside_a_run_a_foreign_file_is_named(folder, capsys):
    (folder.parent / "analysis").mkdir()
    decay_run(folder / "run.h5", 1.5e-3)
    code, document, _ = fitted(capsys, folder / "run.h5", folder / "origin.txt", "--with", "t1")
    assert code == 1
    code, document, said = fitted(capsys, folder / "run.h5", folder / "origin.txt", "--x", "0")
    assert code == 1
    assert "--x: is for a file of another program" in said
    assert document is None


def test_many_files_are_a_table(folder, capsys):
    for number in range(13):
        shutil.copy(FOLDER / "origin.txt", folder / f"decay_{number:02}.txt")
    assert main(["fit", "old/decay_*.txt", "--sort", "T1", "--rows", "3", "--option", "x=1"]) == 1
    capsys.readouterr()
    words = ["old/decay_*.txt", "--model", "stretched_exponential", "--sort", "T1", "--rows", "3"]
    assert main(["fit", *words]) == 0
    said = capsys.readouterr().out
    assert "3 of 13 traces are shown" in said
    assert not list(folder.glob("*.png"))[1:]

"""`labspin report`, as a user types it."""

import json
import shutil

import pytest

from labspin.cli import main
from labspin.data import Column, Layout, RunHeader, RunWriter


@pytest.fixture
def path(tmp_path):
    layout = Layout(columns=(Column(name="signal", unit="V"),), size=3)
    with RunWriter.create(tmp_path / "run.h5", RunHeader(procedure="scan", layout=layout)) as writer:
        for index in range(3):
            writer.append(index, float(index), [float(index)])
        return writer.finish("finished")


def test_the_page_is_written_and_named(path, tmp_path, capsys):
    assert main(["report", str(path)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "run.html")
    assert main(["report", str(path), "-o", str(tmp_path / "a.html"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"path": str(tmp_path / "a.html")}]
    assert "<h1>scan</h1>" in (tmp_path / "a.html").read_text("utf-8")


def test_of_several_runs_there_is_a_page_each(path, tmp_path, capsys):
    other = shutil.copy(path, tmp_path / "other.h5")
    assert main(["report", str(path), str(other)]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "run.html"), str(tmp_path / "other.html")]
    (tmp_path / "pages").mkdir()
    assert main(["report", str(path), str(other), "-o", str(tmp_path / "pages")]) == 0
    assert {page.name for page in (tmp_path / "pages").iterdir()} == {"run.html", "other.html"}
    capsys.readouterr()
    assert main(["report", str(path), str(other), "-o", str(tmp_path / "a.html")]) == 1
    assert "wanted a folder for 2 pages" in capsys.readouterr().err
    assert main(["report", str(path), str(path), "-o", str(tmp_path / "pages")]) == 1
    assert "two pages would be run.html" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "match"), [("missing.h5", "missing.h5"), ("run.h5", "ends in .html")])
def test_what_cannot_be_done_is_said_in_a_sentence(path, tmp_path, capsys, name, match):
    output = [] if name == "missing.h5" else ["-o", str(path)]
    assert main(["report", str(tmp_path / name), *output]) == 1
    error = capsys.readouterr().err
    assert match in error
    assert error.count("\n") == 1

"""The process that reads runs for the window's list."""

import io
import pickle
import subprocess
import sys

import numpy as np

from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter
from labspin.gui.pictures import Choice, picture_of
from labspin.gui.run_rows import COLUMNS, ROWS, rows_of, sketch_of, sketch_of_run
from labspin.gui.run_worker import serve
from tests.places import environment
from tests.some import some


def make_run(path, values, shape=None):
    shape = shape or (len(values),)
    axes = tuple(Dimension(name=f"a{k}", unit="s", values=1.0 + np.arange(n)) for k, n in enumerate(shape))
    layout = Layout(dimensions=axes, columns=(Column(name="v", unit="V"),))
    with RunWriter.create(path, RunHeader(procedure="p", signal="v", layout=layout)) as writer:
        for index, value in enumerate(values):
            writer.append(index, float(index), (float(value),))
        writer.finish("finished")
    return path


def asked(*requests):
    """Return the answers to requests."""
    stream, answers = io.BytesIO(b"".join(map(pickle.dumps, requests))), io.BytesIO()
    serve(stream, answers)
    answers.seek(0)
    return [pickle.load(answers) for _ in requests]


def test_a_folder_is_told_once_and_then_what_changed(tmp_path):
    for name in "abc":
        make_run(tmp_path / f"{name}.h5", [1, 2])
    look = ("look", str(tmp_path), 1e9)
    first, second, elsewhere, again = asked(look, look, ("look", str(tmp_path / "none"), 1e9), look)
    assert [row.run.path.name for row in first[0]] == ["c.h5", "b.h5", "a.h5"]
    assert first[0][0].cells[5] == "2/2"
    assert first[1:] == ([], True)
    assert second == ([], [], True)
    assert "cannot be read" in elsewhere
    assert len(again[0]) == 3, "another folder: from the beginning"


def test_a_look_is_told_part_by_part(tmp_path):
    for name in "abc":
        make_run(tmp_path / f"{name}.h5", [1, 2])
    parts = asked(*[("look", str(tmp_path), 0.0)] * 3)
    assert [([row.run.path.name for row in rows], whole) for rows, _, whole in parts] == [
        (["c.h5"], False), (["b.h5"], False), (["a.h5"], True),
    ]  # fmt: skip


def test_a_line_is_sketched_with_its_peaks(tmp_path):
    values = np.zeros(20_000)
    values[12_345] = 7.0
    run = make_run(tmp_path / "r.h5", values)
    (sketch,) = asked(("sketch", str(run)))
    assert sketch.levels is None
    assert len(sketch.line) < 4 * COLUMNS
    peak = sketch.line[sketch.line[:, 1].argmax()]
    assert peak[1] == 1.0
    place = 12_345 / 19_999
    assert abs(peak[0] - place) < 0.5 / COLUMNS


def test_a_map_is_sketched_upright(tmp_path):
    run = make_run(tmp_path / "r.h5", np.repeat([0.0, 1.0, 2.0], 4), (3, 4))
    sketch = sketch_of_run(run)
    assert sketch.levels.shape == (ROWS, COLUMNS)
    assert sketch.levels[0, 0] > sketch.levels[-1, 0] > 0, "the greatest value of the outer axis is on top"


def test_what_cannot_be_drawn_has_an_empty_sketch(tmp_path):
    (tmp_path / "broken.h5").write_bytes(b"nonsense")
    one = make_run(tmp_path / "one.h5", [1])
    for sketch in some(asked(("sketch", str(tmp_path / "broken.h5")), ("sketch", str(one)))):
        assert sketch.line is None
        assert sketch.levels is None


def test_a_flat_line_is_in_the_middle(tmp_path):
    from labspin.data import read_run

    run = read_run(make_run(tmp_path / "r.h5", [4.0, 4.0, 4.0]))
    assert (sketch_of(picture_of(run, Choice())).line[:, 1] == 0.5).all()


def test_rows_are_found_by_all_their_words(tmp_path):
    from labspin.data import annotate, list_runs

    annotate(make_run(tmp_path / "r.h5", [1, 2]), comment="Good", tags=("Night",), rating=2)
    (row,) = rows_of(list_runs(tmp_path))
    assert all(word in row.words for word in ("good", "#night", "★★☆", "r.h5", "finished"))


def test_the_process_needs_no_qt_and_ends_with_its_input(tmp_path):
    code = (
        "import sys, labspin.gui.run_worker as w; code = w.main();"
        "sys.exit(code or any(n.startswith(('PySide6', 'pyqtgraph')) for n in sys.modules))"
    )
    run = make_run(tmp_path / "r.h5", [1, 2, 3])
    requests = pickle.dumps(("look", str(tmp_path), 1e9)) + pickle.dumps(("sketch", str(run)))
    command = [sys.executable, "-c", code]
    made = subprocess.run(command, input=requests, capture_output=True, env=environment())
    assert made.returncode == 0, made.stderr
    answers = io.BytesIO(made.stdout)
    assert len(pickle.load(answers)[0]) == 1
    assert pickle.load(answers).line.shape == (3, 2)

"""A stock pymeasure ManagedWindow runs procedures of labspin, handed over as they are."""

import os
import re
from pathlib import Path

import pytest

from tests.qt import PATIENCE, WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")

from pymeasure.experiment import unique_filename

from labspin.data import list_runs
from labspin.procedures import T1
from tests.places import ROOT

PAGE = ROOT / "docs" / "how-to" / "managed-window.md"


@pytest.mark.filterwarnings("ignore")  # pymeasure's own
def test_the_window_of_the_page_measures_a_t1(qtbot, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    scope = {}
    exec(compile(code, str(PAGE), "exec"), scope)
    window = scope["T1Window"]()
    qtbot.addWidget(window)
    assert window.x_axis in T1.DATA_COLUMNS, "columns are called as the page says"
    procedure = T1(
        station=str(ROOT / "instruments" / "levitated-diamond.toml"),
        dark_times=4, averages=1, repetitions=900, seed=1,
    )  # fmt: skip
    from pymeasure.experiment import Results

    results = Results(procedure, unique_filename(str(tmp_path), prefix="T1"))
    experiment = window.new_experiment(results)
    window.manager.queue(experiment)
    with qtbot.waitSignal(window.manager.finished, timeout=PATIENCE):
        pass
    qtbot.waitUntil(lambda: len(results.data) == 4, timeout=PATIENCE)
    assert (results.data["dark_time (s)"] > 0).all()
    (run,) = list_runs(Path("data"))
    assert (run.status, run.points) == ("finished", 4)
    window.manager.clear()
    window.close()

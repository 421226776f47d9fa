import re
import threading

import numpy as np
import pandas as pd
import pytest
from pymeasure.experiment import Results, Worker

from labspin.data import Column, read_run
from labspin.errors import ArgumentError, CardError, ConfigurationError, StorageError, UnitError
from labspin.experiment import (
    BooleanParameter,
    CountParameter,
    Linear,
    Procedure,
    Product,
    QuantityParameter,
    Values,
)
from labspin.session import new_run_path
from tests.experiment.fakes import fake_bench


class MagnetScan(Procedure):
    stop = QuantityParameter("Stop", units="A", minimum=-2, maximum=2, default="1 A")
    number = CountParameter("Number", minimum=1, default=5)
    slow = BooleanParameter("Slow", default=False)
    coordinates = (
        Column(name="gain", role="coordinate"),
        Column(name="magnet_current", unit="A", role="coordinate"),
    )
    quantities = (
        Column(name="reading", unit="A"),
        Column(name="trace", unit="V", shape=(2,)),
        Column(name="word", dtype="str"),
    )
    fails = False

    def plan(self):
        return Product(
            Values("gain", [1.0, 2.0]), Linear("magnet.current", 0, self.stop, self.number, unit="A")
        )

    def measure(self, bench, point):
        if self.fails and point.index == 3:
            raise ValueError("broken")
        return {"reading": bench.magnet.measured_current, "trace": np.zeros(2), "word": "ok"}


def in_worker(procedure, folder):
    results = Results(procedure, str(folder / "results.csv"))
    worker = Worker(results)
    worker.start()
    threading.Thread.join(worker, 30)
    assert not worker.is_alive()
    return results


def test_parameters_are_converted_and_checked():
    procedure = MagnetScan(stop="500 mA", number="7", slow="true")
    assert (procedure.stop, procedure.number, procedure.slow) == (0.5, 7, True)
    assert procedure.parameter_record()["stop"] == {"value": 0.5, "unit": "A"}
    assert MagnetScan(stop=1).stop == 1.0
    assert MagnetScan.name == "magnet_scan"


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"stopp": 1}, "no parameter 'stopp', only .*; did you mean 'stop'?"),
        ({"stop": "3 A"}, r"parameter 'stop' of procedure 'magnet_scan': Stop: wanted -2 A to 2 A, got 3 A"),
        ({"stop": "3 V"}, "wanted a quantity in 'A'"),
        ({"stop": "1"}, "has no unit"),
        ({"stop": float("nan")}, "wanted a finite quantity in .A., got nan"),
        ({"stop": None}, "wanted a quantity in 'A', got None"),
        ({"stop": True}, "wanted a quantity in 'A', got True"),
        ({"number": 2.5}, "wanted a whole number"),
        ({"number": 0}, "wanted a whole number from 1"),
        ({"number": "two"}, "wanted a whole number"),
        ({"slow": "perhaps"}, "parameter 'slow'"),
    ],
)
def test_wrong_parameters_are_refused(parameters, text):
    with pytest.raises(CardError, match=text):
        MagnetScan(**parameters)


def test_a_quantity_keeps_every_digit_through_its_text():
    parameter = QuantityParameter("Frequency", units="Hz", default=2.870123456789e9)
    copy = QuantityParameter("Frequency", units="Hz")
    assert str(copy) == ""
    copy.value = str(parameter)
    assert copy.value == parameter.value
    assert str(QuantityParameter("Factor", default=0.1)) == "0.1"
    with pytest.raises(ArgumentError, match="wanted a quantity"):
        copy.value = [1]
    with pytest.raises(UnitError):
        QuantityParameter("x", units="furlongs_per_x")


def test_it_runs_in_a_stock_pymeasure_worker(tmp_path):
    procedure = MagnetScan()
    procedure.bench, procedure.run_file = fake_bench(), tmp_path / "run.h5"
    results = in_worker(procedure, tmp_path)
    assert procedure.status == Procedure.FINISHED
    table = pd.read_csv(tmp_path / "results.csv", comment="#")
    assert list(table.columns) == ["gain", "magnet_current (A)", "reading (A)", "word"]
    recorded = read_run(tmp_path / "run.h5")
    assert table["reading (A)"].to_numpy() == pytest.approx(recorded.data["reading"].ravel(), rel=1e-6, abs=0)
    assert table["gain"].tolist() == [1.0] * 5 + [2.0] * 5
    assert table["magnet_current (A)"].to_numpy() == pytest.approx(
        np.tile(np.linspace(0, 1, 5), 2), rel=1e-6, abs=0
    )
    assert procedure.bench.magnet.safe_calls == 1
    loaded = Results.load(str(tmp_path / "results.csv"), procedure_class=MagnetScan)
    assert loaded.procedure.stop == procedure.stop
    assert results.parameters["number"].value == 5


def test_a_failure_reaches_the_worker(tmp_path):
    procedure = MagnetScan()
    procedure.bench, procedure.run_file, procedure.fails = fake_bench(), tmp_path / "run.h5", True
    in_worker(procedure, tmp_path)
    assert procedure.status == Procedure.FAILED
    assert procedure.bench.magnet.safe_calls == 1
    assert read_run(tmp_path / "run.h5").status == "failed"


def test_a_worker_that_is_stopped_aborts_the_run(tmp_path):
    procedure = MagnetScan(number=1000)
    procedure.bench, procedure.run_file = fake_bench(), tmp_path / "run.h5"
    worker = Worker(Results(procedure, str(tmp_path / "results.csv")))
    measure = procedure.measure

    def stop(bench, point):
        if point.index == 20:
            worker.stop()
        return measure(bench, point)

    procedure.measure = stop
    worker.start()
    threading.Thread.join(worker, 30)
    assert procedure.status == Procedure.ABORTED
    recorded = read_run(tmp_path / "run.h5")
    assert recorded.status == "aborted"
    assert len(recorded.points) < 30
    assert procedure.bench.magnet.current == 0.0


def test_without_a_bench_or_a_station_it_says_what_to_set(tmp_path):
    with pytest.raises(CardError, match="set its parameter 'station'"):
        MagnetScan().execute()
    unfinished = Procedure()
    with pytest.raises(NotImplementedError):
        unfinished.plan()
    with pytest.raises(NotImplementedError):
        unfinished.measure(None, None)


def test_run_paths_are_new(tmp_path):
    first = new_run_path(tmp_path, "All four!")
    assert first.name.endswith("-all-four.h5")
    first.write_text("taken")
    assert new_run_path(tmp_path, "All four!") != first
    journal = new_run_path(tmp_path, "x")
    journal.with_name(journal.name + ".jnl").write_text("taken")
    assert new_run_path(tmp_path, "x") != journal


def test_run_paths_are_named_as_the_workspace_of_their_folder_says(tmp_path, monkeypatch):
    file = tmp_path / "workspace.toml"
    file.write_text('project = "Torque 2"\nnames = "{project}_{label}.{operator}-{date}T{time}"')
    for here in (tmp_path, tmp_path.parent):
        monkeypatch.chdir(here)
        assert re.fullmatch(
            r"torque-2_t1-down-\d{8}T\d{6}\.h5", new_run_path(tmp_path / "data", "T1 down").name
        )
    for names in (
        "{date}-{label}",
        "{date}/{time}",
        "{date}-{time}-{sample}",
        "{date}{time}{",
        "{date!r}{time}",
    ):
        file.write_text(f"names = '{names}'")
        with pytest.raises(ConfigurationError, match=r"names: wanted .date., .time."):
            new_run_path(tmp_path, "x")


def test_run_paths_run_out(tmp_path, monkeypatch):
    new_run_path(tmp_path, "x")  # whatever is imported on first use is looked for by then
    monkeypatch.setattr("pathlib.Path.exists", lambda self: True)
    with pytest.raises(StorageError, match="a thousand"):
        new_run_path(tmp_path, "x")

"""T1 on a bench whose devices fail: the bench is left as safe as the failing device allows."""

from pathlib import Path

import pytest

from labspin.data import read_run
from labspin.errors import InstrumentError, SafetyError
from labspin.experiment import run
from labspin.procedures import T1
from labspin.station import load_station
from tests.some import some

STATION = load_station(Path(__file__).parents[2] / "instruments" / "levitated-diamond.toml")
PARAMETERS = {
    "magnet_field": "-30 G", "microwave_frequency": "2.6 GHz", "microwave_power": "10 dBm",
    "dark_times": 4, "averages": 2, "repetitions": 1000,
}  # fmt: skip
NAMES = ("pulses", "microwave", "magnet", "counter")


def _run(bench, path):
    try:
        return None, run(T1(**PARAMETERS), bench, path)
    except (InstrumentError, SafetyError) as error:
        return error, None


@pytest.mark.parametrize("after", [3, 30, 60])
@pytest.mark.parametrize("name", NAMES)
def test_a_lost_connection_leaves_the_other_devices_safe(tmp_path, name, after):
    path = tmp_path / "run.h5"
    with STATION.connect() as bench:
        devices, world = bench.simulation.devices, bench.simulation.world
        devices[name].faults.add("drop", after=after)
        error, outcome = _run(bench, path)
        if outcome is not None:
            assert all(action.ok or action.instrument == name for action in some(outcome.safe_report))
        else:
            assert name in str(error)
            assert not path.exists() or read_run(path).status == "failed"
        signals = world.signals()
        if name != "microwave":
            assert not bench.microwave.output_enabled
        if name != "magnet":
            assert abs(signals["magnet.current"]) < 0.02
        if name != "pulses":
            assert not bench.pulses.is_running()


@pytest.mark.parametrize("kind", ["garble", "cut", "silent"])
def test_a_counter_that_answers_rubbish_is_an_error_or_asked_again_but_never_a_wrong_count(tmp_path, kind):
    parameters = {**PARAMETERS, "seed": 2}
    with STATION.connect() as bench:
        run(T1(**parameters), bench, tmp_path / "sound.h5", label="same")
    with STATION.connect() as bench:
        bench.simulation.devices["counter"].faults.add(kind, after=12, matching="QA1")
        try:
            run(T1(**parameters), bench, tmp_path / "faulty.h5", label="same")
        except InstrumentError:
            assert read_run(tmp_path / "faulty.h5").status == "failed"
        else:
            assert read_run(tmp_path / "faulty.h5").status == "finished"
        assert abs(bench.simulation.world.signals()["magnet.current"]) < 0.02
    sound, faulty = read_run(tmp_path / "sound.h5"), read_run(tmp_path / "faulty.h5")
    for row, index in some(enumerate(faulty.points.index.tolist())):
        assert faulty.columns["signal_0"][row] == pytest.approx(
            sound.data["signal_0"].ravel()[index], rel=0.1, abs=0
        )

"""What goes wrong in the middle of a ramp or of a long wait is seen there, on the simulated benches."""

import pytest

from labspin.data import read_run
from labspin.errors import InterlockError, LabspinError
from labspin.experiment import run
from labspin.station import load_station
from tests.faults.injections import Supply, unsafe
from tests.faults.reduced_cards import reduced_runs

RUNS = reduced_runs()
FAR = RUNS["t1: all four classes resonant"]  # at -10 A
WARM = RUNS["mrfm_temperature"]  # from 100 mK to 130 mK


def _station(reduced, tmp_path, interlock):
    path = tmp_path / "station.toml"
    path.write_text(f"{reduced.station.text}\n[interlocks.watched]\n{interlock}\n", encoding="utf-8")
    return load_station(path)


def test_too_much_current_is_seen_in_the_ramp_and_the_magnet_ramped_home_from_there(tmp_path):
    station = _station(FAR, tmp_path, 'quantity = "magnet.measured_current"\nminimum = "-5 A"')
    with station.connect() as bench:
        supply, sent = Supply(bench), []
        world = bench.simulation.world
        drive = world.drive

        def watched(signal, value, **course):
            sent.append((signal, value))
            drive(signal, value, **course)

        world.drive = watched
        with pytest.raises(InterlockError, match=r"magnet\.measured_current: wanted -5 to inf A, got -[567]"):
            run(FAR.procedure(), bench, tmp_path / "run.h5")
        least = min(value for signal, value in sent if signal == "magnet.current")
        assert -5 - 2.0 * 1.2 < least < -5, "within a second at 2 A/s, and no further"
        assert supply.jumps == []
        assert unsafe(bench) == []
    recorded = read_run(tmp_path / "run.h5")
    assert recorded.status == "failed"
    assert len(recorded.points) == 0
    assert len(recorded.events_of("interlock")) == 1


def test_a_magnet_that_quenches_in_its_ramp_is_not_driven_on(tmp_path):
    with FAR.connect() as bench:
        supply = Supply(bench)
        bench.simulation.devices["magnet"].faults.add("trip", after=30, matching="^CURR")
        with pytest.raises(LabspinError, match="magnet"):
            run(FAR.procedure(), bench, tmp_path / "run.h5")
        assert supply.jumps == []
        assert unsafe(bench) == []
    assert read_run(tmp_path / "run.h5").status == "failed"


@pytest.mark.parametrize("interval", ["0 s", "3 s"])
def test_too_high_a_temperature_is_seen_while_the_procedure_waits(tmp_path, interval):
    limits = f'quantity = "cryostat.temperature"\nmaximum = "112 mK"\ninterval = "{interval}"'
    with _station(WARM, tmp_path, limits).connect() as bench:
        with pytest.raises(InterlockError, match=r"cryostat\.temperature: wanted -inf to 0\.112 K"):
            run(WARM.procedure(), bench, tmp_path / "run.h5")
        assert unsafe(bench) == []
    recorded = read_run(tmp_path / "run.h5")
    (event,) = recorded.events_of("interlock")
    assert len(recorded.points) >= 1
    assert 0.112 < event.data["value"] < 0.125, "long before the 130 mK of the next point"

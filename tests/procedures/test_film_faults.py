"""What goes wrong over a film, at the wire: contact, stages, a field off the axis; it is stopped and said."""

from pathlib import Path

import numpy as np
import pytest

from labspin.data import read_run
from labspin.errors import DeviceError, SettleError
from labspin.experiment import run
from labspin.procedures import ODMR, FilmApproach, Relaxometry
from labspin.station import load_station

ROOT = Path(__file__).parents[2]
LIGHT = ROOT / "instruments" / "nv-over-film.toml"
CANTILEVER = ROOT / "instruments" / "nv-cantilever-film.toml"
pytestmark = pytest.mark.timeout(600)
GATES = {
    "laser_power": "100 uW", "laser_duration": "12 us", "guard_time": "0.7 us", "signal_width": "0.8 us",
    "reference_width": "4 us",
    "dead_time": "22 ns",
}  # fmt: skip


def bench_of(path, tmp_path, positioner="", parameters=""):
    """A station whose stage or sample differ from the shipped one."""
    text = path.read_text(encoding="utf-8")
    text = text.replace('driver = "pi_gcs"\n', f'driver = "pi_gcs"\n{positioner}\n', 1)
    text = text.replace("[simulation.parameters]\n", f"[simulation.parameters]\n{parameters}\n", 1)
    station = tmp_path / "station.toml"
    station.write_text(text, encoding="utf-8")
    return load_station(station).connect(watchdog=False)


def odmr(**changes):
    return ODMR(**{
        **GATES, "fields": ["24 mT"], "span": "4 MHz", "points": 13, "repetitions": 20_000,
        "microwave_power": "-10 dBm", **changes,
    })  # fmt: skip


def test_a_field_off_the_axis_ends_the_run_at_the_wire(tmp_path):
    """Four degrees: 3° are allowed; the lines say so, and the tip is retracted."""
    with bench_of(LIGHT, tmp_path, parameters="axis_tilt = 0.07") as bench:
        bench.actuator("positioner.position").move(2e-6)
        with pytest.raises(DeviceError, match=r"wanted a field along the axis within 3°.*say 4"):
            run(odmr(span="24 MHz", points=61), bench, tmp_path / "run.h5")
        assert bench.simulation.world.level("positioner.distance") > 10e-6


def test_a_tip_that_touches_ends_relaxometry(tmp_path):
    """The surface is 1 um nearer than the station believes: the light jumps at the second position."""
    procedure = Relaxometry(
        **GATES, fields=["40 mT"], expected="fixed", expected_T1="20 us", dark_times=4, repetitions=500,
        averages=1, microwave_power="10 dBm",
    )  # fmt: skip
    contact = "twin = { contact = 99e-6, drift = 0.0 }"
    with bench_of(LIGHT, tmp_path, positioner=contact) as bench:
        bench.actuator("positioner.position").move(5e-6)
        bench.actuator("laser.power").move(100e-6)
        procedure.prepare(bench)
        point = next(iter(procedure.plan()))
        procedure.measure(bench, point)
        bench.actuator("positioner.position").move(0.5e-6)
        with pytest.raises(DeviceError, match=r"light within 50 %.*may touch"):
            procedure.measure(bench, point)


def test_a_tip_that_touches_ends_the_approach_and_it_is_retracted(tmp_path, caplog):
    card = FilmApproach(
        positions=["3 um", "1.2 um", "600 nm", "300 nm"], record_time="2 s", hysteresis=False,
        response_change=0.5,
    )  # fmt: skip
    contact = "twin = { contact = 99e-6, drift = 0.0 }"
    with bench_of(CANTILEVER, tmp_path, positioner=contact) as bench:
        recorded = read_run(run(card, bench, tmp_path / "run.h5").path)
        assert bench.simulation.world.level("positioner.distance") > 10e-6
    assert recorded.data["touched"].tolist() == [0, 0, 1]
    assert "film_approach: ended" in caplog.text


@pytest.mark.parametrize(("motion", "error"), [(0.0, SettleError), (-1.0, DeviceError)])
def test_a_stage_that_does_not_follow_ends_the_approach(tmp_path, motion, error):
    """Stuck: it does not settle. The wrong way: it is stopped at once, far from the film."""
    card = FilmApproach(positions=["3 um", "300 nm"], record_time="2 s", hysteresis=False)
    with bench_of(CANTILEVER, tmp_path, positioner=f"twin = {{ motion = {motion} }}") as bench:
        before = bench.simulation.world.level("positioner.distance")
        with pytest.raises(error, match="positioner"):
            run(card, bench, tmp_path / "run.h5")
        after = bench.simulation.world.level("positioner.distance")
    assert abs(after - before) < 10e-6
    assert np.isfinite(after)
    assert after > 30e-6


def test_without_light_nothing_is_measured(tmp_path):
    """The laser wakes up dark, and a card that leaves it so is told."""
    with bench_of(LIGHT, tmp_path) as bench, pytest.raises(DeviceError, match=r"no count.*laser_power"):
        run(odmr(laser_power="0 W", repetitions=1000), bench, tmp_path / "run.h5")


def test_dark_counts_are_not_taken_for_light(tmp_path):
    """Long gates count in the dark, too: the run would measure noise to its end."""
    gates = {"laser_duration": "1 ms", "reference_width": "200 us", "repetitions": 20_000}
    with bench_of(LIGHT, tmp_path) as bench, pytest.raises(DeviceError, match=r"dark counts.*laser_power"):
        run(odmr(laser_power="0 W", **gates), bench, tmp_path / "run.h5")

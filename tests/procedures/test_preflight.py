"""What the shipped procedures are refused for at a desk, as `labspin check` says it: nothing is connected."""

import re
from pathlib import Path

import pytest

from labspin.data import Column
from labspin.errors import ConnectionFailedError, LabspinError, LimitError
from labspin.experiment import Linear, Procedure, Product, Zip, check_plan, estimate
from labspin.instruments import MicrowaveSource
from labspin.procedures import MDMR, T1, MRFMTemperature, PLScan, Rabi, T1Field
from labspin.station import load_station

INSTRUMENTS = Path(__file__).resolve().parents[2] / "instruments"
SIMULATED, LAB = "levitated-diamond.toml", "levitated-diamond-lab.toml"
ENS = "levitated-diamond-ens.toml"
MRFM = "mrfm-cantilever.toml"


@pytest.mark.parametrize(
    ("procedure", "parameters", "station", "text"),
    [
        (T1, {"guard_time": "1.004 us", "pi_duration": "4 ns"}, ENS, "at least 10 ns"),
        (T1, {"pi_duration": "51 ns"}, ENS, "no multiple of the generator's resolution of 2 ns"),
        (Rabi, {"pulse_start": "4 ns", "guard_time": "0 s"}, ENS, r"microwave.*at least 10 ns"),
        (Rabi, {"guard_time": "4 ns", "pulse_start": "20 ns"}, ENS, r"lines change at .* between any two"),
        (T1, {"dark_time_stop": "1e8 s"}, LAB, "memory holds 2000000"),
        (T1, {"repetitions": 12345}, LAB, "one significant digit, got 12345; take 10000 or 20000"),
        (MDMR, {"repetitions": 250}, SIMULATED, "one significant digit"),
        (T1, {"signal_width": "5 ns", "signal_delay": "1 s", "laser_duration": "2 s"}, LAB, "gate delay"),
        (MDMR, {"frequency_stop": "5 GHz"}, LAB, r"microwave\.frequency: wanted 1 GHz to 4 GHz, got"),
        (PLScan, {"field_stop": "200 G"}, LAB, r"magnet\.field: wanted -16\.5 mT to 16\.5 mT, got"),
        (PLScan, {"reference_field": "200 G"}, LAB, r"magnet\.field: wanted"),
        (T1, {"magnet": "current", "magnet_current": "20 A"}, LAB, r"magnet\.current: wanted -11 A to 11 A"),
        (T1, {"averages": 100_000, "dark_times": 10_000}, LAB, "at most 10,000,000 points"),
        (MDMR, {"averages": 1000, "frequencies": 1_000_000}, LAB, "at most 10,000,000 points"),
        (T1Field, {"fields": []}, LAB, "at least one value"),
        (MRFMTemperature, {"temperature_stop": "5 K"}, MRFM, r"cryostat\.setpoint: wanted 10 mK to 2 K, got"),
        (MRFMTemperature, {"drive": "2 V"}, MRFM, r"cantilever\.amplitude: wanted 1 nV to 500 mV, got 2 V"),
        (MRFMTemperature, {}, LAB, r"no 'cryostat' \(TemperatureController\)"),
        (T1, {}, MRFM, r"no 'pulses' \(PulseGenerator\)"),
    ],
)  # fmt: skip
def test_what_a_bench_cannot_do_is_said_without_a_connection(procedure, parameters, station, text):
    with pytest.raises(LabspinError, match=text) as caught:
        check_plan(procedure(**parameters), load_station(INSTRUMENTS / station))
    assert not isinstance(caught.value, ConnectionFailedError)
    assert "\n" not in str(caught.value)


class Map(Procedure):
    roles = {"microwave": MicrowaveSource}  # noqa: RUF012
    quantities = (Column(name="y"),)
    sweep = None

    def plan(self):
        return self.sweep


def test_power_and_frequency_that_a_source_makes_each_but_not_together_are_refused(tmp_path):
    text = (INSTRUMENTS / LAB).read_text(encoding="utf-8")
    path = tmp_path / "bench.toml"
    path.write_text(text.replace('["-60 dBm", "10 dBm"]', '["-60 dBm", "16 dBm"]'), encoding="utf-8")
    station = load_station(path)
    frequency = Linear("microwave.frequency", "2 GHz", "4 GHz", 5, unit="Hz")
    procedure = Map()
    procedure.sweep = Zip(frequency, Linear("microwave.power", 16.0, 10.0, 5, unit="dBm"))
    assert check_plan(procedure, station).points == 5
    procedure.sweep = Product(frequency, Linear("microwave.power", 10.0, 16.0, 5, unit="dBm"))
    with pytest.raises(LimitError, match=r"wanted at most 14\.75 dBm at 3\.5 GHz, got 16"):
        check_plan(procedure, station)


def test_a_time_step_that_is_not_given_is_the_pulse_generators():
    procedure = T1(dark_time_start="1.001 us", dark_times=5)
    report = check_plan(procedure, load_station(INSTRUMENTS / ENS))
    assert procedure.time_step == 2e-9
    assert procedure.parameter_record()["time_step"]["value"] == 2e-9
    assert report.ranges["dark_time"][0] == pytest.approx(1e-6, rel=1e-9, abs=0)
    given = T1(dark_time_start="1.001 us", dark_times=5, time_step="1 ns")
    with pytest.raises(LabspinError, match="no multiple of the generator's resolution"):
        check_plan(given, load_station(INSTRUMENTS / ENS))


def test_what_only_a_device_knows_is_left_to_the_run_and_told():
    report = check_plan(T1(), load_station(INSTRUMENTS / ENS))  # an NI device knows how many counters it has
    assert re.search("counter: wanted its '.*', which only the device knows", report.unchecked)
    assert check_plan(T1(), load_station(INSTRUMENTS / LAB)).unchecked == ""
    assert estimate(T1(), load_station(INSTRUMENTS / ENS)).points == 84

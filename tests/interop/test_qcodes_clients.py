"""Drivers of QCoDeS and qcodes-contrib, unmodified, on a served bench over TCP.

They are not needed by labspin; install the extra ``interop`` to run these tests.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
import pyvisa

from tests.interop.truth import STEP, dip, lowest_line

pytest.importorskip("qcodes")

from qcodes.instrument_drivers.Lakeshore import LakeshoreModel336, LakeshoreModel372
from qcodes.instrument_drivers.rohde_schwarz import RohdeSchwarzSGS100A
from qcodes.instrument_drivers.stanford_research import SG384

from tests.places import PATIENCE

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def until(condition, timeout=PATIENCE):
    """Wait until something holds: simulated time passes by itself here."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


@pytest.fixture
def client():
    """Return a function that connects a driver, and closes it at the end."""
    connected = []

    def connect(kind, row, **settings):
        instrument = kind(row.name, row.address, visalib="@py", **settings)
        instrument.timeout(2.0)
        connected.append(instrument)
        return instrument

    yield connect
    for instrument in connected:
        instrument.close()


def read_back(parameter):
    """Return a function that sets ``parameter`` and asks for it, so that the instrument has followed."""

    def set_frequency(value):
        parameter(value)
        assert parameter() == pytest.approx(value, abs=0.01)

    return set_frequency


def test_sg384_sweeps_through_a_line_of_the_diamond(served, client):
    bench = served(microwave=("sg384", ""))
    source = client(SG384, bench["microwave"])
    assert source.get_idn()["model"] == "SG384"
    source.amplitude_RF(10)
    source.enable_RF("ON")
    assert source.amplitude_RF() == 10
    assert bench.world.level("microwave.power") == 10
    line = lowest_line(bench.world)
    found, depth = dip(bench.world, read_back(source.frequency), line)
    assert found == pytest.approx(line, abs=STEP)
    assert depth > 0.02
    source.enable_RF("OFF")
    assert source.enable_RF() == "OFF"
    assert bench.world.level("microwave.power") == -np.inf


def test_sgs100a_sweeps_through_a_line_of_the_diamond(served, client):
    """A driver of a sister instrument: carrier, output and pulse modulation are the same words."""
    bench = served(microwave=("smb100a", ""))
    source = client(RohdeSchwarzSGS100A, bench["microwave"])
    assert source.get_idn()["vendor"] == "Rohde&Schwarz"
    source.power(10)
    source.on()
    assert source.status()
    line = lowest_line(bench.world)
    found, _ = dip(bench.world, read_back(source.frequency), line)
    assert found == pytest.approx(line, abs=STEP)
    source.phase(90)
    source.pulsemod_state(True)
    source.pulsemod_source("EXT")
    source.pulsemod_period(1e-5)
    assert (source.phase(), source.pulsemod_state(), source.pulsemod_source()) == (90.0, True, "EXT")
    assert source.pulsemod_period() == pytest.approx(1e-5, rel=1e-6, abs=0)
    source.off()
    assert not source.status()
    assert bench.world.level("microwave.power") == -np.inf


def test_sgs100a_finds_no_iq_modulator_in_an_smb100a(served, client):
    """An SMB100A has none: the question is an undefined header, and no answer comes."""
    bench = served(microwave=("smb100a", ""))
    source = client(RohdeSchwarzSGS100A, bench["microwave"])
    source.timeout(0.3)
    with pytest.raises(pyvisa.errors.VisaIOError, match="VI_ERROR_TMO"):
        source.IQ_state()
    assert source.ask("SYST:ERR?") == '-113,"Undefined header"'
    assert source.frequency() == 1e9


def contrib_smb100a():
    pytest.importorskip("qcodes_contrib_drivers")
    from qcodes_contrib_drivers.drivers.RohdeSchwarz.SMB100A import RohdeSchwarz_SMB100A

    return RohdeSchwarz_SMB100A


def test_contrib_smb100a_sweeps_through_a_line_of_the_diamond(served, client):
    bench = served(microwave=("smb100a", ""))
    source = client(contrib_smb100a(), bench["microwave"])
    source.power(10)
    source.on()
    assert source.status()
    line = lowest_line(bench.world)
    found, _ = dip(bench.world, read_back(source.frequency), line)
    assert found == pytest.approx(line, abs=STEP)
    assert bench.world.level("microwave.power") == 10
    source.pulsemod_state("on")
    assert source.pulsemod_state()
    source.off()
    assert not source.status()
    assert bench.world.level("microwave.power") == -np.inf


def test_contrib_smb100a_runs_a_step_sweep(served, client):
    bench = served(speed=20.0, microwave=("smb100a", ""))
    source = client(contrib_smb100a(), bench["microwave"])
    source.sweep_freq_start(2.8e9)
    source.sweep_freq_stop(2.9e9)
    source.sweep_points(11)
    source.sweep_dwell_time(0.5)
    assert (source.sweep_freq_start(), source.sweep_freq_stop()) == (2.8e9, 2.9e9)
    assert (source.sweep_points(), source.sweep_dwell_time(), source.sweep_step()) == (11, 0.5, 1e7)
    source.sweep_step(5e6)
    assert source.sweep_points() == 21
    source.sweep_points(11)
    source.sweepmode("single")
    source.sourcemode("sweep")
    assert (source.sourcemode(), source.sweepmode(), source.frequency()) == ("sweep", "single", 2.8e9)
    source.start_sweep()
    seen, deadline = set(), time.monotonic() + PATIENCE
    while source.frequency() < 2.9e9 and time.monotonic() < deadline:
        seen.add(round(bench.world.level("microwave.frequency") / 1e6))
    assert seen <= set(range(2800, 2901, 10))
    assert len(seen) > 5
    assert source.ask("SYST:ERR?") == '0,"No error"'


def test_contrib_smb100a_leaves_the_answer_to_its_self_test_unread(served, client):
    """``run_self_tests`` writes ``*TST?`` and does not read: the next question gets that answer, as on a
    real instrument."""
    bench = served(microwave=("smb100a", ""))
    source = client(contrib_smb100a(), bench["microwave"])
    source.run_self_tests()
    assert source.frequency() == 0.0
    assert source.power() == 1e9


def test_lakeshore336_regulates_the_cryostat(served, client):
    bench = served("mrfm_cantilever", speed=500.0, cryostat=("lakeshore336", ""))
    controller = client(LakeshoreModel336, bench["cryostat"])
    assert controller.get_idn()["model"] == "336"
    heater = controller.output_1
    heater.mode("closed_loop")
    heater.input_channel("A")
    assert (heater.mode(), heater.input_channel(), heater.powerup_enable()) == ("closed_loop", "A", False)
    heater.P(20)
    heater.I(10)
    assert (heater.P(), heater.I(), heater.D()) == (20.0, 10.0, 0.0)
    heater.range_limits([0.1, 1, 10])
    heater.blocking_t(0.5)
    assert heater.output_range() == "medium"
    assert controller.A.temperature() == pytest.approx(0.5, rel=0.1, abs=0)  # its own tolerance
    until(lambda: controller.A.temperature() == pytest.approx(0.5, abs=2e-3))
    assert controller.A.temperature() == pytest.approx(bench.world.reading("temperature"), abs=2e-3)
    assert heater.output() > 0
    assert controller.A.sensor_status() == "OK"
    assert controller.C.sensor_status() == "Invalid Reading"
    assert controller.A.units() == "kelvin"
    assert controller.A.curve_number() == 21
    assert controller.A.curve_name().strip() == "LABSPIN-RUO2"
    heater.output_range("off")
    assert heater.output() == 0.0


def test_lakeshore336_ramps_its_setpoint(served, client):
    bench = served("mrfm_cantilever", speed=100.0, cryostat=("lakeshore336", ""))
    heater = client(LakeshoreModel336, bench["cryostat"]).output_1
    heater.setpoint(0.2)
    heater.output_range("high")
    heater.setpoint_ramp_enabled(True)
    heater.setpoint_ramp_rate(0.1)
    heater.setpoint(0.4)  # two simulated minutes; the driver waits for fifty seconds of them
    assert heater.setpoint_ramp_status()
    assert 0.2 < heater.setpoint() < 0.4
    until(lambda: not heater.setpoint_ramp_status())
    assert heater.setpoint() == pytest.approx(0.4, rel=1e-6, abs=0)


def test_lakeshore336_has_four_heater_values_where_the_driver_wants_five(served, client):
    """The driver's HTRSET is the 335's, with the output type first; the 336's manual has no such value."""
    bench = served("mrfm_cantilever", cryostat=("lakeshore336", ""))
    controller = client(LakeshoreModel336, bench["cryostat"])
    assert controller.ask("HTRSET? 1") == "1,2,+1.000,1"
    with pytest.raises((KeyError, ValueError, RuntimeError)):
        controller.output_1.output_heater_resistance()
    assert controller.output_1.output_range() == "off"  # and nothing is out of step


def test_lakeshore372_regulates_the_cryostat(served, client):
    """A new 372 regulates on input A, which the driver cannot read: that is changed by text first."""
    bench = served("mrfm_cantilever", speed=500.0, cryostat=("lakeshore372", ""))
    bridge = client(LakeshoreModel372, bench["cryostat"])
    assert bridge.get_idn()["model"] == "372"
    heater = bridge.sample_heater
    with pytest.raises(ValueError, match="invalid literal for int"):
        heater.mode()
    bridge.write("OUTMODE 0,0,1,0,0,0,5")
    heater.mode("closed_loop")
    assert (heater.mode(), heater.input_channel(), heater.polarity()) == ("closed_loop", 1, "unipolar")
    heater.setpoint(0.25)
    heater.output_range("3.16mA")
    heater.wait_until_set_point_reached(wait_tolerance=0.01, wait_equilibration_time=0.3)
    assert bridge.ch01.temperature() == pytest.approx(0.25, rel=0.02, abs=0)
    until(lambda: bridge.ch01.temperature() == pytest.approx(0.25, abs=1e-3))
    assert bridge.ch02.sensor_status() == "R. OVER"  # the scanner has not been there yet
    bridge.write("SCAN 2,0")
    until(
        lambda: (
            bridge.ch02.temperature()
            == pytest.approx(bench.world.reading("sample_temperature"), rel=1e-3, abs=0)
        )
    )
    assert (bridge.ch01.enabled(), bridge.ch01.dwell(), bridge.ch01.units()) == (True, 10, "kelvin")
    assert bridge.ch01.sensor_status() == "OK"
    assert bridge.ch05.sensor_status() == "R. OVER"
    assert bridge.ch01.sensor_raw() == pytest.approx(308 * np.exp((17.1 / 0.25) ** 0.25), rel=0.01, abs=0)
    heater.output_range("off")
    assert heater.output() == 0.0

"""pymeasure's own drivers, unmodified, on a served bench over TCP."""

from __future__ import annotations

import time

import numpy as np
import pytest
from pymeasure.instruments.agilent import Agilent8257D
from pymeasure.instruments.kepco import KepcoBOP3612
from pymeasure.instruments.keysight import KeysightE36312A
from pymeasure.instruments.lakeshore import LakeShore425
from pymeasure.instruments.lakeshore.lakeshore3xx import LakeShore3xx
from pymeasure.instruments.srs import SG380

from tests.interop.truth import STEP, dip, lowest_line
from tests.places import PATIENCE

pytestmark = pytest.mark.filterwarnings("ignore:It is not known whether:FutureWarning")
LINES = {"visa_library": "@py", "read_termination": "\n", "write_termination": "\n"}


@pytest.fixture
def client():
    """Return a function that connects a driver, and closes it at the end."""
    connected = []

    def connect(kind, row, **settings):
        connected.append(kind(row.address, timeout=int(1000 * PATIENCE), **settings))
        return connected[-1]

    yield connect
    for instrument in connected:
        instrument.adapter.close()


def test_sg380_sweeps_through_a_line_of_the_diamond(served, client):
    """The driver has no amplitude and no enabling: those are sent as text."""
    bench = served(microwave=("sg384", ""))
    source = client(SG380, bench["microwave"], **LINES)
    source.write("AMPR 10;ENBR 1")

    def set_frequency(value):
        source.frequency = value
        assert source.frequency == pytest.approx(value, abs=1e-3)

    line = lowest_line(bench.world)
    found, depth = dip(bench.world, set_frequency, line)
    assert found == pytest.approx(line, abs=STEP)
    assert depth > 0.02


def test_agilent8257d_sweeps_through_a_line_of_the_diamond(served, client):
    bench = served(microwave=("scpi_source", ""))
    source = client(Agilent8257D, bench["microwave"], **LINES)
    source.power = 10
    source.enable()
    assert source.is_enabled
    assert source.power == 10

    def set_frequency(value):
        source.frequency = value  # sent in seven digits
        assert source.frequency == pytest.approx(value, rel=1e-6, abs=0)

    line = lowest_line(bench.world)
    found, _ = dip(bench.world, set_frequency, line)
    assert found == pytest.approx(line, abs=STEP)
    source.shutdown()
    assert not source.is_enabled
    assert bench.world.level("microwave.power") == -np.inf


def test_agilent8257d_runs_its_step_sweep(served, client):
    """``start_step_sweep`` sends SWEep:CONTrol:STATe, which couples two sources; the sweep runs anyway,
    since INITiate:CONTinuous is on after power-on."""
    bench = served(microwave=("scpi_source", ""))
    source = client(Agilent8257D, bench["microwave"], **LINES)
    source.start_frequency, source.stop_frequency = 2.8e9, 2.9e9
    source.step_points, source.dwell_time = 11, 0.02
    source.config_step_sweep()
    source.start_step_sweep()
    assert (source.start_frequency, source.stop_frequency) == (2.8e9, 2.9e9)
    assert (source.step_points, source.dwell_time) == (11, 0.02)
    seen = set()
    deadline = time.monotonic() + PATIENCE
    while len(seen) < 11 and time.monotonic() < deadline:
        seen.add(round(bench.world.level("microwave.frequency") / 1e6))
        assert round(source.frequency / 1e6) in range(2800, 2901, 10)
    assert seen == set(range(2800, 2901, 10))
    assert source.ask("SYST:ERR?").startswith("0")


def test_agilent8257d_configures_its_modulation(served, client):
    bench = served(microwave=("scpi_source", ""))
    source = client(Agilent8257D, bench["microwave"], **LINES)
    source.config_pulse_modulation(frequency=2e3, input="square")
    source.config_amplitude_modulation(frequency=1e3, depth=50, shape="triangle")
    source.config_low_freq_out("internal", 2)
    source.enable_modulation()
    assert source.has_pulse_modulation
    assert (source.pulse_source, source.pulse_input, source.pulse_frequency) == ("internal", "square", 2e3)
    assert (source.amplitude_source, source.amplitude_depth) == ("internal", 50)
    assert (source.internal_frequency, source.internal_shape) == (1e3, "triangle")
    assert source.has_modulation
    assert source.low_freq_out_amplitude == 2.0
    source.disable_modulation()
    assert not source.has_modulation
    assert source.ask("SYST:ERR?").startswith("0")


@pytest.mark.parametrize("channel", [1, 2, 3])
def test_e36312a_ramps_a_coil(served, client, channel):
    bench = served(
        speed=200.0,
        magnet=("e36312a", f"options = {{ channel = {channel} }}\ntwin = {{ noise = 0.0 }}"),
    )
    supply = client(KeysightE36312A, bench["magnet"], **LINES)
    output = supply.channels[channel]
    output.voltage_setpoint, output.current_limit = 3.0, 0.0
    output.output_enabled = True
    assert output.output_enabled
    for current in np.linspace(0, 0.9, 7):
        output.current_limit = current
        assert output.current_limit == pytest.approx(current, abs=1e-4)
        time.sleep(0.01)  # two simulated seconds
        assert output.current == pytest.approx(bench.world.level("magnet.current"), abs=2e-4)
        assert output.current == pytest.approx(current, abs=2e-4)
    assert output.voltage == pytest.approx(0.9, abs=1e-3)
    assert supply.check_errors() == []


def test_kepco_bop_ramps_a_coil_through_zero(served, client):
    bench = served(speed=200.0, magnet=("kepco_bop", "twin = { noise = 0.0 }"))
    supply = client(KepcoBOP3612, bench["magnet"], visa_library="@py")
    supply.operating_mode = "CURR"
    supply.voltage_setpoint, supply.current_setpoint = 20, 0
    supply.output_enabled = True
    for current in np.linspace(3, -3, 7):
        supply.current_setpoint = current
        assert supply.current_setpoint == pytest.approx(current, abs=1e-3)  # it has arrived
        began = bench.world.clock.now()
        while bench.world.clock.now() < began + 2.0:
            time.sleep(0.005)
        assert supply.current == pytest.approx(bench.world.level("magnet.current"), abs=1e-3)
        assert supply.current == pytest.approx(current, abs=1e-3)
    assert supply.check_errors() == []


def test_lakeshore425_measures_the_field_of_a_coil(served, client):
    bench = served(gaussmeter=("lakeshore425", "twin = { noise = 0.0 }"))
    meter = client(LakeShore425, bench["gaussmeter"], **LINES)
    for current in (0.0, 2.0, 8.0):
        bench.world.drive("magnet.current", current)
        truth = bench.world.reading("field")
        meter.unit = "T"
        assert meter.field == pytest.approx(truth, rel=1e-3, abs=0)
        meter.unit = "G"
        assert meter.field == pytest.approx(1e4 * truth, rel=1e-3, abs=0)
    meter.range = 350
    assert meter.range == 350
    meter.dc_mode(wideband=False)
    assert meter.mode == (1, 0, 2)
    meter.zero_probe()
    assert meter.field == pytest.approx(0.0, abs=0.02)


def test_lakeshore425_ignores_auto_ranging_without_its_argument(served, client):
    """``auto_range`` sends a bare AUTO; the manual has AUTO <off/on>, so it is ignored."""
    bench = served(gaussmeter=("lakeshore425", ""))
    meter = client(LakeShore425, bench["gaussmeter"], **LINES)
    meter.range = 35
    assert meter.ask("AUTO?").strip() == "0"
    meter.auto_range()
    assert meter.ask("AUTO?").strip() == "0"


def test_lakeshore3xx_regulates_the_cryostat(served, client):
    bench = served("mrfm_cantilever", speed=1000.0, cryostat=("lakeshore336", ""))
    controller = client(LakeShore3xx, bench["cryostat"], visa_library="@py", write_termination="\n")
    controller.output_1.setpoint = 0.5
    controller.output_1.range = "high"
    assert controller.output_1.setpoint == 0.5
    assert controller.output_1.range == "high"
    controller.input_A.wait_for_temperature(0.5, accuracy=1, interval=0.1, timeout=20)
    assert controller.input_A.kelvin == pytest.approx(0.5, abs=0.01)
    assert controller.input_A.celsius == pytest.approx(0.5 - 273.15, abs=0.01)
    assert controller.input_A.kelvin == pytest.approx(bench.world.reading("temperature"), abs=2e-3)
    assert controller.output_1.output > 0
    controller.output_1.mout = 25
    assert controller.output_1.mout == 25
    controller.output_1.range = "off"
    assert controller.output_1.output == 0

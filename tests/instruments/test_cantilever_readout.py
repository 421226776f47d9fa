"""A cantilever on a simulated lock-in, closed loop: what is measured against what the sample truly is."""

import math

import numpy as np
import pytest
from scipy import constants
from scipy.optimize import curve_fit

from labspin.clock import SimulatedClock
from labspin.errors import ArgumentError, DeviceError, LimitError, RunAborted
from labspin.instruments.cantilever_readout import CantileverOptions, LockInCantilever, _periodogram
from labspin.instruments.sr830 import SR830LockIn
from labspin.physics.lockin import LockInFilter
from labspin.station import load_station
from labspin.twin import devices
from labspin.twin.adapter import SimulatedAdapter
from tests.twin.lockin_sample import GAIN, make_world


@pytest.fixture
def bench(request):
    station = load_station(request.config.rootpath / "instruments" / "mrfm-cantilever.toml")
    with station.connect() as bench:
        yield bench


def truth(bench):
    found = bench.simulation.truth()
    return found["resonance_frequency"], found["quality_factor"]


def line(frequency, height, phase, resonance, quality, x, y):
    response = (
        height
        * np.exp(1j * phase)
        * resonance**2
        / quality
        / (resonance**2 - frequency**2 + 1j * frequency * resonance / quality)
    )
    return np.concatenate(((response + x + 1j * y).real, (response + x + 1j * y).imag))


def fitted(frequency, response):
    """Resonance and quality factor with their standard errors."""
    peak = np.abs(response).argmax()
    start = (
        abs(response[peak]),
        np.angle(response[peak] * 1j),
        frequency[peak],
        frequency[peak] / np.ptp(frequency) * 4,
        0,
        0,
    )
    values, covariance = curve_fit(
        lambda f, *p: line(f[: len(f) // 2], *p),
        np.tile(frequency, 2),
        np.concatenate((response.real, response.imag)),
        start,
        method="trf",
        x_scale=np.maximum(np.abs(start), 1e-6),
    )
    return values[2:4], np.sqrt(np.diag(covariance))[2:4]


def test_a_sweep_that_waits_gives_the_true_resonance(bench):
    resonance, quality = truth(bench)
    bench.actuator("cantilever.amplitude").move(0.2)
    frequency, response = bench.cantilever.sweep(resonance + np.linspace(-4, 4, 25))
    assert frequency.shape == response.shape == (25,)
    np.testing.assert_allclose(frequency, np.round(frequency, 2), atol=1e-9)  # six digits at 3 kHz
    (f0, q), (df, dq) = fitted(frequency, response)
    assert f0 == pytest.approx(resonance, abs=5 * df)
    assert q == pytest.approx(quality, abs=5 * dq)
    assert df < 0.02
    assert dq < 0.02 * quality


def test_a_sweep_that_does_not_wait_is_skewed_along_its_way(bench):
    resonance, _ = truth(bench)
    bench.actuator("cantilever.amplitude").move(0.2)
    bench.lockin.time_constant = 0.01
    steps = resonance + np.linspace(-4, 4, 25)
    bench.cantilever.frequency = steps[0]
    bench.cantilever.settle()
    (up, _), _ = fitted(*bench.cantilever.sweep(steps, settling_time=0.06))
    bench.cantilever.frequency = steps[-1]
    bench.cantilever.settle()
    (down, _), _ = fitted(*bench.cantilever.sweep(steps[::-1], settling_time=0.06))
    assert up - resonance > 0.2
    assert down - resonance < -0.2


def test_a_ring_down_gives_the_true_quality_factor(bench):
    resonance, quality = truth(bench)
    bench.lockin.time_constant = 0.003
    bench.actuator("cantilever.amplitude").move(0.4)
    bench.cantilever.frequency = resonance
    times, seen = bench.cantilever.ring_down(1.2)
    assert bench.cantilever.amplitude == 1e-9
    assert times[0] == 0
    assert times[-1] == pytest.approx(1.2, abs=2 * times[1])
    inside = (times > 0.05) & (
        times < 0.6
    )  # filter and stop are over, and it is far above the thermal motion
    rate = -np.polyfit(times[inside], np.log(np.abs(seen[inside])), 1)[0]
    assert math.pi * resonance / rate == pytest.approx(quality, rel=0.03, abs=0)
    turned = np.polyfit(times[inside], np.unwrap(np.angle(seen[inside])), 1)[0] / (2 * math.pi)
    assert bench.lockin.frequency + turned == pytest.approx(resonance, abs=0.02)


@pytest.mark.parametrize("window", ["none", "hann"])
def test_the_thermal_spectrum_holds_what_equipartition_says(bench, window):
    resonance, quality = truth(bench)
    sample = bench.simulation.world.sample.settings
    kelvin = bench.simulation.truth()["temperature"]
    bench.cantilever.frequency = resonance
    done = []
    frequency, density, averages = bench.cantilever.thermal_spectrum(
        resolution=0.25, averages=6, offset=5.0, time_constant=0.003, window=window, progress=done.append
    )
    assert (averages, done) == (6, [1, 2, 3, 4, 5, 6])
    assert bench.cantilever.frequency == pytest.approx(resonance, abs=0.006)
    assert bench.lockin.time_constant == 0.03
    np.testing.assert_allclose(np.diff(frequency), 0.25, rtol=0.05, atol=0)
    width, interval = resonance / quality, np.diff(frequency).mean()
    wanted = constants.k * kelvin / sample.resonator.stiffness * sample.gain**2  # V², the mean square
    line = wanted * 2 / (math.pi * width) / (1 + (2 * (frequency - resonance) / width) ** 2)
    near = np.abs(frequency - resonance) < 5
    independent = averages / interval * math.pi * width / 2  # correlation time 1/(π width), stretches of 4 s
    assert density[near].sum() / line[near].sum() == pytest.approx(1, abs=4 / math.sqrt(independent))
    leaked = interval / (math.pi * width) if window == "none" else 0.0
    beside = ~near & (np.abs(frequency - resonance) < 20)
    wings = (line * (1 + leaked) + sample.noise**2)[beside]
    spread = math.sqrt((1.0 if window == "none" else 35 / 18) / (averages * beside.sum()))
    assert np.mean(density[beside] / wings) == pytest.approx(1, abs=4 * spread + leaked)
    assert np.var(density[beside] / wings) == pytest.approx(
        1 / averages, rel=0.6, abs=0
    )  # χ² of so many averages


def test_waits_are_the_cantilever_s_and_the_filter_s(bench):
    assert bench.cantilever.settling_time() == pytest.approx(
        0.3 * math.log(2000) + bench.lockin.settling_time(0.9995), rel=1e-6, abs=0
    )
    bench.cantilever.ring_down_time = 0.5
    assert bench.cantilever.settings()["ring_down_time"] == 0.5
    before = bench.clock.now()
    bench.cantilever.sweep([3000.0, 3001.0])
    assert bench.clock.now() - before == pytest.approx(2 * bench.cantilever.settling_time(), rel=1e-6, abs=0)


def test_a_wait_can_be_interrupted(bench):
    def stop():
        raise RunAborted("enough")

    with bench.clock.interrupted_by(stop), pytest.raises(RunAborted, match="enough"):
        bench.cantilever.sweep([3000.0])


def test_an_overload_is_no_reading(bench):
    bench.raw("lockin", reason="an overload").device.input_range = 0.01
    bench.cantilever.amplitude, bench.cantilever.frequency = 0.4, truth(bench)[0]
    with pytest.raises(DeviceError, match=r"cantilever: the lock-in is overloaded at 3002.91 Hz and reads"):
        bench.cantilever.sweep([truth(bench)[0]])


def test_limits_are_those_of_the_station(bench):
    with pytest.raises(LimitError):
        bench.actuator("cantilever.frequency").move(3200.0)
    with pytest.raises(LimitError):
        bench.actuator("cantilever.amplitude").move(1.0)


# -- on a lock-in whose input is known ----------------------------------------------------------------------


def made(**options):
    world = make_world()
    adapter = SimulatedAdapter(devices.SR830(world, input_noise=0.0))
    lockin = SR830LockIn.open(adapter, name="lockin", clock=world.clock)
    chosen = CantileverOptions(**options)
    return LockInCantilever({"lockin": lockin}, name="cantilever", clock=world.clock, options=chosen), world


def test_any_lock_in_will_do():
    cantilever, world = made(ring_down_time=0.01)
    cantilever.amplitude, cantilever.frequency = 0.1, 2000.0
    cantilever.settle()
    assert cantilever.quadratures() == pytest.approx(0.1 * GAIN, rel=2e-3, abs=0)
    assert cantilever.identity().startswith("lockin: Stanford_Research_Systems,SR830")
    _, seen = cantilever.record(1.0)
    np.testing.assert_allclose(seen, 0.1 * GAIN, rtol=2e-3, atol=0)
    cantilever.safe()
    assert world.level("drive.amplitude") == pytest.approx(0.004 * math.sqrt(2), rel=1e-6, abs=0)
    assert repr(cantilever) == "<LockInCantilever 'cantilever' of lockin>"


def test_an_empty_sweep_is_empty():
    frequency, response = made()[0].sweep([])
    assert frequency.shape == response.shape == (0,)


def test_what_cannot_be_asked_is_refused():
    cantilever, _ = made()
    with pytest.raises(ArgumentError, match="averages: wanted a whole number from 1, got 0"):
        cantilever.thermal_spectrum(resolution=1.0, averages=0)
    with pytest.raises(ArgumentError, match="resolution: wanted a number > 0 Hz, got nan"):
        cantilever.thermal_spectrum(resolution=math.nan)
    with pytest.raises(ArgumentError, match="window: wanted 'none' or 'hann', got 'flat'"):
        cantilever.thermal_spectrum(resolution=1.0, window="flat")
    with pytest.raises(ArgumentError, match="wanted at least 5 bins within the filter's band, got"):
        cantilever.thermal_spectrum(resolution=2.0, averages=1)
    with pytest.raises(ArgumentError, match="wanted the parts lockin, got none for lockin"):
        LockInCantilever({}, name="cantilever", clock=SimulatedClock())
    with pytest.raises(ArgumentError, match="made of other instruments; it has no connection"):
        LockInCantilever.open("GPIB0::1::INSTR")
    with pytest.raises(ArgumentError, match="wanted no address"):
        LockInCantilever.check_address("GPIB0::1::INSTR")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"ring_down_time": 0.0}, "ring_down_time: wanted more than 0 s"),
        ({"ring_down_time": math.nan}, "ring_down_time: wanted more than 0 s"),
        ({"accuracy": 0.6}, "accuracy: wanted a number from 1e-9 to 0.5"),
        ({"accuracy": True}, "accuracy: wanted a number"),
    ],
)
def test_options_are_checked(options, match):
    with pytest.raises(ArgumentError, match=match):
        CantileverOptions(**options)


@pytest.mark.parametrize("window", ["none", "hann"])
def test_a_whole_number_of_turns_is_one_line_of_a_spectrum(window):
    """The sample that closes the stretch is the first of the next: with it, the turns were not whole."""
    times = np.arange(65) / 32.0
    axis, power = _periodogram(times, 3.0 * np.exp(2j * np.pi * 5.0 * times), window)
    assert axis.tolist() == [0.5 * k for k in range(-32, 32)]
    near = np.abs(axis - 5.0) <= (0.75 if window == "hann" else 0.25)
    assert power[near].sum() * 0.5 == pytest.approx(9.0, rel=1e-9, abs=0)
    assert power[~near].max() < 1e-20 * power.max()


def test_a_spectrum_is_corrected_for_what_the_filter_passes(bench):
    lockin = bench.cantilever.lockin
    offset = np.array([0.0, -0.1, 0.5, 2.0]) / lockin.time_constant
    through = LockInFilter(lockin.time_constant, lockin.filter_slope).transfer(2 * np.pi * offset)
    np.testing.assert_allclose(bench.cantilever._passed(offset), np.abs(through) ** 2, rtol=1e-9, atol=0)

"""Photodiodes on the simulated diamond, and the lock-in behind them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import expm

from labspin.clock import SimulatedClock
from labspin.physics.lockin import LockInFilter
from labspin.physics.nv import (
    Ensemble,
    level_torques,
    stretched_exponential_mixture,
)
from labspin.twin import Pattern, Signals, World
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import SR830, SR860
from labspin.twin.samples.levitated_diamond import DiamondSettings, LevitatedDiamond


def modulated(frequency):
    """Return the pattern that switches the microwave as a square wave, with its reference line."""
    half = 0.5 / frequency
    on = np.array([1.0, 0.0])
    return Pattern(np.array([half, half]), {"laser": np.ones(2), "microwave": on, "reference": on})


def driven(pattern, frequency=None, power=-10.0):
    """Return signals at 10 G, on the lower line of class 1 or elsewhere, while ``pattern`` is played."""
    defaults = {**LevitatedDiamond.defaults, "magnet.current": 10 / 15, "microwave.power": power}
    line = LevitatedDiamond().truth(Signals(defaults))["lower_transition"][1]
    return Signals({**defaults, "microwave.frequency": frequency or line}, pattern)


def detected(sample, detector, pattern, signals):
    """Return what a lock-in on the reference line shows, V rms: in phase with it is real."""
    frequency = 1 / pattern.period
    rng = np.random.default_rng(0)
    envelope = sample.quadratures(detector, frequency, np.zeros(1), signals, rng)[0]
    return envelope * 1j / math.sqrt(2)


def integrated(settings, signals, pattern, detector, steps=4000):
    """Return the same by stepping the rate equations through a period and integrating what they show."""
    sample = LevitatedDiamond(settings)
    now = sample._conditions(signals)
    mixture = stretched_exponential_mixture(beta=settings.stretching, terms=10)
    half = 0.5 * pattern.period
    course = np.zeros(2 * steps)
    for rate, weight in zip(mixture.rates, mixture.weights, strict=True):
        for nv_class in range(4):
            course += weight * class_course(
                settings, now, float(rate), nv_class, half / steps, steps, detector
            )
    time = (np.arange(2 * steps) + 0.5) * half / steps
    sine = np.exp(-2j * math.pi * time / pattern.period)
    found = np.mean(course * sine)  # the rule of midpoints
    if detector == "angle_photodiode":
        mode, omega = settings.libration, 2 * math.pi / pattern.period
        spring = mode.angular_frequency**2 - omega**2 + 1j * omega * mode.damping_rate
        found *= settings.angle_voltage * settings.speckle_slope / mode.moment_of_inertia / spring
    return found * 2j / math.sqrt(2)


def class_course(settings, now, rate, nv_class, step, steps, detector):
    """Return light (V) or torque (N m) of one class and one rate in the middle of every step."""
    loss = (1 - settings.charge_left) / settings.charge_loss
    gain = settings.charge_left / settings.charge_loss

    def generator(tone):
        pump = np.full(4, settings.pump_rate)
        still = now.model.generator(pump=pump, driving=tone * now.driving, scale=0.0)[nv_class]
        relaxing = now.model.generator(pump=pump, driving=tone * now.driving, scale=1.0)[nv_class] - still
        matrix = np.zeros((8, 8))
        matrix[:7, :7] = still + rate * relaxing - loss * np.eye(7)
        matrix[7, :7] = loss
        matrix[:3, 7], matrix[7, 7] = gain / 3, -gain
        return matrix

    maps = [expm(generator(tone) * step / 2) for tone in (1.0, 0.0)]
    if detector == "pl_photodiode":
        shown = np.zeros(8)
        # At full light photon_rate is counted: 1/(pump · branching) of each photon that is emitted.
        shown[3:6] = 9.797e6 * 2 * math.pi / (settings.pump_rate * 9.797 / (9.797 + 1.74))
        shown *= settings.pl_voltage / 4
    else:
        torques = level_torques(
            axis=settings.libration.unit_axis, model=now.model, field=now.field,
            orientation=settings.bench.orientation, ensemble=Ensemble(relaxation=settings.relaxation),
        )  # fmt: skip
        shown = np.append(settings.libration.spins[nv_class] * torques[nv_class], 0.0)
    period = np.linalg.matrix_power(maps[1], 2 * steps) @ np.linalg.matrix_power(maps[0], 2 * steps)
    values, vectors = np.linalg.eig(period)
    state = np.real(vectors[:, np.argmin(abs(values - 1))])
    state /= state.sum()
    course = []
    for one in maps:
        for _ in range(steps):
            state = one @ state
            course.append(shown @ state)
            state = one @ state
    return np.array(course)


@pytest.mark.parametrize("detector", ["pl_photodiode", "angle_photodiode"])
@pytest.mark.parametrize("frequency", [217.0, 970.0, 20e3])
def test_a_photodiode_shows_the_first_harmonic_of_the_rate_equations(detector, frequency):
    settings = DiamondSettings(drift=0.0, stretching=1.0)
    pattern = modulated(frequency)
    signals = driven(pattern)
    found = detected(LevitatedDiamond(settings), detector, pattern, signals)
    stepped = integrated(settings, signals, pattern, detector)
    assert abs(found) > 0
    assert found == pytest.approx(stepped, rel=2e-4, abs=0)


@pytest.mark.parametrize("detector", ["pl_photodiode", "angle_photodiode"])
def test_slow_modulation_shows_the_difference_of_both_steady_states(detector):
    """A square wave between two levels has the first harmonic 2/π of their difference, √2/π in V rms."""
    settings = DiamondSettings(drift=0.0)
    sample = LevitatedDiamond(settings)
    pattern = modulated(0.5)
    found = detected(sample, detector, pattern, driven(pattern))
    photons = {"pl_photodiode": "pl", "angle_photodiode": "reflected"}[detector]
    level = []
    for tone in (1, 0):
        steady = Pattern.constant(1e-3, laser=1, microwave=tone)
        window = np.array([[0.0, 1e-3]])
        level.append(sample.expected_photons(photons, steady, window, driven(steady), 0.0)[0])
    full = {"pl": 1e-3 * settings.photon_rate, "reflected": 1e-3 * settings.reflected_rate}[photons]
    difference = (level[0] - level[1]) / full  # of 1 V
    assert found.real == pytest.approx(math.sqrt(2) / math.pi * difference, rel=3e-3, abs=0)
    assert abs(found.imag) < 5e-3 * abs(found.real)


def test_the_light_follows_no_faster_than_it_pumps_and_the_angle_no_faster_than_it_swings():
    sample = LevitatedDiamond(DiamondSettings(drift=0.0))

    def at(detector, frequency):
        pattern = modulated(frequency)
        return detected(sample, detector, pattern, driven(pattern))

    light = [abs(at("pl_photodiode", frequency)) for frequency in (100.0, 10e3, 60e3)]
    assert light[0] > 1.2 * light[1] > 2 * light[2]
    mode = sample.settings.libration
    quality = mode.angular_frequency / mode.damping_rate
    slow, resonant, fast = (at("angle_photodiode", frequency) for frequency in (100.0, 1e3, 5e3))
    assert abs(resonant) == pytest.approx(quality * abs(slow), rel=0.05, abs=0)
    assert abs(np.angle(resonant / slow) + math.pi / 2) < 0.2
    assert abs(fast) == pytest.approx(abs(slow) / 24, rel=0.15, abs=0)


@pytest.mark.parametrize(("kind", "source"), [(SR830, "FMOD 0"), (SR860, "RSRC EXT")])
def test_a_lock_in_on_the_reference_line_shows_it_in_phase(kind, source):
    clock = SimulatedClock()
    world = World(LevitatedDiamond(DiamondSettings(drift=0.0)), clock, seed=3)
    device = kind(world, wiring={"input": "pl_photodiode", "reference": "reference"})
    lockin = SimulatedAdapter(device)
    clock.sleep(0.123)
    pattern = modulated(217.0)
    for name, value in driven(pattern).items():
        world.drive(name, value)
    world.play(pattern)
    lockin.write(source)
    clock.sleep(20.0)
    lockin.write("FREQ?")
    assert float(lockin.read()) == pytest.approx(217.0, rel=1e-5, abs=0)
    frequency = 217.0
    found = world.quadratures("pl_photodiode", frequency, np.array([clock.now()]))[0]
    wanted = detected(world.sample, "pl_photodiode", pattern, driven(pattern))
    assert abs(found) / math.sqrt(2) == pytest.approx(abs(wanted), rel=1e-9, abs=0)
    shown = device.filter.output
    spread = world.noise_density("pl_photodiode", frequency) * math.sqrt(device.noise_bandwidth)
    assert abs(shown - wanted) < 6 * spread
    assert shown.real < -0.9 * abs(shown), "the light is less while the microwave is on"
    assert abs(wanted) > 20 * spread


def test_a_lock_in_without_its_line_is_unlocked_and_shows_nothing():
    world = World(LevitatedDiamond(), SimulatedClock(), seed=3)
    device = SR830(world, wiring={"input": "pl_photodiode", "reference": "reference"}, input_noise=0.0)
    SimulatedAdapter(device).write("FMOD 0")
    world.play(Pattern.constant(1e-3, laser=1))
    assert device.unlocked
    assert world.reference("reference") is None


def test_photodiodes_show_the_noise_of_light_amplifier_and_libration():
    quiet = {"amplifier_noise": 0.0, "laser_noise": 0.0, "temperature": 0.0}
    pattern = Pattern.constant(1e-3, laser=1)
    signals = driven(pattern)

    def noise(detector, frequency, **changes):
        sample = LevitatedDiamond(DiamondSettings(**{**quiet, **changes}))
        return sample.noise_density(detector, frequency, signals)

    photons = LevitatedDiamond(DiamondSettings(drift=0.0)).expected_photons(
        "pl", pattern, np.array([[0.0, 1e-3]]), signals, 0.0
    )[0]
    brightness = photons / (1e-3 * 1e6)
    # Photons arrive as a Poisson process: 2 e I, in V for 1 V and 1e9 photons/s at full light.
    assert noise("pl_photodiode", 100.0) == pytest.approx(math.sqrt(2 * brightness / 1e9), rel=1e-6, abs=0)
    assert noise("pl_photodiode", 1e9, laser_noise=1e-2) == pytest.approx(1e-2 * brightness, rel=1e-3, abs=0)
    knee = noise("pl_photodiode", 100.0, laser_noise=1e-2, laser_noise_corner=900.0)
    assert knee == pytest.approx(1e-2 * brightness * math.sqrt(10.0), rel=1e-3, abs=0)
    dark = LevitatedDiamond(DiamondSettings(amplifier_noise=3e-6)).noise_density(
        "pl_photodiode", 100.0, driven(Pattern.constant(1e-3, laser=0))
    )
    assert dark == pytest.approx(3e-6, rel=1e-6, abs=0)


@pytest.mark.parametrize("frequency", [130.0, 1e3, 1.03e3, 4e3])
@pytest.mark.parametrize("slope", [0, 3])
def test_the_thermal_libration_is_filtered_with_its_own_spectrum(frequency, slope):
    """S_τ |χ|² |H(f − f_ref)|² integrated, near the resonance (16 Hz wide, at 1 kHz) and far from it."""
    settings = DiamondSettings(amplifier_noise=0.0, laser_noise=0.0, drift=0.0, angle_photons=1e30)
    sample, clock = LevitatedDiamond(settings), SimulatedClock()
    world = World(sample, clock, seed=8)
    wiring = {"input": "angle_photodiode", "frequency": "", "amplitude": ""}
    device = SR830(world, wiring=wiring, input_noise=0.0)
    adapter = SimulatedAdapter(device)
    world.play(Pattern.constant(1e-3, laser=1))
    for command in (f"FREQ {frequency}", "OFLT 6", f"OFSL {slope}"):  # 10 ms
        adapter.write(command)
    tau = device.time_constant
    found = []
    for _ in range(700):
        clock.sleep(30 * tau)
        device.follow()
        found.append(device.filter.output)
    mode, lock_in = settings.libration, LockInFilter(tau, 6 * (slope + 1))
    f = np.unique(np.concatenate([
        np.linspace(0.5, 2e4, 200_000), 1e3 + 8 * np.tan(np.linspace(-1.55, 1.55, 20_001)),
        frequency + np.tan(np.linspace(-1.55, 1.55, 20_001)) / tau,
    ]))  # fmt: skip
    f = f[(f > 0) & (f < 2e4)]
    omega = 2 * math.pi * f
    response = (
        1
        / mode.moment_of_inertia
        / np.abs(mode.angular_frequency**2 - omega**2 + 1j * omega * mode.damping_rate)
    )
    density = (
        4 * 1.380649e-23 * settings.temperature * mode.moment_of_inertia * mode.damping_rate * response**2
    )
    passed = np.abs(lock_in.transfer(2 * math.pi * (f - frequency))) ** 2
    passed += np.abs(lock_in.transfer(2 * math.pi * (f + frequency))) ** 2
    wanted = settings.speckle_slope**2 * np.trapezoid(density * passed, f)
    square = np.mean(np.abs(found) ** 2)
    assert square == pytest.approx(wanted, rel=5 / math.sqrt(len(found)), abs=0)

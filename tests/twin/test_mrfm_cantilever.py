"""The simulated cantilever: what a lock-in would see, against the physics it was not computed from."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import constants
from scipy.integrate import quad, solve_ivp
from scipy.optimize import curve_fit

from labspin.clock import SimulatedClock
from labspin.errors import ArgumentError
from labspin.physics import mrfm
from labspin.physics.lockin import LockInFilter
from labspin.twin import World
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import SR830
from labspin.twin.samples import SAMPLES, load
from labspin.twin.samples.cantilever_settings import BathSettings, CantileverSettings
from labspin.twin.samples.cryostat import CryostatSettings
from labspin.twin.samples.mrfm_cantilever import MRFMCantilever

PLAIN = CantileverSettings(cross_talk=0.0)
# A drive so strong that the thermal motion is less than a millionth: the mean is seen without averaging.
STRONG = 1e5


def make(settings: CantileverSettings = PLAIN, *, kelvin: float = 0.1, seed: int = 1) -> World:
    world = World(MRFMCantilever(settings), SimulatedClock(), seed=seed)
    world.drive("cryostat.setpoint", kelvin)
    world.clock.sleep(3600)
    return world


def look(world: World, frequency: float, times: Any = None) -> Any:
    at = [world.clock.now()] if times is None else times
    envelope = world.quadratures("cantilever", frequency, np.asarray(at, dtype=float))
    return envelope if times is not None else envelope[0]


def expected(world: World, frequency: float) -> complex:
    """gain · χ(ω) · force from the physics of the settings, at the sample's true temperature."""
    settings = world.sample.settings
    omega, kelvin = 2 * np.pi * frequency, world.reading("sample_temperature")
    kappa = 0
    for one in settings.baths:
        kappa = (
            kappa
            + mrfm.integrate_stiffness(
                magnet=settings.magnet,
                sample=mrfm.half_space(2.2e-6 + one.depth) if one.bulk else mrfm.Surface(2.2e-6 + one.depth),
                density=one.density,
                species=one.species,
                temperature=kelvin,
                angular_frequency=omega,
                t1=one.t1(kelvin),
            ).stiffness
        )
    chi = mrfm.susceptibility(resonator=settings.resonator, angular_frequency=omega, stiffness=kappa)
    return complex(chi) * settings.gain * settings.force_per_volt * world.level("drive.amplitude")


def test_the_sample_is_found_by_name() -> None:
    assert load("mrfm_cantilever") is MRFMCantilever
    assert SAMPLES["mrfm_cantilever"].detectors == {"cantilever": "analog"}
    assert MRFMCantilever.inputs.keys() == MRFMCantilever.defaults.keys()


def test_a_sweep_that_waits_shows_the_susceptibility_with_the_spins() -> None:
    world = make()
    world.drive("drive.amplitude", STRONG)
    for frequency in (2998.0, 3001.5, 3002.0, 3004.0):
        world.drive("drive.frequency", frequency)
        world.clock.sleep(30)
        assert look(world, frequency) == pytest.approx(expected(world, frequency), rel=3e-5, abs=0)


def test_electrons_and_nuclei_act_together() -> None:
    nuclei = BathSettings(
        species=mrfm.SPECIES["1H"], density=5e28, bulk=True, depth=2e-9, t1=mrfm.ConstantT1(2e-5)
    )
    world = make(replace(PLAIN, baths=(BathSettings(), nuclei)), kelvin=0.05)
    alone = make(kelvin=0.05)
    for one in (world, alone):
        one.drive("drive.amplitude", STRONG)
        one.drive("drive.frequency", 3002.0)
        one.clock.sleep(60)
    assert look(world, 3002.0) == pytest.approx(expected(world, 3002.0), rel=3e-5, abs=0)
    assert abs(look(world, 3002.0) / look(alone, 3002.0) - 1) > 1e-3
    assert len(world.truth()["T1"]) == 2


def test_cross_talk_phase_and_noise_are_the_readout_s() -> None:
    settings = replace(PLAIN, cross_talk=2e-3 + 1e-3j, phase=0.7, noise=3e-7)
    world = make(settings)
    world.drive("drive.amplitude", STRONG)
    world.drive("drive.frequency", 2500.0)
    world.clock.sleep(30)
    wanted = expected(world, 2500.0) * np.exp(0.7j) + STRONG * (2e-3 + 1e-3j)
    assert look(world, 2500.0) == pytest.approx(wanted, rel=3e-5, abs=0)
    assert world.noise_density("cantilever", 3e3) == 3e-7


def test_a_ring_down_is_that_of_the_equation_of_motion() -> None:
    # Integrated here with its own form of the spins' answer: f + T1 f' = −K T1 q'.
    settings = replace(PLAIN, resonator=mrfm.Resonator(70e-6, 2 * np.pi * 3e3, 2e3))
    world = make(settings)
    bath = mrfm.SpinBath(
        mrfm.ELECTRON_G2,
        settings.baths[0].density,
        mrfm.reduce_geometry(magnet=settings.magnet, sample=mrfm.Surface(2.2e-6)),
        settings.baths[0].t1,
    )
    spring = bath.spring(temperature=0.1)
    frequency = world.truth()["resonance_frequency"]
    world.drive("drive.frequency", frequency)
    world.drive("drive.amplitude", STRONG)
    world.clock.sleep(30)
    start = world.clock.now()
    world.drive("drive.amplitude", 0.0)
    times = np.linspace(0, 0.05, 40)
    seen = look(world, frequency, start + times)
    r, omega = settings.resonator, 2 * np.pi * frequency
    q0, v0 = 1.0 + 0j, 1j * omega
    f0 = -spring.strength * (1 - 1 / (1 + 1j * omega * spring.t1))

    def rate(_: float, y: np.ndarray) -> np.ndarray:
        q, v, f = y
        push = -r.stiffness * q - r.damping * v + f
        return np.array([v, push / r.mass, -f / spring.t1 - spring.strength * v])

    path = solve_ivp(rate, (0, 0.05), np.array([q0, v0, f0]), "DOP853", times, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(
        seen, seen[0] * path.y[0] * np.exp(-1j * omega * times), atol=1e-4 * abs(seen[0])
    )


def test_a_ring_down_gives_the_true_quality_factor() -> None:
    world = make()
    truth = world.truth()
    world.drive("drive.frequency", truth["resonance_frequency"])
    world.drive("drive.amplitude", STRONG)
    world.clock.sleep(30)
    world.drive("drive.amplitude", 0.0)
    times = world.clock.now() + np.array([0.05, 0.25])
    amplitude = np.abs(look(world, truth["resonance_frequency"], times))
    rate = math.log(amplitude[0] / amplitude[1]) / 0.2
    quality = math.pi * truth["resonance_frequency"] / rate
    assert quality == pytest.approx(truth["quality_factor"], rel=2e-3, abs=0)
    assert truth["quality_factor"] < 0.1 * truth["bare_quality_factor"]


def test_a_sweep_that_does_not_wait_is_skewed() -> None:
    world = make()
    centre = world.truth()["resonance_frequency"]
    world.drive("drive.amplitude", STRONG)
    peaks = []
    for way in (1, -1):
        frequencies = centre + way * np.linspace(-30, 30, 121)
        world.drive("drive.frequency", frequencies[0])
        world.clock.sleep(30)
        amplitudes = []
        for frequency in frequencies:
            world.drive("drive.frequency", float(frequency))
            world.clock.sleep(0.02)
            amplitudes.append(abs(look(world, float(frequency))))
        peaks.append(frequencies[int(np.argmax(amplitudes))] - centre)
    assert peaks[0] > 0.5
    assert peaks[1] < -0.5


def test_the_motion_is_continuous_where_the_drive_changes() -> None:
    world = make()
    world.drive("drive.amplitude", STRONG)
    world.drive("drive.frequency", 3002.0)
    world.clock.sleep(30)
    before = look(world, 3002.0)
    world.drive("drive.frequency", 3010.0)
    assert look(world, 3010.0) == pytest.approx(before, rel=1e-6, abs=0)
    world.clock.sleep(1e-6)
    assert look(world, 3010.0) == pytest.approx(before, rel=1e-3, abs=0)


def test_asking_often_does_not_change_the_motion() -> None:
    worlds = [make(seed=seed) for seed in (1, 2)]
    for world in worlds:
        world.drive("drive.frequency", 3002.2)
        world.drive("drive.amplitude", STRONG)
    worlds[0].clock.sleep(0.5)
    for _ in range(50):
        worlds[1].clock.sleep(0.01)
        look(worlds[1], 3002.2)
    assert look(worlds[0], 3002.2) == pytest.approx(look(worlds[1], 3002.2), rel=1e-4, abs=0)


@pytest.mark.parametrize("setpoint", [0.1, 0.4])
def test_a_record_is_what_single_looks_would_show(setpoint: float) -> None:
    # At rest and while the cryostat warms up: in one go, and look by look with uneven steps.
    worlds = [make(seed=seed) for seed in (1, 2)]
    for world in worlds:
        world.drive("drive.frequency", 3002.2)
        world.drive("drive.amplitude", STRONG)
        world.drive("cryostat.setpoint", setpoint)
    start = worlds[0].clock.now()
    times = start + np.cumsum([*[0.03] * 60, 0.011, 0.2, *[0.02] * 40])
    record = look(worlds[0], 3002.2, times)
    singly = np.array([look(worlds[1], 3002.2, [time])[0] for time in times])
    np.testing.assert_allclose(record, singly, rtol=2e-3 if setpoint > 0.1 else 1e-4, atol=0)


def test_the_past_may_be_asked_for_and_does_not_change() -> None:
    world = make()
    world.drive("drive.frequency", 3002.0)
    world.clock.sleep(1.0)
    now = world.clock.now()
    ends = look(world, 3002.0, [now - 1.0, now])
    times = now - 1.0 + np.linspace(0, 1, 101)
    record = look(world, 3002.0, times)
    assert record[[0, -1]] == pytest.approx(ends, rel=1e-6, abs=0)
    np.testing.assert_array_equal(look(world, 3002.0, times), record)
    # Thermal motion does not jump from one millisecond to the next.
    fine = look(world, 3002.0, now - 0.5 + np.arange(20) * 1e-4)
    assert np.abs(np.diff(fine)).max() < 0.5 * 1.4e-10 * PLAIN.gain


def test_asking_ahead_commits_the_motion_that_was_seen() -> None:
    world = make()
    later = world.clock.now() + 0.5
    ahead = look(world, 3002.0, [later])[0]
    world.clock.sleep(1.0)
    assert look(world, 3002.0, [later])[0] == ahead


def test_what_is_long_past_is_forgotten() -> None:
    world = make()
    with pytest.raises(ArgumentError, match="does not remember"):
        look(world, 3000.0, [-5.0])


def test_the_thermal_motion_obeys_equipartition_and_the_ring_down() -> None:
    world = make(kelvin=0.2)
    truth = world.truth()
    ring_down = truth["quality_factor"] / (math.pi * truth["resonance_frequency"])
    values = []
    for _ in range(3000):
        world.clock.sleep(ring_down / 2)
        values.append(look(world, truth["resonance_frequency"]))
    z = np.array(values) / PLAIN.gain
    # <|z|²> = 2 k_BT/k0 (κ(0) = 0 along the surface), up to the spins' part of the stiffness.
    assert np.mean(np.abs(z) ** 2) == pytest.approx(2 * constants.k * 0.2 / 70e-6, rel=0.1, abs=0)
    correlation = np.mean(z[2:] * z[:-2].conj()) / np.mean(np.abs(z) ** 2)
    assert abs(correlation - math.exp(-1)) < 0.08


def lorentzian(frequency: np.ndarray, centre: float, loss: float, top: float) -> np.ndarray:
    chi = top / (1 - (frequency / centre) ** 2 + 1j * loss * frequency / centre)
    return np.concatenate([chi.real, chi.imag])


@pytest.mark.parametrize("kelvin", [0.05, 0.1, 0.3])
def test_a_settled_sweep_gives_shift_and_loss_of_the_spins(kelvin: float) -> None:
    world = make(kelvin=kelvin)
    truth = world.truth()
    frequencies = truth["resonance_frequency"] + np.linspace(-10, 10, 41)
    world.drive("drive.amplitude", 10.0)
    seen = []
    for frequency in frequencies:
        world.drive("drive.frequency", float(frequency))
        world.clock.sleep(10)
        seen.append(look(world, float(frequency)))
    data = np.array(seen)
    (centre, loss, _), covariance = curve_fit(
        lorentzian,
        frequencies,
        np.concatenate([data.real, data.imag]),
        (frequencies[np.argmax(np.abs(data))], 1e-3, np.abs(data).max() * 1e-3),
    )
    spread = np.sqrt(np.diagonal(covariance))
    assert abs(centre - truth["resonance_frequency"]) < 5 * spread[0] + 1e-3
    assert loss == pytest.approx(1 / truth["quality_factor"], rel=5e-3, abs=0)
    # And truth is close to the first-order formula of the thesis, at T1(T) and the preset's density.
    reference = mrfm.first_order_shift(
        resonator=PLAIN.resonator, stiffness=complex(truth["stiffness_real"], truth["stiffness_imag"])
    )
    assert truth["frequency_shift"] == pytest.approx(
        float(reference.angular_frequency) / (2 * np.pi), rel=5e-3, abs=0
    )
    assert truth["added_dissipation"] == pytest.approx(float(reference.inverse_quality), rel=5e-3, abs=0)


def test_retracting_the_magnet_frees_the_cantilever() -> None:
    world = make()
    near = world.truth()
    world.drive("positioner.distance", 4.4e-6)
    far = world.truth()
    world.drive("positioner.distance", 1e-3)
    free = world.truth()
    assert abs(free["frequency_shift"]) < 1e-6 * near["frequency_shift"]
    assert free["quality_factor"] == pytest.approx(free["bare_quality_factor"], rel=1e-4, abs=0)
    # Exactly rescaled: κ(2d, T) = κ(d, 8T)/8.
    spectrum = mrfm.reduce_geometry(magnet=PLAIN.magnet, sample=mrfm.Surface(2.2e-6))
    scaled = mrfm.spectrum_stiffness(
        spectrum=spectrum,
        density=PLAIN.baths[0].density,
        species=mrfm.ELECTRON_G2,
        temperature=0.8,
        angular_frequency=2 * np.pi * far["resonance_frequency"],
        t1=far["T1"][0],
    )
    assert far["stiffness_imag"] == pytest.approx(scaled.imag / 8, rel=1e-6, abs=0)


def test_the_magnet_cannot_touch_the_surface() -> None:
    magnet = replace(PLAIN.magnet, radius=1.7e-6)
    world = make(replace(PLAIN, magnet=magnet))
    world.drive("positioner.distance", 1.6e-6)
    with pytest.raises(ArgumentError, match="retract the magnet"):
        world.truth()


def test_a_seed_gives_the_same_noise_and_another_seed_another() -> None:
    rows = []
    for seed in (3, 3, 4):
        world = make(seed=seed)
        rows.append([look(world, 3002.0, world.clock.now() + np.linspace(0, 1, 5))])
    np.testing.assert_array_equal(rows[0], rows[1])
    assert not np.allclose(rows[0], rows[2], atol=0)


def test_while_the_cryostat_moves_the_cantilever_follows_its_temperature() -> None:
    world = make(kelvin=0.3)
    world.drive("drive.frequency", 2990.0)
    world.drive("drive.amplitude", STRONG)
    world.drive("cryostat.setpoint", 0.0)
    for _ in range(10):
        world.clock.sleep(30)
        # 12 Hz off resonance the response follows κ(T) at once; what lags is at most a step's temperature.
        assert look(world, 2990.0) == pytest.approx(expected(world, 2990.0), rel=2e-3, abs=0)


def test_unknown_detectors_and_probes_are_refused() -> None:
    world = make()
    with pytest.raises(ArgumentError, match="no analog detector"):
        world.sample.quadratures("pl", 1.0, np.zeros(1), world.signals(), world.rng)
    with pytest.raises(ArgumentError, match="no probe"):
        world.reading("field")


@pytest.mark.parametrize(
    ("make_settings", "message"),
    [
        (lambda: CantileverSettings(distance=0.0), "distance"),
        (lambda: CantileverSettings(noise=-1.0), "noise"),
        (lambda: CantileverSettings(gain=math.nan), "gain"),
        (lambda: BathSettings(density=-1.0), "density"),
        (lambda: BathSettings(depth=-1.0), "depth"),
        (lambda: CryostatSettings(base_temperature=0.0), "base_temperature"),
        (lambda: CryostatSettings(sample_time=60.0), "differs from stage_time"),
    ],
)
def test_impossible_settings_are_refused(make_settings: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make_settings()


# -- behind a lock-in ----------------------------------------------------------------------------------------


UNDRIVEN = {"input": "cantilever", "frequency": "", "amplitude": ""}


def power_behind(lock_in: LockInFilter, reference: float, world: World) -> float:
    """Mean square of R (rms) of the undriven cantilever: S(f)|H(f − f_ref)|² integrated, by the FDT."""
    settings, truth = world.sample.settings, world.truth()
    kelvin = world.reading("sample_temperature")
    springs = world.sample._springs(kelvin, settings.distance)

    def passed(f: float) -> float:
        omega = 2 * np.pi * f
        kappa = sum(complex(spring.stiffness(omega)) for spring in springs)
        inverse = 1 / complex(
            mrfm.susceptibility(resonator=settings.resonator, angular_frequency=omega, stiffness=kappa)
        )
        density = 4 * constants.k * kelvin * inverse.imag / omega / abs(inverse) ** 2 * settings.gain**2
        images = (
            lock_in.transfer(2 * np.pi * (f - reference)),
            lock_in.transfer(2 * np.pi * (f + reference)),
        )
        return density * sum(abs(complex(image)) ** 2 for image in images) * 1e12

    f0, width = truth["resonance_frequency"], truth["resonance_frequency"] / truth["quality_factor"]
    marks = [reference + n / lock_in.time_constant for n in (-300, -30, -3, -1, 0, 1, 3, 30, 300)]
    marks += [f0 + n * width for n in (-100, -10, -3, -1, 0, 1, 3, 10, 100)]
    edges = [1e-2, *sorted(f for f in marks if f > 1), 5e4]
    return (
        sum(quad(passed, a, b, epsabs=0, epsrel=1e-7, limit=400)[0] for a, b in itertools.pairwise(edges))
        / 1e12
    )


@pytest.mark.parametrize(
    ("reference", "setting", "slope"),
    [(2905.0, 8, 3), (2920.0, 8, 3), (2905.0, 8, 0), (3002.0, 8, 1), (3150.0, 6, 3), (2500.0, 4, 1)],
)
def test_thermal_motion_passes_the_lock_in_with_its_own_spectrum(reference, setting, slope):
    """Undriven, from 2 Hz to 500 Hz beside the resonance: nothing of what is far away folds in."""
    world = make(replace(PLAIN, noise=0.0), kelvin=0.02)
    device = SR830(world, wiring=UNDRIVEN, input_noise=0.0)
    adapter = SimulatedAdapter(device)
    for command in (f"FREQ {reference}", f"OFLT {setting}", f"OFSL {slope}", "SENS 26"):
        adapter.write(command)
    found = []
    for _ in range(400):
        world.clock.sleep(40 * device.time_constant)
        device.follow()
        found.append(device.filter.output)
    wanted = power_behind(LockInFilter(device.time_constant, 6 * (slope + 1)), reference, world)
    # The ring-down of a quarter of a second binds readings together near the resonance.
    independent = 400 * min(1.0, 40 * device.time_constant / 0.5)
    assert np.mean(np.abs(found) ** 2) == pytest.approx(wanted, rel=5 / math.sqrt(independent), abs=0)


def test_what_a_lock_in_shows_does_not_depend_on_how_often_it_is_asked():
    """A driven cantilever rings down 40 Hz from the reference: one wait, or many short ones."""
    shown = []
    for pieces in (1, 57):
        world = make(replace(PLAIN, noise=0.0), kelvin=0.02)
        world.drive("drive.frequency", world.truth()["resonance_frequency"])
        world.drive("drive.amplitude", 2.0)
        device = SR830(world, wiring=UNDRIVEN, input_noise=0.0)
        SimulatedAdapter(device).write("FREQ 2960")
        SimulatedAdapter(device).write("SENS 26")
        world.clock.sleep(30.0)
        world.drive("drive.amplitude", 0.0)
        for _ in range(pieces):
            world.clock.sleep(0.2 / pieces)
            device.follow()
        shown.append(device.filter.output)
    assert abs(shown[0]) > 1e-4
    assert shown[0] == pytest.approx(shown[1], rel=0.03, abs=0)  # of thermal motion 6e-7 V pass


def test_a_ring_down_is_seen_through_the_filter():
    """With 1 ms, far below the ring-down time, the filter shows the envelope of the motion."""
    world = make(replace(PLAIN, noise=0.0), kelvin=0.02)
    truth = world.truth()
    world.drive("drive.frequency", truth["resonance_frequency"])
    world.drive("drive.amplitude", 2.0)
    device = SR830(world, wiring=UNDRIVEN, input_noise=0.0)
    adapter = SimulatedAdapter(device)
    for command in (f"FREQ {truth['resonance_frequency']:.4f}", "OFLT 4", "OFSL 3", "SENS 26"):
        adapter.write(command)
    world.clock.sleep(20.0)
    world.drive("drive.amplitude", 0.0)
    life = truth["quality_factor"] / (math.pi * truth["resonance_frequency"])
    shown = []
    for _ in range(5):
        world.clock.sleep(0.3 * life)
        device.follow()
        seen = look(world, truth["resonance_frequency"])
        shown.append(abs(device.filter.output))
        # The filter of four stages of 1 ms shows what was there 4 ms ago.
        assert shown[-1] * math.sqrt(2) == pytest.approx(abs(seen) * math.exp(4e-3 / life), rel=0.01, abs=0)
    assert math.log(shown[0] / shown[-1]) == pytest.approx(1.2, rel=0.02, abs=0)

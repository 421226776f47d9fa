"""The simulated NV centres over a film: light and cantilever against the physics of spin waves."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import constants
from scipy.integrate import quad
from scipy.optimize import curve_fit

from labspin.clock import SimulatedClock
from labspin.errors import ArgumentError
from labspin.physics import spinwaves as sw
from labspin.physics.lockin import LockInFilter
from labspin.physics.mrfm import Resonator, susceptibility
from labspin.physics.nv import NV_OPTICAL_RATES
from labspin.twin import Pattern, Signals, World
from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import SR830
from labspin.twin.samples import SAMPLES, film_places, film_settings, load
from labspin.twin.samples.nv_over_film import FilmSettings, NVOverFilm

QUIET = FilmSettings(drift=0.0)
POLARISE, READ = 400e-6, 3e-6
UNDRIVEN = {"input": "cantilever", "frequency": "", "amplitude": ""}


def signals(sample, **changes):
    return Signals({**sample.defaults, **{name.replace("__", "."): value for name, value in changes.items()}})


def t1_pattern(dark, pulse=0.0):
    return Pattern(
        np.array([POLARISE, 1e-6, 100e-9, dark, READ]),
        {"laser": np.array([1.0, 0, 0, 0, 1]), "microwave": np.array([0, 0, pulse, 0, 0])},
    )


def read_out(sample, pattern, at):
    window = np.array([[pattern.period - READ, pattern.period]])
    return sample.expected_photons("pl", pattern, window, at, 0.0)[0]


def test_the_sample_is_found_by_name():
    assert SAMPLES["nv_over_film"] is NVOverFilm is load("nv_over_film")
    assert set(NVOverFilm.inputs) == set(NVOverFilm.defaults)


@pytest.mark.parametrize("current", [0.5, 2.0, 3.0])
def test_light_in_the_dark_decays_with_the_lifetimes_of_the_film(current):
    """The decay after polarising is a double exponential with T1' and T1a of the physics."""
    sample = NVOverFilm(QUIET)
    at = signals(sample, magnet__current=current, laser__power=0.1e-3)
    truth = sample.truth(at)
    fast, slow = truth["T1"][0], truth["T1_slow"][0]
    dark = np.concatenate([np.geomspace(0.05 * fast, 5 * fast, 25), np.geomspace(0.02 * slow, 4 * slow, 25)])
    dark = np.sort(dark) + 5e-6
    counts = np.array([read_out(sample, t1_pattern(t), at) for t in dark])

    def model(t, rest, a, b, log_fast, log_slow):
        return rest + a * np.exp(-t / np.exp(log_fast)) + b * np.exp(-t / np.exp(log_slow))

    start = [counts[-1], counts[0] - counts[-1], 0.0, math.log(1.3 * fast), math.log(0.8 * slow)]
    found, _ = curve_fit(model, dark, counts, p0=start, maxfev=20000)
    assert np.exp(found[3]) == pytest.approx(fast, rel=5e-3, abs=0)
    assert np.exp(found[4]) == pytest.approx(slow, rel=2e-2, abs=0)


def test_relaxation_is_faster_where_the_film_resonates_and_where_it_is_near():
    sample = NVOverFilm(QUIET)
    times = [sample.truth(signals(sample, magnet__current=i))["T1"][0] for i in (1.0, 2.0, 3.5)]
    assert times[0] < 0.1 * times[2]
    assert times[1] < 0.1 * times[2]
    near, far = (
        sample.truth(signals(sample, magnet__current=3.5, positioner__distance=x))["T1"][0]
        for x in (60e-9, 1e-6)
    )
    assert near < 0.6 * far
    bare = sw.relaxation_times(spin=sw.NV_TABLE1, field=0.04, temperature=300.0).shortest
    assert far == pytest.approx(float(bare), rel=0.02, abs=0)


def test_the_light_is_that_of_the_six_level_cycle():
    """Under continuous light the count rate is what the steady occupations emit."""
    sample = NVOverFilm(QUIET)
    at = signals(sample, magnet__current=3.0, laser__power=0.3e-3)
    bath = sw.spin_wave_bath(
        film=sw.YIG_FIGURES, spin=sw.NV_TABLE1, distance=200e-9, field=0.035, temperature=300.0
    )
    pump = 3 * QUIET.pump_rate
    levels = sw.pumped_occupations(
        spin=sw.NV_TABLE1, field=0.035, temperature=300.0, pump_rate=pump, bath=bath
    )
    cycle = NV_OPTICAL_RATES
    radiative = cycle.spin_conserving + cycle.spin_mixing
    bright = QUIET.pump_rate * radiative / (radiative + cycle.crossing_zero)
    expected = QUIET.photon_rate * radiative * levels[3:5].sum() / bright
    pattern = Pattern.constant(1e-3, laser=1)
    found = sample.expected_photons("pl", pattern, np.array([[0.0, 1e-3]]), at, 0.0)[0] / 1e-3
    assert found == pytest.approx(expected, rel=1e-6, abs=0)


def test_a_microwave_on_a_shifted_line_dims_the_light():
    sample = NVOverFilm(QUIET)
    place = {"magnet__current": 3.0, "laser__power": 0.1e-3, "microwave__power": -25.0}
    line = sample.truth(signals(sample, **place))["lower_transition"][0]
    pattern = Pattern.constant(1e-4, laser=1, microwave=1)
    frequencies = line + np.linspace(-2e6, 2e6, 81)
    light = [
        sample.expected_photons(
            "pl", pattern, np.array([[0.0, 1e-4]]), signals(sample, **place, microwave__frequency=f), 0.0
        )[0]
        for f in frequencies
    ]
    assert frequencies[np.argmin(light)] == pytest.approx(line, abs=1e3)
    assert min(light) < 0.95 * max(light)


def test_the_line_moves_as_the_film_comes_near():
    sample = NVOverFilm(QUIET)
    near, far = (
        sample.truth(signals(sample, magnet__current=3.0, positioner__distance=x)) for x in (40e-9, 2e-6)
    )
    moved = near["lower_transition"][0] - far["lower_transition"][0]
    assert moved == pytest.approx(near["lower_shift"][0] - far["lower_shift"][0], abs=1.0)
    assert near["lower_shift"][0] == pytest.approx(-0.3518e6, rel=1e-3, abs=0)


def test_the_truth_holds_the_rates_of_both_transitions():
    """They make the times: 3×3 rate equations with each rate up and down, and the double-quantum rate."""
    sample = NVOverFilm(replace(QUIET, double_quantum_rate=500.0))
    truth = sample.truth(signals(sample, magnet__current=3.0))
    lower, upper, across = truth["lower_rate"][0], truth["upper_rate"][0], 500.0
    generator = np.array([[0, upper, lower], [upper, 0, across], [lower, across, 0.0]])
    decay = np.sort(-np.linalg.eigvalsh(generator - np.diag(generator.sum(axis=0))))[1:]
    assert [1 / truth["T1_slow"][0], 1 / truth["T1"][0]] == pytest.approx(list(decay), rel=1e-3, abs=0)
    alone = NVOverFilm(QUIET).truth(signals(sample, magnet__current=3.0))
    assert truth["T1"][0] < 0.8 * alone["T1"][0]


def test_a_pi_pulse_exchanges_the_occupations():
    sample = NVOverFilm(QUIET)
    place = {"magnet__current": 3.0, "laser__power": 0.1e-3, "microwave__power": 10.0}
    line = sample.truth(signals(sample, **place))["lower_transition"][0]
    at = signals(sample, **place, microwave__frequency=line)
    without, with_pulse = (read_out(sample, t1_pattern(2e-6, pulse), at) for pulse in (0.0, 1.0))
    assert with_pulse < 0.9 * without


def test_a_layer_is_the_mean_over_its_depths():
    layer = NVOverFilm(replace(QUIET, layer_thickness=100e-9))
    at = signals(layer, magnet__current=3.0)
    truth = layer.truth(at)
    depths = np.linspace(200e-9, 300e-9, 4001)
    bath = sw.spin_wave_bath(
        film=sw.YIG_FIGURES, spin=sw.NV_TABLE1, distance=depths, field=0.035, temperature=300.0
    )
    levels = sw.pumped_occupations(
        spin=sw.NV_TABLE1, field=0.035, temperature=300.0, bath=bath, pump_rate=QUIET.pump_rate
    )
    force = sw.spin_wave_force(bath=bath, occupations=levels)
    assert truth["force"] == pytest.approx(QUIET.centres * force.mean(), rel=1e-3, abs=0)
    assert len(truth["T1"]) == len(truth["depth"]) == 5
    assert np.all(np.diff(truth["T1"]) > 0)


class TestCantilever:
    # Strong drive, soft and lossy: thermal motion is negligible and waiting is short.
    SETTINGS = replace(
        QUIET,
        centres=1e6,
        distance=50e-9,
        cantilever=Resonator(1e-5, 2 * math.pi * 5e3, 1e3),
        force_per_volt=1e-6,
        noise=0.0,
    )

    def test_the_resonance_is_where_the_force_gradient_puts_it(self):
        """Δf/f = Re κ/2k0, seen in a slow sweep of the drive."""
        sample = NVOverFilm(self.SETTINGS)
        world = World(sample, SimulatedClock(), seed=3)
        world.drive("magnet.current", 3.0)
        world.drive("laser.power", 0.1e-3)
        world.drive("drive.amplitude", 1.0)
        truth = sample.truth(world.signals())
        bare = self.SETTINGS.cantilever
        shift = truth["resonance_frequency"] - bare.angular_frequency / (2 * math.pi)
        assert shift / 5e3 == pytest.approx(truth["stiffness_real"] / (2 * bare.stiffness), rel=1e-2, abs=0)
        seen, frequencies = [], truth["resonance_frequency"] + np.linspace(-6.0, 6.0, 25)
        for frequency in frequencies:
            world.drive("drive.frequency", float(frequency))
            world.clock.sleep(30 * bare.ring_down_time)
            seen.append(world.quadratures("cantilever", float(frequency), np.array([world.clock.now()]))[0])
        moved = Resonator(
            bare.stiffness + truth["stiffness_real"],
            2 * math.pi * truth["resonance_frequency"],
            truth["quality_factor"],
        )
        expected = 1e6 * 1e-6 * susceptibility(resonator=moved, angular_frequency=2 * np.pi * frequencies)
        assert np.array(seen) == pytest.approx(expected, rel=1e-3, abs=0)

    def test_it_rings_down(self):
        sample = NVOverFilm(self.SETTINGS)
        world = World(sample, SimulatedClock(), seed=3)
        world.drive("magnet.current", 3.0)
        truth = sample.truth(world.signals())
        frequency = truth["resonance_frequency"]
        own = truth["quality_factor"] / (math.pi * frequency)
        assert abs(own / self.SETTINGS.cantilever.ring_down_time - 1) > 0.05  # the spins damp or drive it
        world.drive("drive.frequency", frequency)
        world.drive("drive.amplitude", 1.0)
        world.clock.sleep(30 * self.SETTINGS.cantilever.ring_down_time)
        start = world.quadratures("cantilever", frequency, np.array([world.clock.now()]))[0]
        world.drive("drive.amplitude", 0.0)
        world.clock.sleep(own)
        later = world.quadratures("cantilever", frequency, np.array([world.clock.now()]))[0]
        assert abs(later / start) == pytest.approx(math.exp(-1.0), rel=5e-3, abs=0)

    def test_undriven_it_moves_thermally(self):
        sample = NVOverFilm(replace(self.SETTINGS, centres=1e-3))
        world = World(sample, SimulatedClock(), seed=5)
        seen = []
        for _ in range(600):
            world.clock.sleep(5 * self.SETTINGS.cantilever.ring_down_time)
            seen.append(world.quadratures("cantilever", 5e3, np.array([world.clock.now()]))[0])
        power = np.mean(np.abs(seen) ** 2) / 1e12
        expected = 2 * 1.380649e-23 * 300.0 / self.SETTINGS.cantilever.stiffness
        assert power == pytest.approx(expected, rel=0.15, abs=0)

    @pytest.mark.parametrize("reference", [5000.0, 5012.0, 4900.0])
    def test_thermal_motion_passes_the_lock_in_with_its_own_spectrum(self, reference):
        """Undriven, on and beside the resonance: the reference is the integral of S(f)|H(f − f_ref)|²."""
        world = World(NVOverFilm(replace(self.SETTINGS, centres=1e-3)), SimulatedClock(), seed=5)
        device = SR830(world, wiring=UNDRIVEN, input_noise=0.0)
        for command in (f"FREQ {reference}", "OFLT 8", "OFSL 3", "SENS 26"):
            SimulatedAdapter(device).write(command)
        found = []
        for _ in range(600):
            world.clock.sleep(40 * device.time_constant)
            device.follow()
            found.append(device.filter.output)
        wanted = passed_power(self.SETTINGS, LockInFilter(device.time_constant, 24), reference)
        assert np.mean(np.abs(found) ** 2) == pytest.approx(wanted, rel=5 / math.sqrt(600), abs=0)

    def test_what_a_lock_in_shows_does_not_depend_on_how_often_it_is_asked(self):
        """It rings down 12 Hz from the reference: one wait, or many short ones."""
        cold, shown = replace(self.SETTINGS, centres=1e-3, temperature=1e-3), []
        for pieces in (1, 41):
            world = World(NVOverFilm(cold), SimulatedClock(), seed=5)
            world.drive("drive.frequency", 5e3)
            world.drive("drive.amplitude", 3e-9)  # 0.3 V: nothing is overloaded
            device = SR830(world, wiring=UNDRIVEN, input_noise=0.0)
            SimulatedAdapter(device).write("FREQ 5012")
            SimulatedAdapter(device).write("SENS 26")
            world.clock.sleep(5.0)
            world.drive("drive.amplitude", 0.0)
            for _ in range(pieces):
                world.clock.sleep(0.04 / pieces)
                device.follow()
            shown.append(device.filter.output)
        assert abs(shown[0]) > 1e-3
        assert shown[0] == pytest.approx(shown[1], rel=1e-3, abs=0)


def passed_power(settings: FilmSettings, lock_in: LockInFilter, reference: float) -> float:
    """Mean square of R (rms) of the undriven cantilever, without spins: by the FDT and both images."""
    bare = settings.cantilever
    gamma = bare.stiffness / (bare.angular_frequency * bare.quality_factor)

    def passed(f: float) -> float:
        motion = susceptibility(resonator=bare, angular_frequency=2 * math.pi * f)
        density = (
            4 * constants.k * settings.temperature * gamma * abs(complex(motion)) ** 2 * settings.gain**2
        )
        images = (
            lock_in.transfer(2 * math.pi * (f - reference)),
            lock_in.transfer(2 * math.pi * (f + reference)),
        )
        return density * sum(abs(complex(image)) ** 2 for image in images) * 1e12

    f0 = bare.angular_frequency / (2 * math.pi)
    marks = [reference + n / lock_in.time_constant for n in (-300, -30, -3, -1, 0, 1, 3, 30, 300)]
    marks += [f0 + n * f0 / bare.quality_factor for n in (-100, -10, -3, -1, 0, 1, 3, 10, 100)]
    edges = [1e-2, *sorted(f for f in marks if f > 1), 5e4]
    parts = (quad(passed, a, b, epsabs=0, epsrel=1e-7, limit=400)[0] for a, b in itertools.pairwise(edges))
    return sum(parts) / 1e12


def test_drift_is_slow_small_and_the_same_after_a_restart():
    worlds = [NVOverFilm(), NVOverFilm()]
    for sample in worlds:
        sample.prepare(7)
    drifts = np.array([[sample.drift("pl", t) for t in np.linspace(0, 3000, 50)] for sample in worlds])
    assert (drifts[0] == drifts[1]).all()
    assert 0 < np.std(drifts[0]) < 0.03


def test_probes_and_wrong_detectors():
    sample = NVOverFilm(QUIET)
    at = signals(sample, magnet__current=1.0)
    assert sample.reading("field", at, 0.0) == pytest.approx(15e-3, rel=1e-6, abs=0)
    assert sample.reading("temperature", at, 0.0) == 300.0
    with pytest.raises(ArgumentError, match="pressure"):
        sample.reading("pressure", at, 0.0)
    with pytest.raises(ArgumentError, match="counts no photons"):
        sample.expected_photons("cantilever", Pattern.constant(1e-3), np.array([[0, 1e-3]]), at, 0.0)
    with pytest.raises(ArgumentError, match="no analog detector"):
        sample.quadratures("pl", 1e3, np.array([0.0]), at, np.random.default_rng(0))


def test_bad_settings_and_signals():
    with pytest.raises(ArgumentError, match="distance"):
        FilmSettings(distance=-1e-9)
    with pytest.raises(ArgumentError, match="layer_thickness"):
        FilmSettings(layer_thickness=-1e-9)
    sample = NVOverFilm(QUIET)
    with pytest.raises(ArgumentError, match=r"positioner\.distance"):
        sample.truth(signals(sample, positioner__distance=0.0))
    with pytest.raises(ArgumentError, match="saturation"):
        sample.truth(signals(sample, magnet__current=-1.0))


class TestOnlyWhatIsLookedAtIsComputed:
    def count(self, monkeypatch):
        calls = []

        def counted(**arguments):
            calls.append(arguments)
            return sw.spin_wave_bath(**arguments)

        monkeypatch.setattr(film_places, "spin_wave_bath", counted)
        film_places._bath_near.cache_clear()  # what another test has looked at
        return calls

    def test_a_ramp_of_the_magnet_costs_no_integral(self, monkeypatch):
        calls = self.count(monkeypatch)
        world = World(NVOverFilm(QUIET), clock=SimulatedClock(), seed=1)
        for current in np.linspace(0.0, 3.0, 100):
            world.drive("magnet.current", float(current))
            world.clock.sleep(0.1)
        assert world.reading("field") == pytest.approx(0.035, rel=1e-12, abs=0)
        assert not calls
        assert "T1" in world.truth()
        assert len(calls) == 1

    def test_the_cantilever_follows_what_was_noted(self):
        """Looked at after every change or only in the end, it has rung to the same place."""
        settings = replace(TestCantilever.SETTINGS, temperature=1e-2)
        states = []
        for looks in (True, False):
            sample, rng = NVOverFilm(settings), np.random.default_rng(3)
            for index, volts in enumerate((0.0, 1.0, 1.0, 0.3, 0.0)):
                at = signals(sample, drive__amplitude=volts, drive__frequency=5000.0)
                sample.advance(0.01 * (index + 1), at, rng)
                if looks:
                    sample.quadratures("cantilever", 5000.0, np.array([0.01 * (index + 1)]), at, rng)
            states.append(sample.quadratures("cantilever", 5000.0, np.array([0.06]), at, rng)[0])
        assert abs(states[0]) > 0
        assert states[0] == pytest.approx(states[1], rel=1e-9, abs=0)

    def test_what_is_long_past_is_not_kept(self):
        sample = NVOverFilm(replace(QUIET, cantilever=Resonator(1e-4, 2 * math.pi * 5e3, 50.0)))
        for index in range(10_000):
            at = signals(sample, magnet__current=index * 1e-4)
            sample.advance(0.1 * index, at, np.random.default_rng(0))
        assert len(sample._noted) < 10


def test_centres_out_of_the_plane_have_rates_and_lines_of_their_own():
    """A (100) diamond with the field 4° off its axis, against the physics."""
    elevation, tilt = 0.6155, math.radians(4.0)
    sample = NVOverFilm(replace(QUIET, field_elevation=elevation, axis_tilt=tilt))
    at = signals(sample, magnet__current=2.5, positioner__distance=150e-9)
    truth = sample.truth(at)
    along = elevation + tilt
    found = sw.misaligned_rates(
        film=sw.YIG_FIGURES, spin=sw.NV_TABLE1, distance=150e-9, field=0.03, temperature=300.0,
        elevation=elevation, axis=(math.sin(along), 0.0, math.cos(along)),
    )  # fmt: skip
    alone = sw.thermal_rates(spin=sw.NV_TABLE1, field=0.03, temperature=300.0)
    own = float(alone.kappa_1 * (alone.occupation_minus + 0.5))
    assert truth["lower_rate"][0] == pytest.approx(found.lower_rate + own, rel=1e-3, abs=0)
    moved = truth["lower_transition"][0] - truth["lower_shift"][0]
    aligned, _ = sw.transition_frequencies(spin=sw.NV_TABLE1, field=0.03)
    assert truth["angle"] == pytest.approx(tilt, rel=1e-12, abs=0)
    # second order of the field across the axis: 3β²sin²/2(D − β) and more, some MHz
    assert found.lower / (2 * math.pi) - aligned / (2 * math.pi) > 1e6
    assert moved == pytest.approx(float(aligned) / (2 * math.pi), rel=1e-12, abs=0)


def test_a_drifting_mount_asks_for_no_integrals(monkeypatch):
    """Within five per cent of the distance, one integral serves; its polynomial is the integral."""
    film_places._bath_near.cache_clear()
    asked = []
    whole = film_places.spin_wave_bath
    monkeypatch.setattr(film_places, "spin_wave_bath", lambda **place: asked.append(place) or whole(**place))
    sample = NVOverFilm(QUIET)
    for distance in np.linspace(202e-9, 205e-9, 20):
        at = signals(sample, magnet__current=1.5, positioner__distance=float(distance))
        bath = sample._place(at).bath
    assert len(asked) <= 2
    exact = whole(
        film=sw.YIG_FIGURES, spin=sw.NV_TABLE1, distance=205e-9, field=0.02, temperature=300.0, rtol=1e-8
    )
    assert bath.decay_plus[0] == pytest.approx(float(exact.decay_plus), rel=1e-5, abs=0)
    assert bath.shift_minus_gradient[0] == pytest.approx(float(exact.shift_minus_gradient), rel=1e-5, abs=0)


def test_light_and_microwave_warm_film_and_diamond_by_their_mean_power():
    """40 K lower the line by 3.0 MHz and the magnetisation by 8 %; in the cold sample it stays."""
    pattern = Pattern(
        np.array([20e-6, 1e-6, 1e-6, 1e-6, READ]),
        {"laser": np.array([1.0, 0, 0, 0, 1]), "microwave": np.array([0, 0, 1.0, 0, 0])},
    )
    lit = (20e-6 + READ) / pattern.period
    cold, warm = NVOverFilm(QUIET), NVOverFilm(replace(QUIET, light_heating=40 / (lit * 1e-4)))
    at = {"laser__power": 1e-4, "magnet__current": 3.5, "microwave__power": -10.0}
    line = cold.truth(signals(cold, **at))["lower_transition"][0]
    for sample, dip in ((cold, line), (warm, line - 40 * 74.2e3)):
        near, other = (
            read_out(sample, pattern, signals(sample, microwave__frequency=f, **at))
            for f in (dip, 2 * line - 40 * 74.2e3 - dip)
        )
        assert near < 0.95 * other
    driven = 1e-6 / pattern.period
    settings = replace(QUIET, light_heating=1e5, microwave_heating=40 / (driven * 1e-3))
    found = film_settings.warmed(settings, 0.0, driven * 1e-3)
    assert found.temperature == pytest.approx(QUIET.temperature + 40, rel=1e-12, abs=0)
    assert found.film.magnetisation / QUIET.film.magnetisation == pytest.approx(0.916, rel=1e-3, abs=0)
    assert film_settings.warmed(QUIET, 1.0, 1.0) is QUIET

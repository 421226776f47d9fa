"""RC stages against their differential equation integrated, against spectra, and against a sampled record."""

from __future__ import annotations

import itertools

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.constants import k
from scipy.integrate import quad, solve_ivp

from labspin.physics import mrfm
from labspin.physics.lockin import LockInFilter
from labspin.physics.rc_filter import Cascade, GaussianProcess, Stretch, exponential_answer
from tests.some import some

STAGES = pytest.mark.parametrize("stages", [1, 2, 3, 4])
SILENT = np.random.default_rng(0)


def stretch_of(
    times: np.ndarray, rates: list[complex], amplitudes: np.ndarray, slopes=None, **other
) -> Stretch:
    return Stretch(
        times=times,
        reference=other.pop("reference", np.zeros(times.size - 1)),
        rates=np.asarray(rates, complex),
        amplitudes=np.asarray(amplitudes, complex),
        slopes=slopes,
        sizes=np.zeros(times.size),
        **other,
    )


@STAGES
def test_tones_decays_and_drifts_are_filtered_as_the_equation_says(stages):
    """Against the stages' equation of motion, integrated, with the whole product of the mixer."""
    tau, omega, phase = 0.03, 2 * np.pi * 40, 0.4
    rates = [2j * np.pi * 43, -30 + 2j * np.pi * 31, 0.0]
    amplitudes = np.array([[1.0 + 0.5j, -0.7j, 0.3]])
    slopes = np.array([[2.0 - 1j, 0.0, 4.0]])
    end = 0.11

    def voltage(time):
        return sum(
            ((a + b * time) * np.exp(p * time)).real
            for a, b, p in zip(amplitudes[0], slopes[0], rates, strict=True)
        )

    def rate(time, state):
        mixed = np.sqrt(2) * voltage(time) * np.exp(-1j * (omega * time + phase))
        return (np.concatenate(([mixed], state[:-1])) - state) / tau

    start = np.linspace(1, 2, stages).astype(complex)
    cascade = Cascade(tau, stages)
    cascade.state = start.copy()
    course = cascade.advance(
        stretch_of(np.array([0.0, end]), rates, amplitudes, slopes),
        angular_frequency=omega,
        phase=phase,
        density=0.0,
        rng=SILENT,
    )
    path = solve_ivp(rate, (0, end), start, "DOP853", rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(course[0], path.y[:, -1], rtol=1e-8, atol=1e-11)
    np.testing.assert_array_equal(cascade.state, course[-1])


@STAGES
def test_one_long_interval_is_many_short_ones(stages):
    """Also where a tone is a million time constants away from the reference, in half the interval."""
    tau, omega = 0.1, 2 * np.pi * 3e3
    rates = [2j * np.pi * 2.9e3, -3.0 + 2j * np.pi * 3.5e3]
    one, many = Cascade(tau, stages), Cascade(tau, stages)
    common = {"phase": 0.0, "density": 0.0, "rng": SILENT, "angular_frequency": omega}
    start = np.array([1.0 + 1j, 0.5])
    one.advance(stretch_of(np.array([0.0, 0.5]), rates, start[None]), **common)
    times = np.linspace(0.0, 0.5, 301)
    grown = start * np.exp(np.outer(times[:-1], rates))
    many.advance(stretch_of(times, rates, grown, reference=omega * times[:-1]), **common)
    np.testing.assert_allclose(one.state, many.state, rtol=1e-7, atol=1e-13)


@settings(deadline=None, max_examples=60)
@given(real=st.floats(-50, 1), turn=st.floats(-1e4, 1e4), a=st.floats(1e-4, 25), j=st.integers(1, 5))
def test_answers_are_the_convolution_integral(real, turn, a, j):
    """Against the incomplete gamma function in 40 digits."""
    tau = 0.2
    s = complex(real, turn) / tau
    found = exponential_answer(np.array([s]), a * tau, tau, 5)[0, j - 1]
    with mp.workdps(40):
        u = 1 + mp.mpc(s) * tau
        z = u * mp.mpf(a)
        exact = mp.exp(-mp.mpf(a)) * mp.mpf(a) ** j * mp.hyp1f1(1, j + 1, z) / mp.factorial(j)
        scale = mp.mpf(a) ** j * mp.exp(-mp.mpf(a)) / mp.factorial(j)
    # A phase of |z| rad is known to |z| times the rounding of a double.
    allowed = 1e-11 + 1e-15 * float(abs(z))
    assert abs(found - complex(exact)) <= allowed * max(
        abs(complex(exact)), 1e-3 * float(scale / (1 + abs(z)))
    )


@STAGES
@pytest.mark.parametrize("interval", [0.005, 0.1, 1.0])
def test_noise_has_the_filter_s_bandwidth_at_any_step(stages, interval):
    tau, density = 0.05, 3e-7
    rng = np.random.default_rng(7)
    cascade = Cascade(tau, stages)
    cascade.hold(0.0, cascade.memory, 1, density, rng)
    n = 200_000
    output = cascade.hold(0.0, interval, n, density, rng)[:, -1]
    independent = n * min(1, interval / (2 * stages * tau))
    wanted = density * np.sqrt(LockInFilter(tau, 6 * stages).noise_bandwidth)
    for part in (output.real, output.imag):
        assert part.std() == pytest.approx(wanted, rel=4 / np.sqrt(2 * independent), abs=0)


@STAGES
def test_after_the_memory_the_stages_are_in_equilibrium_with_white_noise(stages):
    """One interval of the memory from nothing gives the covariance that many give: ENBW of each stage."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(4000):
        cascade = Cascade(0.1, stages)
        found.append(cascade.hold(0.0, cascade.memory, 1, 1.0, rng)[0])
    for stage in some(range(stages)):
        wanted = LockInFilter(0.1, 6 * (stage + 1)).noise_bandwidth
        assert np.var(np.array(found)[:, stage].real) == pytest.approx(wanted, rel=0.1, abs=0)


def test_nothing_is_left_of_what_lies_beyond_the_memory():
    for stages in (1, 2, 3, 4):
        cascade = Cascade(0.1, stages)
        cascade.state[:] = 1.0
        cascade.hold(0.0, cascade.memory, 1, 0.0, SILENT)
        assert abs(cascade.output) < 1e-7


def test_a_changed_filter_goes_on_from_where_it_was():
    cascade = Cascade(0.1, 2)
    cascade.state = np.array([1.0, 2.0], dtype=complex)
    assert cascade.changed(0.3, 4).state.tolist() == [1.0, 2.0, 2.0, 2.0]
    assert cascade.changed(0.3, 1).state.tolist() == [1.0]


def test_an_input_that_clips_is_scaled_down_to_the_limit():
    times, omega = np.array([0.0, 2.0]), 2 * np.pi * 100
    clipped, whole = Cascade(0.05, 2), Cascade(0.05, 2)
    common = {"angular_frequency": omega, "phase": 0.0, "density": 0.0, "rng": SILENT}
    loud = Stretch(times, np.zeros(1), np.array([1j * omega]), np.array([[4.0 + 0j]]), np.array([4.0, 4.0]))
    clipped.advance(loud, **common, largest=1.0)
    whole.advance(loud, **common)
    assert clipped.output * 4 == pytest.approx(whole.output, rel=1e-12, abs=0)
    assert whole.output.real == pytest.approx(4 / np.sqrt(2), rel=1e-3, abs=0)


# -- Brownian motion behind the mixer ------------------------------------------------------------------------

RESONATOR = mrfm.Resonator(70e-6, 2 * np.pi * 3e3, 2e3)
SPRINGS = (mrfm.RelaxingSpring(2e-7, 5e-5),)
KELVIN = 0.3


def process_of(resonator=RESONATOR, springs=SPRINGS) -> GaussianProcess:
    return mrfm.ThermalMotion(mrfm.LinearMotion(resonator, springs), KELVIN).process


def displacement_density(frequency: float, resonator=RESONATOR, springs=SPRINGS) -> float:
    """One-sided density of q by the fluctuation-dissipation theorem, m²/Hz: 4k_BT Im(1/χ)|χ|²/ω."""
    omega = 2 * np.pi * frequency
    kappa = sum(complex(spring.stiffness(omega)) for spring in springs)
    inverse = 1 / complex(mrfm.susceptibility(resonator=resonator, angular_frequency=omega, stiffness=kappa))
    return 4 * k * KELVIN * inverse.imag / omega / abs(inverse) ** 2


def variance_by_spectrum(reference: float, lock_in: LockInFilter) -> float:
    """Mean square of X rms: ½∫S(f)|H(f − f_ref)|² df + the image, over the analytic spectrum."""

    def integrand(f: float) -> float:
        passed = abs(complex(lock_in.transfer(2 * np.pi * (f - reference)))) ** 2
        image = abs(complex(lock_in.transfer(2 * np.pi * (f + reference)))) ** 2
        return 1e20 * displacement_density(f) * (passed + image)

    width = max(1.0 / lock_in.time_constant, 2.0)
    loaded = 3000 * (1 + 0.5 * 2e-7 / 70e-6)
    marks = {reference + n * width for n in (-50, -10, -3, -1, 0, 1, 3, 10, 50)}
    marks |= {loaded + n * 1.5 for n in (-100, -20, -5, -2, -1, 0, 1, 2, 5, 20, 100)}
    edges = sorted(f for f in marks if 1 < f < 4e4)
    edges = [1e-3, *edges, 4e4]
    parts = [quad(integrand, a, b, epsabs=0, epsrel=1e-9, limit=400)[0] for a, b in itertools.pairwise(edges)]
    return sum(parts) / 1e20


def listened(reference: float, lock_in: LockInFilter, interval: float, count: int, seed: int) -> np.ndarray:
    """Outputs after each interval, the process being known at the edges only."""
    motion = mrfm.ThermalMotion(mrfm.LinearMotion(RESONATOR, SPRINGS), KELVIN)
    rng = np.random.default_rng(seed)
    times = interval * np.arange(count + 1)
    first = motion.equilibrium(rng)
    states = np.concatenate((first[None], motion.course(first, interval, count, rng)))
    stretch = stretch_of(
        times,
        [0.0],
        np.zeros((count, 1)),
        reference=np.remainder(2 * np.pi * reference * times[:-1], 2 * np.pi),
        process=motion.process,
        output=np.array([1.0, 0.0, 0.0]),
        states=states,
    )
    cascade = Cascade(lock_in.time_constant, lock_in.stages)
    return cascade.advance(stretch, angular_frequency=2 * np.pi * reference, phase=0.2, density=0.0, rng=rng)[
        :, -1
    ]


@pytest.mark.parametrize("slope", [6, 12, 18, 24])
@pytest.mark.parametrize(
    ("reference", "time_constant"),
    [(3004.0, 0.1), (2905.0, 0.1), (2905.0, 0.01), (2000.0, 1.0), (120.0, 3e-3)],
)
def test_brownian_motion_comes_out_with_the_power_of_its_spectrum(reference, time_constant, slope):
    """At any distance, time constant and slope: the law of one interval far longer than the memory."""
    lock_in = LockInFilter(time_constant, slope)
    from labspin.physics.rc_filter import _joint, _split

    own, pseudo, _ = _joint(
        process_of(), np.array([2.0, 0.0, 0.0]), 2 * np.pi * reference, time_constant, lock_in.stages
    )
    square = _split(own, pseudo)
    x_and_y = 0.5 * (square[lock_in.stages - 1, lock_in.stages - 1] + square[-1, -1]) / 2  # rms
    wanted = 0.5 * variance_by_spectrum(reference, lock_in)
    assert x_and_y == pytest.approx(wanted, rel=1e-5, abs=0)


@pytest.mark.parametrize("interval", [0.003, 0.05, 0.31])
def test_intervals_of_any_length_have_that_power_too(interval):
    lock_in, reference = LockInFilter(0.05, 12), 2985.0
    found = listened(reference, lock_in, interval, 60_000, seed=5)[200:]
    wanted = 0.5 * variance_by_spectrum(reference, lock_in)
    correlation = 2 * RESONATOR.ring_down_time + 2 * lock_in.time_constant
    independent = found.size * min(1.0, interval / correlation)
    for part in (found.real, found.imag):
        assert np.mean(part**2) == pytest.approx(wanted, rel=5 * np.sqrt(2 / independent), abs=0)


def test_the_output_is_that_of_the_motion_sampled_finely():
    """The same motion looked at 60 000 times a second, mixed and filtered, and known at few edges only.

    14 Hz off resonance much of what passes comes from kicks between the edges, which they leave open: the
    closer they are, the more both are one.
    """
    reference, rate = 2990.0, 60_000
    motion = mrfm.ThermalMotion(mrfm.LinearMotion(RESONATOR, SPRINGS), KELVIN)
    rng = np.random.default_rng(11)
    first = motion.equilibrium(rng)
    fine = np.concatenate((first[None], motion.course(first, 1 / rate, 6 * rate, rng)))
    turned = np.exp(-2j * np.pi * reference * np.arange(len(fine)) / rate)
    mixed = np.sqrt(2) * fine[:, 0] * turned
    sampled = Cascade(0.05, 2).follow(0.5 * (mixed[1:] + mixed[:-1]), 1 / rate)[:, -1]
    for a_second, apart in ((100, 0.35), (2000, 0.02)):
        stride = rate // a_second
        times = np.arange(6 * a_second + 1) / a_second
        stretch = stretch_of(
            times,
            [0.0],
            np.zeros((times.size - 1, 1)),
            reference=np.remainder(2 * np.pi * reference * times[:-1], 2 * np.pi),
            process=motion.process,
            output=np.array([1.0, 0.0, 0.0]),
            states=fine[::stride],
        )
        found = Cascade(0.05, 2).advance(
            stretch, angular_frequency=2 * np.pi * reference, phase=0.0, density=0.0, rng=rng
        )[:, -1]
        wanted = sampled[stride - 1 :: stride]
        assert np.linalg.norm(found - wanted) < apart * np.linalg.norm(wanted)


def test_a_process_nobody_else_looks_at_is_drawn_here_and_stays_itself():
    process = process_of()
    rng = np.random.default_rng(2)
    lock_in = LockInFilter(0.01, 12)
    cascade = Cascade(lock_in.time_constant, lock_in.stages)
    found = []
    start = 0.0
    for _ in range(300):
        times = start + 0.02 * np.arange(41)
        stretch = stretch_of(
            times,
            [0.0],
            np.zeros((40, 1)),
            reference=np.remainder(2 * np.pi * 2995.0 * times[:-1], 2 * np.pi),
            process=process,
            output=np.array([1.0, 0.0, 0.0]),
        )
        found.append(
            cascade.advance(stretch, angular_frequency=2 * np.pi * 2995.0, phase=0.0, density=0.0, rng=rng)[
                :, -1
            ]
        )
        start = times[-1]
    output = np.concatenate(found)[100:]
    wanted = 0.5 * variance_by_spectrum(2995.0, lock_in)
    assert np.mean(np.abs(output) ** 2) == pytest.approx(2 * wanted, rel=0.2, abs=0)
    # Consecutive stretches belong together: what comes out is as correlated across their seams as inside.
    inside = np.vdot(output[:-1], output[1:]) / np.vdot(output, output)
    seams = np.array([np.vdot(a[-1:], b[:1]) for a, b in itertools.pairwise(found)]).mean()
    assert seams / np.mean(np.abs(output) ** 2) == pytest.approx(inside, abs=0.25)

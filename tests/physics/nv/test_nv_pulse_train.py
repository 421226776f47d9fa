"""Trains of pulses, against trajectories of the bath, a master equation, closed forms and known errors."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from labspin.errors import ArgumentError
from labspin.physics.nv import (
    PulseTrain,
    SpinBath,
    StaticLine,
    bath_dephasing,
    free_decay,
    inversion_probability,
    pulse_fractions,
    relaxing_train_map,
    train_map,
)

MHZ = 2e6 * math.pi
ANGLES = {"X": 0.0, "Y": 0.5 * math.pi, "-X": math.pi, "-Y": 1.5 * math.pi}
BATH = SpinBath(amplitude=0.2 * MHZ, correlation_time=4e-6)


def train(time, phases, *, pi, last="-X", first="X", longer=1.0):
    """Return π/2, π pulses from middle to middle over a time, π/2; every pulse ``longer`` than it should."""
    steps = [(0.5 * pi, first)]
    spacing = time / max(2 * len(phases), 1)
    taken = 0.75 * pi if phases else 0.5 * pi
    steps.append((spacing - taken, None))
    for number, phase in enumerate(phases):
        steps.append((pi, phase))
        steps.append(((spacing - taken) if number == len(phases) - 1 else 2 * spacing - pi, None))
    steps.append((0.5 * pi, last))
    durations = [longer * length if phase else length for length, phase in steps]
    return PulseTrain(
        np.array(durations),
        np.array([bool(p) for _, p in steps]),
        np.array([ANGLES.get(p, 0.0) for _, p in steps]),
    )


FREE = train(1e-6, (), pi=1e-8)


def polarisation(found):
    return found[..., 0, 0] - found[..., 1, 0]


def coherence(time, phases, *, pi, last, opposite, **options):
    """Return the half difference between a train and the one with the opposite last pulse."""
    rest = {key: options.pop(key) for key in ("first", "longer") if key in options}
    both = [
        polarisation(train_map(train=train(time, phases, pi=pi, last=end, **rest), **options))
        for end in (last, opposite)
    ]
    return 0.5 * (both[0] - both[1])


@pytest.mark.parametrize("count", [0, 1, 2, 8, 16])
@pytest.mark.parametrize("chi", [0.3, 1.0, 3.0])
def test_short_pulses_leave_what_the_filter_says(count, chi):
    rabi = 500 * MHZ
    times = np.geomspace(1e-8, 1e-3, 4000)
    kept = {"amplitude": BATH.amplitude, "correlation_time": BATH.correlation_time}
    time = float(np.interp(chi, bath_dephasing(time=times, fractions=pulse_fractions(count), **kept), times))
    found = coherence(time, ["Y"] * count, pi=math.pi / rabi, last="-X", opposite="X", rabi=rabi, detuning=0,
                      bath=BATH)  # fmt: skip
    assert_allclose(found, math.exp(-chi), rtol=2e-3, atol=0)


def bloch_trajectories(steps, rabi, detuning, bath, count, rng):
    """Return z of spins that begin at −z under exact steps of an Ornstein–Uhlenbeck process."""
    vector = np.tile([[0.0], [0.0], [-1.0]], count)
    field = rng.normal(size=count) * bath.amplitude
    for length, driven, phase in zip(steps.durations, steps.driven, steps.phases, strict=True):
        parts = max(1, math.ceil(length / 20e-9))
        for _ in range(parts):
            short = length / parts
            kept = math.exp(-short / bath.correlation_time)
            moved = kept * field + rng.normal(size=count) * bath.amplitude * math.sqrt(1 - kept**2)
            middle = 0.5 * (field + moved)
            field = moved
            axis = np.stack([
                np.full(count, rabi * math.cos(phase) * driven),
                np.full(count, rabi * math.sin(phase) * driven),
                middle - detuning,
            ])  # fmt: skip
            angle = np.linalg.norm(axis, axis=0)
            axis = axis / np.maximum(angle, 1e-300)
            angle = angle * short
            along = (axis * vector).sum(axis=0)
            vector = (
                vector * np.cos(angle)
                + np.cross(axis, vector, axis=0) * np.sin(angle)
                + axis * along * (1 - np.cos(angle))
            )
    return vector[2]


@pytest.mark.parametrize(
    ("phases", "longer", "detuning", "time"),
    [
        ((), 1.0, 0.6, 1.3e-6),
        (("Y",), 1.15, 0.4, 4e-6),
        (("X", "Y", "X", "Y"), 1.2, -0.5, 8e-6),
        (("Y",) * 6, 0.9, 0.3, 12e-6),
    ],
)
def test_weak_and_wrong_pulses_do_what_trajectories_do(phases, longer, detuning, time):
    rabi, count = 2.5 * MHZ, 20_000
    steps = train(time, phases, pi=math.pi / rabi, longer=longer)
    found = -polarisation(train_map(train=steps, rabi=rabi, detuning=detuning * MHZ, bath=BATH))
    drawn = bloch_trajectories(steps, rabi, detuning * MHZ, BATH, count, np.random.default_rng(5))
    error = drawn.std() / math.sqrt(count)
    assert abs(drawn.mean() - found) < 4 * error
    assert abs(found) > 10 * error, "there is something to compare"


def test_a_train_of_levels_that_relax_is_that_of_a_master_equation():
    qutip = pytest.importorskip("qutip")
    rabi, detuning = 4 * MHZ, 0.7 * MHZ
    rates = 1e4 * np.array([[-1.7, 0.9, 0.3], [1.1, -1.4, 0.8], [0.6, 0.5, -1.1]])
    steps = train(12e-6, ("Y", "X"), pi=math.pi / rabi, longer=1.1)
    found = train_map(train=steps, rabi=rabi, detuning=detuning, relaxation=rates)
    kets = [qutip.basis(3, k) for k in range(3)]
    jumps = [
        math.sqrt(rates[to, origin]) * kets[to] * kets[origin].dag()
        for to in range(3) for origin in range(3) if to != origin
    ]  # fmt: skip
    up = kets[1] * kets[0].dag()
    for level in range(3):
        state = kets[level] * kets[level].dag()
        for length, driven, phase in zip(steps.durations, steps.driven, steps.phases, strict=True):
            # In the frame of the tone; its phase turns the axis in the plane.
            energy = -0.5 * detuning * (kets[1] * kets[1].dag() - kets[0] * kets[0].dag())
            drive = 0.5 * rabi * driven * (np.exp(-1j * phase) * up + np.exp(1j * phase) * up.dag())
            options = {"atol": 1e-12, "rtol": 1e-10, "nsteps": 100_000}
            state = qutip.mesolve(energy + drive, state, [0.0, length], jumps, options=options).states[-1]
        # Relaxation during a pulse is put on both sides of it: an error of the order of length × rate.
        assert_allclose(found[:, level], state.diag().real, rtol=5e-3, atol=0)


def test_one_pulse_on_a_broad_line_is_the_known_exchange():
    rabi, width, detuning, length = 4.6 * MHZ, 4 * MHZ, 1.2 * MHZ, 130e-9
    pulse = PulseTrain(np.array([length]), np.array([True]), np.array([0.3]))
    found = train_map(train=pulse, rabi=rabi, detuning=detuning, line=StaticLine(width=width))
    known = inversion_probability(rabi=rabi, detuning=detuning, duration=length, inhomogeneous_width=width)
    assert_allclose(found[1, 0], known, rtol=1e-5, atol=0)
    assert_allclose(found[0, 1], known, rtol=1e-5, atol=0)


def test_hyperfine_lines_beat_and_a_line_that_stands_still_decays():
    rabi, detuning, time = 300 * MHZ, 1.0 * MHZ, 0.65e-6
    line = StaticLine(width=0.2 * MHZ, splitting=2.16 * MHZ, lines=3)
    found = coherence(time, (), pi=math.pi / rabi, last="-X", opposite="X", rabi=rabi, detuning=detuning,
                      line=line)  # fmt: skip
    fringes = np.cos((detuning + line.hyperfine) * time).mean()
    assert_allclose(found, fringes * free_decay(time=time, width=0.2 * MHZ), rtol=2e-2, atol=0)
    echo = coherence(20e-6, ("Y",), pi=math.pi / rabi, last="-X", opposite="X", rabi=rabi, detuning=0.0,
                     line=line)  # fmt: skip
    assert_allclose(echo, 1.0, rtol=1e-2, atol=0)


XY8 = ("X", "Y", "X", "Y", "Y", "X", "Y", "X")


def test_xy8_keeps_both_components_where_cpmg_keeps_one():
    rabi = 10 * MHZ
    wrong = {"pi": math.pi / rabi, "rabi": rabi, "detuning": 0.0, "longer": 1.08,
             "line": StaticLine(width=0.8 * MHZ)}  # fmt: skip

    def kept(phases, first):
        last = {"X": "-X", "Y": "-Y"}[first]
        return abs(coherence(40e-6, phases, first=first, last=last, opposite=first, **wrong))

    assert kept(("Y",) * 32, "X") > 0.9
    assert kept(("Y",) * 32, "Y") < 0.3
    assert kept(XY8 * 4, "X") > 0.9
    assert kept(XY8 * 4, "Y") > 0.9


def test_relaxation_alone_limits_an_echo():
    rabi, rate, time = 400 * MHZ, 3e3, 200e-6
    rates = rate * (np.ones((3, 3)) - 3 * np.eye(3))
    found = coherence(time, ("Y",), pi=math.pi / rabi, last="-X", opposite="X", rabi=rabi, detuning=0.0,
                      relaxation=rates)  # fmt: skip
    # Either level is left at twice the rate; the populations would relax at three times.
    assert_allclose(found, math.exp(-2 * rate * time), rtol=1e-3, atol=0)


def test_a_map_moves_people_about():
    rates = 1e4 * np.array([[-1.7, 0.9, 0.3], [1.1, -1.4, 0.8], [0.6, 0.5, -1.1]])
    steps = train(9e-6, XY8, pi=50e-9, longer=1.05)
    found = train_map(
        train=steps, rabi=10 * MHZ, detuning=0.3 * MHZ, levels=(0, 2), bath=BATH, relaxation=rates
    )
    assert found.min() > 0
    assert_allclose(found.sum(axis=0), 1.0, rtol=1e-9, atol=0)
    assert found[1, 1] > 0.85, "the level that the microwave does not meet keeps what it has"


def test_few_generators_stand_for_many():
    rates = 1e3 * np.array([[-1.7, 0.9, 0.3], [1.1, -1.4, 0.8], [0.6, 0.5, -1.1]])
    scale = np.geomspace(1e-2, 3e2, 12)
    given = {"train": train(60e-6, XY8, pi=50e-9), "rabi": 10 * MHZ, "detuning": 0.2 * MHZ, "bath": BATH,
             "relaxation": scale[:, None, None] * rates}  # fmt: skip
    found, exact = relaxing_train_map(**given), train_map(**given)
    assert np.abs(found - exact).max() < 3e-3
    assert np.abs(exact[0] - exact[-1]).max() > 0.1, "they differ"


def test_a_bath_forgets_only_what_no_pulse_brings_back():
    assert not BATH.forgets(8e-6)
    assert BATH.forgets(300e-6)
    assert not SpinBath().forgets(1.0)
    left = bath_dephasing(time=BATH.free_time, fractions=[], amplitude=BATH.amplitude,
                          correlation_time=BATH.correlation_time)  # fmt: skip
    assert 8.0 <= left < 10.0


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: PulseTrain(np.array([1.0, 2.0]), np.array([True]), np.array([0.0])), "one shape"),
        (lambda: PulseTrain(np.array([0.0]), np.array([True]), np.array([0.0])), "durations of the train"),
        (lambda: train_map(train=FREE, rabi=1.0, detuning=0, levels=(1, 1)), "levels"),
        (lambda: train_map(train=FREE, rabi=1.0, detuning=0, relaxation=np.eye(2)), "shape"),
        (lambda: relaxing_train_map(train=FREE, rabi=1.0, detuning=0, relaxation=np.eye(3)), "shape"),
        (lambda: SpinBath(amplitude=-1.0), "amplitude of the bath"),
        (lambda: StaticLine(lines=0), "lines"),
    ],
)  # fmt: skip
def test_what_makes_no_train_is_refused(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()

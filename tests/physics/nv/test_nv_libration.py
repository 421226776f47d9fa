from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from scipy.constants import k
from scipy.integrate import quad
from scipy.signal import welch
from scipy.spatial.transform import Rotation

from labspin.errors import ArgumentError
from labspin.physics.nv import (
    LABORATORY_BENCH,
    Ensemble,
    LibrationMode,
    UncoupledRelaxation,
    effective_libration,
    libration_step,
    libration_susceptibility,
    simulate_libration,
    single_pole_response,
    spin_response,
    steady_state,
    stretched_exponential_mixture,
    thermal_angle_spectrum,
    thermal_torque_density,
)

GAUSS, KHZ = 1e-4, 2e3 * np.pi
BENCH = LABORATORY_BENCH
MODE = LibrationMode(spins=(1e8, 2e8, 3e8, 4e8), axis=(0.3, 1.0, -0.2))
NUMBERS = np.asarray(MODE.spins)


def turned(angle: float) -> Rotation:
    """The crystal turned by ``angle`` about the libration axis."""
    return BENCH.orientation * Rotation.from_rotvec(-angle * MODE.unit_axis)


def torque(field: np.ndarray, angle: float, ensemble: Ensemble) -> np.ndarray:
    state = steady_state(field=field, pump=3 * KHZ, orientation=turned(angle), ensemble=ensemble)
    return (state.class_torque * NUMBERS[:, None]).sum(-2) @ MODE.unit_axis


@pytest.mark.parametrize(
    "ensemble", [Ensemble(), Ensemble(decay=stretched_exponential_mixture(beta=0.8, terms=5))]
)
def test_torque_and_static_stiffness_are_those_of_the_steady_state(ensemble: Ensemble) -> None:
    field = BENCH.bench.field(np.linspace(10, 25, 7) * GAUSS)
    found = spin_response(
        mode=MODE,
        field=field,
        pump=3 * KHZ,
        angular_frequency=1e-3,
        orientation=BENCH.orientation,
        ensemble=ensemble,
    )
    assert np.allclose(found.torque, torque(field, 0.0, ensemble), rtol=1e-6, atol=0)
    step = 2e-5
    slope = (torque(field, step, ensemble) - torque(field, -step, ensemble)) / (2 * step)
    assert np.allclose(found.static, slope, rtol=2e-5, atol=1e-5 * np.abs(slope).max())
    assert np.allclose(found.response[:, 0], found.static, rtol=1e-6, atol=0)


def test_fast_libration_feels_the_prompt_stiffness_only() -> None:
    found = spin_response(
        mode=MODE,
        field=BENCH.bench.field(15 * GAUSS),
        pump=3 * KHZ,
        angular_frequency=[1e12],
        orientation=BENCH.orientation,
    )
    assert found.response[0].real == pytest.approx(float(found.prompt), rel=1e-6, abs=0)
    assert abs(found.response[0].imag) < 1e-3 * abs(found.static)


def test_response_is_close_to_a_single_pole_at_libration_frequencies() -> None:
    """The slow part follows optical repolarisation; its corner lies near the slowest rate of the model."""
    omega = np.geomspace(10, 1e6, 60)
    found = spin_response(
        mode=MODE,
        field=BENCH.bench.field(15 * GAUSS),
        pump=3 * KHZ,
        angular_frequency=omega,
        orientation=BENCH.orientation,
        ensemble=Ensemble(temperature=np.inf),
    )
    slow = (found.response - found.prompt) / (found.static - found.prompt)
    corner = omega[np.argmax(-slow.imag)]
    model = single_pole_response(prompt=0.0, slow=1.0, response_time=1 / corner, angular_frequency=omega)
    assert np.abs(slow - model).max() < 0.1
    assert 1e3 < corner < 1e5


def test_sides_of_a_cross_relaxation_feature_cool_and_drive() -> None:
    strength = np.linspace(12, 22, 41) * GAUSS
    found = spin_response(
        mode=LibrationMode(),
        field=BENCH.bench.field(strength),
        pump=3 * KHZ,
        angular_frequency=KHZ,
        orientation=BENCH.orientation,
    )
    effective = effective_libration(mode=LibrationMode(damping_rate=0.5), response=found.response[:, 0])
    assert effective.spin_damping.min() < -0.5 < 0.5 < effective.spin_damping.max()
    assert effective.lasing.any()
    cold = effective.temperature(bath_temperature=300.0)
    assert cold.min() < 200.0
    assert np.isinf(cold[effective.lasing]).all()
    # Damping and static spring shift have opposite curvature but one sign: k1 > 0 softens and damps.
    slow = (found.static - found.prompt)[[0, 8, 32, 40]]
    assert (np.sign(slow) == np.sign(effective.spin_damping[[0, 8, 32, 40]])).all()


def test_damping_against_optical_power_has_its_maximum_where_repolarisation_matches_the_trap() -> None:
    pump = np.geomspace(0.05, 300, 60) * KHZ
    field = np.broadcast_to(BENCH.bench.field(15 * GAUSS), (60, 3))
    found = spin_response(
        mode=LibrationMode(),
        field=field,
        pump=pump,
        angular_frequency=[KHZ, 0.01 * KHZ],
        orientation=BENCH.orientation,
    )
    mode = LibrationMode()
    damping = effective_libration(mode=mode, response=found.response[:, 0]).spin_damping
    # The delay T of the slow part at a hundredth of the trap's frequency gives the damping at the trap's.
    slow = found.static - found.prompt
    delay = -found.response[:, 1].imag / (0.01 * KHZ * slow)
    omega = mode.angular_frequency
    single = slow * delay / (mode.moment_of_inertia * (1 + (omega * delay) ** 2))
    np.testing.assert_allclose(damping, single, rtol=0.2, atol=0.02 * np.abs(single).max())
    best = int(np.argmax(np.abs(damping)))
    assert 0.5 < omega * delay[best] < 2.0
    assert abs(damping[-1]) < 0.3 * np.abs(damping).max()


def test_single_pole_limits_are_known() -> None:
    mode, slow, time = LibrationMode(), 3e-17, 4e-5
    omega = mode.angular_frequency
    chi = single_pole_response(prompt=1e-18, slow=slow, response_time=time, angular_frequency=omega)
    found = effective_libration(mode=mode, response=chi)
    expected = slow * time / (mode.moment_of_inertia * (1 + (omega * time) ** 2))
    assert found.spin_damping == pytest.approx(expected, rel=1e-12, abs=0)
    shift = -(1e-18 + slow / (1 + (omega * time) ** 2)) / (2 * mode.moment_of_inertia * omega)
    assert found.frequency_shift == pytest.approx(shift, rel=1e-2, abs=0)
    # The damping is that of the exact characteristic polynomial of (θ, θ', s), to first order.
    matrix = np.array(
        [
            [0, 1, 0],
            [
                -(omega**2) + 1e-18 / mode.moment_of_inertia,
                -mode.damping_rate,
                1 / mode.moment_of_inertia,
            ],
            [slow / time, 0, -1 / time],
        ]
    )
    pole = next(p for p in np.linalg.eigvals(matrix) if p.imag > 0)
    assert -2 * pole.real == pytest.approx(float(found.damping_rate), rel=2e-2, abs=0)
    assert pole.imag == pytest.approx(float(found.angular_frequency), rel=1e-3, abs=0)


def test_equipartition_and_spectrum() -> None:
    mode = LibrationMode(damping_rate=300.0)
    variance = quad(
        lambda f: float(thermal_angle_spectrum(mode=mode, temperature=300.0, frequency=f)),
        0,
        1e5,
        points=[990, 1000, 1010],
        limit=500,
        epsabs=0,
    )[0]
    assert variance == pytest.approx(k * 300.0 / mode.stiffness, rel=1e-6, abs=0)
    assert thermal_torque_density(mode=mode, temperature=300.0) == pytest.approx(
        4 * k * 300 * mode.moment_of_inertia * 300.0, rel=1e-6, abs=0
    )
    at_rest = libration_susceptibility(mode=mode, angular_frequency=0.0)
    assert at_rest == pytest.approx(1 / mode.stiffness, rel=1e-6, abs=0)


@pytest.mark.parametrize("gamma", [0.0, 50.0, 2 * KHZ, 2 * KHZ * (1 + 1e-9), 9 * KHZ])
@pytest.mark.parametrize("duration", [1e-6, 3.3e-4, 0.7])
def test_step_is_exact_and_keeps_equilibrium(gamma: float, duration: float) -> None:
    from scipy.linalg import expm

    mode = LibrationMode(damping_rate=gamma)
    step = libration_step(mode=mode, temperature=300.0, duration=duration)
    omega = mode.angular_frequency
    matrix = np.array([[0, 1], [-(omega**2), -gamma]])
    scale = np.array([1 / omega, 1.0])
    found = step.propagator * scale[None] / scale[:, None]
    assert np.allclose(found, expm(matrix * duration) * scale[None] / scale[:, None], atol=1e-9)
    equilibrium = k * 300 / mode.moment_of_inertia * np.diag([1 / omega**2, 1.0])
    after = step.propagator @ equilibrium @ step.propagator.T + step.noise @ step.noise.T
    assert np.allclose(after, equilibrium, rtol=1e-9, atol=1e-12 * np.abs(equilibrium).max())


@pytest.mark.parametrize("gamma", [1e-9, 50.0, 1.999 * KHZ, 2 * KHZ, 2 * KHZ * (1 + 1e-9), 9 * KHZ, 1e7])
@pytest.mark.parametrize("duration", [1e-12, 1e-8, 1e-5, 2.3e-3])
def test_noise_of_a_step_is_right_however_short_it_is(gamma: float, duration: float) -> None:
    """Against 1 − P Pᵀ in 60 digits: of a step of 1e-12 s a difference of doubles keeps nothing."""
    mode = LibrationMode(damping_rate=gamma)
    step = libration_step(mode=mode, temperature=300.0, duration=duration)
    found = step.noise @ step.noise.T * mode.moment_of_inertia / (k * 300.0)
    omega = mode.angular_frequency
    with mp.workdps(60):
        w = mp.mpf(omega)
        p = mp.expm(mp.matrix([[0, 1], [-(w**2), -mp.mpf(gamma)]]) * mp.mpf(duration))
        p = mp.matrix([[p[0, 0], p[0, 1] * w], [p[1, 0] / w, p[1, 1]]])
        exact = mp.eye(2) - p * p.T
        exact = np.array([[float(exact[i, j]) for j in range(2)] for i in range(2)])
    scale = np.array([omega, 1.0])
    found = found * scale[:, None] * scale
    for i, j in ((0, 0), (0, 1), (1, 1)):
        assert abs(found[i, j] - exact[i, j]) < 1e-11 * np.sqrt(exact[i, i] * exact[j, j])


def test_noise_of_a_very_short_step_is_that_of_a_kick() -> None:
    # ⟨v²⟩ = 2Γ k_BT/I t, ⟨θ²⟩ = 2Γ k_BT/I t³/3, and θ, v correlate by √3/2: Brownian motion, by hand.
    mode, short = LibrationMode(damping_rate=50.0), 1e-10
    step = libration_step(mode=mode, temperature=300.0, duration=short)
    covariance = step.noise @ step.noise.T
    kick = 2 * 50.0 * k * 300.0 / mode.moment_of_inertia
    assert covariance[1, 1] == pytest.approx(kick * short, rel=1e-6, abs=0)
    assert covariance[0, 0] == pytest.approx(kick * short**3 / 3, rel=1e-6, abs=0)
    correlation = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    assert correlation == pytest.approx(np.sqrt(3) / 2, rel=1e-6, abs=0)


def test_free_run_has_the_thermal_spectrum_at_any_step() -> None:
    mode = LibrationMode(damping_rate=400.0)
    trace = simulate_libration(
        mode=mode,
        temperature=300.0,
        duration=40.0,
        steps=400_000,
        rng=np.random.default_rng(1),
        trajectories=2,
    )
    variance = k * 300.0 / mode.stiffness
    # Correlation time 1/Γ: 40 s · Γ/2 · 2 trajectories independent squares.
    assert trace.angle.var() == pytest.approx(variance, rel=4 / np.sqrt(16_000), abs=0)
    frequency, density = welch(trace.angle, fs=1e4, nperseg=4096, axis=0)
    near = (frequency > 800) & (frequency < 1200)
    expected = thermal_angle_spectrum(mode=mode, temperature=300.0, frequency=frequency[near])
    assert density[near].mean() == pytest.approx(expected.mean(), rel=0.05, abs=0)


def test_stepwise_and_filtered_runs_agree() -> None:
    mode = LibrationMode()
    free = simulate_libration(
        mode=mode,
        temperature=300.0,
        duration=0.01,
        steps=200,
        rng=np.random.default_rng(4),
        start=(1e-3, 0.0),
    )
    step = libration_step(mode=mode, temperature=300.0, duration=0.01 / 200)
    deviates = np.random.default_rng(4).standard_normal((2, 200, 1))
    state = np.array([[1e-3], [0.0]])
    for n in range(200):
        state = step.advance(state=state, rest_angle=0.0, deviates=deviates[:, n])
    assert np.allclose([free.angle[-1], free.velocity[-1]], state, rtol=1e-9, atol=0)


@pytest.mark.parametrize("slow", [4e-17, -4e-17])
def test_delayed_torque_damps_or_drives_at_the_predicted_rate(slow: float) -> None:
    mode, time = LibrationMode(damping_rate=20.0), 1.6e-4
    chi = single_pole_response(
        prompt=0.0, slow=slow, response_time=time, angular_frequency=mode.angular_frequency
    )
    effective = effective_libration(mode=mode, response=chi)
    trace = simulate_libration(
        mode=mode,
        temperature=0.0,
        duration=0.05,
        steps=10_000,
        rng=np.random.default_rng(0),
        torque=lambda angle: slow * angle,
        response_time=time,
        start=(1e-4, 0.0),
    )
    energy = (trace.angle[:, 0] * mode.angular_frequency) ** 2 + trace.velocity[:, 0] ** 2
    fit = np.polyfit(trace.time[2000:], np.log(energy[2000:]), 1)[0]
    assert -fit == pytest.approx(float(effective.damping_rate), rel=0.03, abs=0)
    assert (fit > 0) == (effective.damping_rate < 0)


def test_splitting_is_of_second_order() -> None:
    mode = LibrationMode(damping_rate=20.0)

    def end(steps: int) -> float:
        trace = simulate_libration(
            mode=mode,
            temperature=0.0,
            duration=2e-3,
            steps=steps,
            rng=np.random.default_rng(0),
            torque=lambda angle: 2e-16 * np.sin(300 * angle),
            prompt_torque=lambda angle: 1e-15 * angle,
            response_time=1e-4,
            start=(1e-3, 0.0),
        )
        return float(trace.angle[-1, 0])

    exact = end(25_600)
    coarse, fine = abs(end(800) - exact), abs(end(1600) - exact)
    assert coarse / fine == pytest.approx(4.0, rel=0.1, abs=0)


def test_constant_torque_deflects_by_torque_over_stiffness() -> None:
    mode = LibrationMode(damping_rate=2e3)
    trace = simulate_libration(
        mode=mode,
        temperature=0.0,
        duration=0.1,
        steps=300,
        rng=np.random.default_rng(0),
        torque=lambda angle: np.full_like(angle, 1e-18),
        start=(0.0, 0.0),
    )
    assert trace.angle[-1, 0] == pytest.approx(1e-18 / mode.stiffness, rel=1e-9, abs=0)


def test_bad_input_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ArgumentError, match="axis"):
        LibrationMode(axis=(0, 0, 0))
    with pytest.raises(ArgumentError, match="moment_of_inertia"):
        LibrationMode(moment_of_inertia=-1.0)
    with pytest.raises(ArgumentError, match="spins"):
        LibrationMode(spins=(1.0, 1.0))  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="overcome the trap"):
        effective_libration(mode=LibrationMode(), response=1.0)
    with pytest.raises(ArgumentError, match="steps"):
        simulate_libration(mode=LibrationMode(), temperature=1.0, duration=1.0, steps=0, rng=rng)
    with pytest.raises(ArgumentError, match="response_time"):
        simulate_libration(
            mode=LibrationMode(), temperature=1.0, duration=1.0, steps=1, rng=rng, response_time=-1.0
        )
    with pytest.raises(ArgumentError, match="field"):
        spin_response(mode=LibrationMode(), field=[np.nan, 0, 0], pump=1.0, angular_frequency=1.0)
    with pytest.raises(ArgumentError, match="orientation"):
        spin_response(
            mode=LibrationMode(),
            field=[0, 0, 0.01],
            pump=1.0,
            angular_frequency=1.0,
            orientation=np.eye(3)[None],
        )


def test_uncoupled_classes_still_respond() -> None:
    """Without cross-relaxation and far from it, the response is the same; at a resonance it is not."""
    common = {
        "mode": LibrationMode(), "pump": 3 * KHZ, "angular_frequency": 1e-3, "orientation": BENCH.orientation
    }  # fmt: skip
    alone = Ensemble(relaxation=UncoupledRelaxation())
    far, near = BENCH.bench.field(35 * GAUSS), BENCH.bench.field(16.5 * GAUSS)
    plain = [spin_response(**common, field=at, ensemble=alone) for at in (far, near)]
    coupled = [spin_response(**common, field=at) for at in (far, near)]
    assert coupled[0].static == pytest.approx(float(plain[0].static), rel=1e-2, abs=0)
    assert abs(coupled[1].static / plain[1].static - 1) > 0.5
    step = 2e-5
    numbers = np.asarray(LibrationMode().spins)

    def torque_at(angle: float) -> float:
        mode = LibrationMode()
        turn = BENCH.orientation * Rotation.from_rotvec(-angle * mode.unit_axis)
        state = steady_state(field=near, pump=3 * KHZ, orientation=turn, ensemble=alone)
        return float((state.class_torque * numbers[:, None]).sum(-2) @ mode.unit_axis)

    slope = (torque_at(step) - torque_at(-step)) / (2 * step)
    assert float(plain[1].static) == pytest.approx(slope, rel=1e-4, abs=0)


def test_cold_damping_shares_the_heat_of_the_gas_with_what_the_spins_take_away() -> None:
    # T_eff = T Γ/(Γ + Γ_s): a gas of 20/s and spins of 60/s leave a quarter of 300 K (Mancini 1998).
    mode = LibrationMode(damping_rate=20.0)
    chi = -1j * 60.0 * mode.moment_of_inertia * mode.angular_frequency
    effective = effective_libration(mode=mode, response=chi)
    assert float(effective.temperature(bath_temperature=300.0)) == pytest.approx(75.0, rel=1e-9, abs=0)
    # The same by equipartition: the variance is the integral of the spectrum of the damped librator.
    variance = quad(
        lambda f: float(
            thermal_angle_spectrum(mode=mode, temperature=300.0, frequency=f, response=f * chi / 1e3)
        ),
        0,
        1e5,
        points=[950, 1000, 1050],
        limit=500,
        epsabs=0,
    )[0]
    assert variance * mode.stiffness / k == pytest.approx(75.0, rel=1e-6, abs=0)

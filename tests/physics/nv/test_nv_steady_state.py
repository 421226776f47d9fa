from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.constants import hbar, k
from scipy.spatial.transform import Rotation

from labspin.errors import ArgumentError
from labspin.physics.nv import (
    CR_SUPPLEMENT,
    DIRECT_PUMPING,
    NV_AXES,
    NV_CENTRE,
    DipolarRelaxation,
    Ensemble,
    Microwave,
    OpticalRates,
    UncoupledRelaxation,
    levels,
    rate_model_at,
    steady_state,
    stretched_exponential_mixture,
    transition_driving,
)
from tests.physics.nv import reference as reference
from tests.some import some

KHZ = 2e3 * np.pi
seeds = st.integers(0, 2**32 - 1)


def random_problem(seed: int) -> tuple[np.ndarray, float, Rotation]:
    rng = np.random.default_rng(seed)
    field = rng.normal(size=3) * 10 ** rng.uniform(-3, -0.5)
    return field, 10 ** rng.uniform(2, 8), Rotation.random(rng=rng)


def expected_cross_rate(lines: np.ndarray, model: DipolarRelaxation) -> np.ndarray:
    rate = np.zeros(4)
    for i in range(4):
        for j in range(4):
            if i != j:
                rate[i] += np.exp(-0.5 * ((lines[i] - lines[j]) / model.width) ** 2) / model.dipolar_time
    return rate


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_agrees_with_the_seven_level_model_written_out(seed: int) -> None:
    field, pump, orientation = random_problem(seed)
    ensemble = Ensemble(temperature=4.0)
    result = steady_state(field=field, pump=pump, orientation=orientation, ensemble=ensemble)
    lines = result.transition_frequencies[:, 0]
    cross = expected_cross_rate(lines, CR_SUPPLEMENT)
    inside = orientation.apply(field)
    torque = np.zeros(3)
    for c, axis in enumerate(reference.AXES):
        frame = reference.frame(axis)
        flow, ground, excited = reference.rates(frame @ inside, pump, 1 / 1.03e-3, cross[c], 4.0)
        p = reference.steady(flow)
        found = np.concatenate(
            [
                result.ground_populations[c],
                np.sort(result.excited_populations[c]),
                [result.singlet_population[c]],
            ]
        )
        assert np.abs(found[:3] - p[:3]).max() < 1e-9
        assert np.abs(found[3:6] - np.sort(p[3:6])).max() < 1e-9
        assert abs(found[6] - p[6]) < 1e-9
        assert result.photoluminescence[c] == pytest.approx(
            flow[3:6, :3].sum(axis=1) @ p[3:6], rel=1e-8, abs=0
        )
        vectors = [ground[:, i] for i in range(3)] + [excited[:, i] for i in range(3)]
        spin = np.array(
            [
                sum(n * (v.conj() @ s @ v).real for n, v in zip(p, vectors, strict=False))
                for s in (reference.SX, reference.SY, reference.SZ)
            ]
        )
        assert np.abs(result.spin[c] - orientation.inv().apply(frame.T @ spin)).max() < 1e-9
        torque += -hbar * reference.GAMMA * np.cross(result.spin[c], field)
    assert np.allclose(result.class_torque.sum(axis=-2), torque, rtol=1e-9, atol=1e-6 * np.abs(torque).max())


def test_agrees_with_qutip() -> None:
    qutip = pytest.importorskip("qutip")
    for seed in range(8):
        field, pump, orientation = random_problem(seed)
        microwave = Microwave(amplitude=2e-4, direction=(1.0, 2.0, -1.0))
        lines = levels(field=field, orientation=orientation).transition_frequencies
        tone = lines[seed % 4, seed % 2] + 3e7
        ensemble = Ensemble(relaxation=UncoupledRelaxation(isolated_time=1e-3))
        result = steady_state(
            field=field,
            pump=pump,
            orientation=orientation,
            ensemble=ensemble,
            microwave=microwave,
            microwave_frequency=tone,
        )
        driven = transition_driving(
            field=field, frequency=tone, microwave=microwave, orientation=orientation, ensemble=ensemble
        )
        for c, axis in enumerate(reference.AXES):
            driving = np.zeros((3, 3))
            for number, (i, j) in enumerate(((0, 1), (0, 2), (1, 2))):
                driving[i, j] = driving[j, i] = driven[number, c]
            local = reference.frame(axis) @ orientation.apply(field)
            flow, _, _ = reference.rates(local, pump, 1e3, 0.0, 300.0, driving)
            jumps = [
                np.sqrt(flow[i, j]) * qutip.basis(7, j) @ qutip.basis(7, i).dag()
                for i in range(7)
                for j in range(7)
                if i != j and flow[i, j] > 0
            ]
            energies, _ = reference.triplet(reference.GROUND, local)
            h = qutip.Qobj(np.diag([*energies, 0, 0, 0, 0]) / 1e10)
            liouvillian = qutip.liouvillian(h, [j / np.sqrt(1e7) for j in jumps])
            rho = qutip.steadystate(liouvillian, method="svd").diag().real
            assert np.abs(rho[:3] - result.ground_populations[c]).max() < 1e-9
            assert abs(rho[6] - result.singlet_population[c]) < 1e-9


@settings(max_examples=50, deadline=None)
@given(seed=seeds)
def test_populations_are_a_distribution_and_solve_the_full_generator(seed: int) -> None:
    field, pump, orientation = random_problem(seed)
    ensemble = Ensemble()
    model = rate_model_at(field=field, orientation=orientation, ensemble=ensemble)
    populations = model.populations(pump=np.full(4, pump))
    p = np.concatenate([populations.ground, populations.excited, populations.singlet[None]])
    assert np.allclose(p.sum(axis=0), 1.0, rtol=1e-12, atol=0)
    assert (p > 0).all()
    generator = model.generator(pump=np.full(4, pump))
    assert np.abs(generator.sum(axis=-2)).max() < 1e-8 * np.abs(generator).max()
    flow = (np.abs(generator) @ p.T[..., None])[..., 0]
    assert (np.abs(generator @ p.T[..., None])[..., 0] < 1e-10 * flow).all()


@settings(max_examples=40, deadline=None)
@given(seed=seeds, other=seeds)
def test_turning_bench_and_crystal_together_turns_the_torque(seed: int, other: int) -> None:
    field, pump, orientation = random_problem(seed)
    turn = Rotation.random(rng=np.random.default_rng(other))
    before = steady_state(field=field, pump=pump, orientation=orientation)
    after = steady_state(field=turn.apply(field), pump=pump, orientation=orientation * turn.inv())
    assert np.allclose(after.ground_populations, before.ground_populations, atol=1e-9)
    scale = np.abs(before.class_torque).max()
    assert np.allclose(after.class_torque, turn.apply(before.class_torque), atol=1e-8 * scale)


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_cubic_symmetry_permutes_classes_and_inversion_of_the_field_changes_nothing(seed: int) -> None:
    field, pump, _ = random_problem(seed)
    state = steady_state(field=field, pump=pump)
    reversed_state = steady_state(field=-field, pump=pump)
    assert np.allclose(reversed_state.ground_populations, state.ground_populations, atol=1e-9)
    assert np.allclose(
        reversed_state.class_torque.sum(axis=-2),
        state.class_torque.sum(axis=-2),
        atol=1e-8 * np.abs(state.class_torque).max(),
    )
    for turn in some(Rotation.create_group("O")):
        turned = steady_state(field=turn.apply(field), pump=pump)
        light, expected = np.sort(turned.photoluminescence), np.sort(state.photoluminescence)
        assert np.allclose(light, expected, rtol=1e-8, atol=0)


def test_batches_and_blocks_equal_single_calls() -> None:
    rng = np.random.default_rng(5)
    field = rng.normal(size=(37, 1, 3)) * 0.01
    pump = 10 ** rng.uniform(3, 6, size=60)
    orientation = Rotation.random(60, rng=rng)
    batch = steady_state(field=field, pump=pump, orientation=orientation)
    assert batch.torque.shape == (37, 60, 3)
    for i, j in ((0, 0), (36, 59), (17, 31)):
        single = steady_state(field=field[i, 0], pump=pump[j], orientation=orientation[j])
        for name in ("transition_frequencies", "relaxation_rate", "ground_populations", "photoluminescence"):
            assert np.allclose(getattr(batch, name)[i, j], getattr(single, name), rtol=1e-12, atol=0)
        assert np.allclose(batch.class_torque[i, j], single.class_torque, rtol=1e-10, atol=1e-40)
        assert np.allclose(batch.spin[i, j], single.spin, rtol=1e-10, atol=1e-14)


def test_without_light_the_populations_are_thermal_and_rates_balance_in_detail() -> None:
    field = np.array([0.003, -0.02, 0.007])
    for temperature in (0.05, 1.0, 300.0):
        ensemble = Ensemble(temperature=temperature, relaxation=UncoupledRelaxation())
        state = steady_state(field=field, pump=0.0, ensemble=ensemble)
        energies = levels(field=field).energies
        boltzmann = np.exp(-hbar * (energies - energies.min(-1, keepdims=True)) / (k * temperature))
        boltzmann /= boltzmann.sum(-1, keepdims=True)
        assert np.allclose(state.ground_populations, boltzmann, rtol=1e-10, atol=0)
        assert np.all(state.photoluminescence == 0)
        flow = rate_model_at(field=field, ensemble=ensemble).ground_rates()
        current = boltzmann.T[:, None] * flow
        assert np.allclose(current, np.swapaxes(current, 0, 1), rtol=1e-10, atol=0)


def test_twenty_millitesla_on_the_axis() -> None:
    """[SW] Fig. 9: ρ00 ≈ 0.785 at Ω = 2π·10 kHz, near the maximum; slowest relaxation ≈ 41 µs."""
    ensemble = Ensemble(relaxation=UncoupledRelaxation(isolated_time=3e-3))
    field = 0.02 * NV_AXES[0]
    pump = np.geomspace(0.1, 1e4, 400) * KHZ
    zero = steady_state(field=field, pump=pump, ensemble=ensemble).ground_populations[:, 0, 0]
    at_ten = steady_state(field=field, pump=10 * KHZ, ensemble=ensemble)
    assert at_ten.ground_populations[0, 0] == pytest.approx(0.785, abs=5e-4)
    assert zero.max() - at_ten.ground_populations[0, 0] < 1e-3
    assert 5 * KHZ < pump[np.argmax(zero)] < 30 * KHZ
    generator = rate_model_at(field=field, ensemble=ensemble).generator(pump=np.full(4, 10 * KHZ))[0]
    slowest = np.sort(-np.linalg.eigvals(generator).real)[1]
    assert 1 / slowest == pytest.approx(41e-6, abs=0.6e-6)


def test_strong_driving_equalises_two_populations_and_dims_the_light() -> None:
    field = np.array([0.004, 0.003, 0.01])
    tone = levels(field=field).transition_frequencies[2, 0]
    quiet = steady_state(field=field, pump=5 * KHZ)
    loud = steady_state(
        field=field, pump=5 * KHZ, microwave=Microwave(amplitude=3e-3), microwave_frequency=tone
    )
    p = loud.ground_populations[2]
    assert p[0] == pytest.approx(p[1], rel=1e-3, abs=0)
    assert loud.photoluminescence[2] < 0.95 * quiet.photoluminescence[2]
    saturated = quiet.ground_populations[2]
    assert saturated[0] > saturated[1]


def test_light_falls_when_the_field_leaves_the_axis() -> None:
    angle = np.linspace(0, np.pi / 2, 50)
    side = np.array([1.0, -1.0, 0.0]) / np.sqrt(2)
    field = 0.02 * (np.cos(angle)[:, None] * NV_AXES[0] + np.sin(angle)[:, None] * side)
    light = steady_state(
        field=field, pump=10 * KHZ, ensemble=Ensemble(relaxation=UncoupledRelaxation())
    ).photoluminescence[:, 0]
    assert light[0] == light.max()
    assert light[-1] < 0.9 * light[0]


def test_stretched_ensemble_averages_over_its_rates() -> None:
    field, pump = np.array([0.002, 0.001, 0.01]), 5 * KHZ
    mixture = stretched_exponential_mixture(beta=0.8, terms=6)
    whole = steady_state(field=field, pump=pump, ensemble=Ensemble(decay=mixture))
    parts = 0.0
    for rate, weight in zip(mixture.rates, mixture.weights, strict=True):
        relaxation = DipolarRelaxation(isolated_time=1.03e-3 / rate, dipolar_time=0.38e-3 / rate)
        parts += (
            weight * steady_state(field=field, pump=pump, ensemble=Ensemble(relaxation=relaxation)).torque
        )
    assert np.allclose(whole.torque, parts, rtol=1e-9, atol=0)


def test_three_level_pumping() -> None:
    field = 0.01 * NV_AXES[0]
    ensemble = Ensemble(
        rates=DIRECT_PUMPING,
        temperature=np.inf,
        relaxation=UncoupledRelaxation(isolated_time=1e-3),
        collection=(1.0, 2.0, 0.0, 1.0),
    )
    pump = 4e3
    state = steady_state(field=field, pump=pump, ensemble=ensemble)
    expected = (pump + 1e3 / 3) / (pump + 1e3)  # dp0/dt = Ω (1 − p0) − (p0 − 1/3)/T1
    assert state.ground_populations[0, 0] == pytest.approx(expected, rel=1e-10, abs=0)
    assert state.photoluminescence[0] == pytest.approx(pump * expected, rel=1e-10, abs=0)
    assert state.photoluminescence[2] == 0


def test_collection_and_relative_pump_belong_to_classes() -> None:
    field = np.array([0.001, 0.002, 0.01])
    state = steady_state(
        field=field, pump=1e4, ensemble=Ensemble(collection=(1, 0, 2, 1), relative_pump=(1, 1, 1, 0.5))
    )
    plain, slow = steady_state(field=field, pump=1e4), steady_state(field=field, pump=0.5e4)
    assert np.allclose(state.photoluminescence[:3], plain.photoluminescence[:3] * [1, 0, 2], atol=0)
    assert state.photoluminescence[3] == pytest.approx(slow.photoluminescence[3], rel=1e-6, abs=0)
    assert state.total_photoluminescence == pytest.approx(state.photoluminescence.sum(), rel=1e-6, abs=0)


def test_torque_is_the_moment_times_the_field() -> None:
    field = np.array([0.004, 0.002, 0.01])
    state = steady_state(field=field, pump=1e4)
    expected = np.cross(state.magnetic_moment(NV_CENTRE.gyromagnetic_ratio), field)
    assert np.allclose(state.class_torque, expected, rtol=1e-12, atol=1e-45)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"field": [0, 0], "pump": 1.0}, "field"),
        ({"field": [0, 0, np.nan], "pump": 1.0}, "field.*nan"),
        ({"field": [0, 0, 1e-2], "pump": -1.0}, "pump.*-1"),
        ({"field": np.zeros((3, 3)), "pump": np.ones(4)}, "field.*pump"),
        ({"field": [0, 0, 1e-2], "pump": 1.0, "orientation": 2 * np.eye(3)}, "orientation"),
        ({"field": [0, 0, 1e-2], "pump": 1.0, "microwave": Microwave()}, "microwave_frequency"),
        ({"field": [0, 0, 1e-2], "pump": 1.0, "microwave_frequency": 1.0}, "microwave_frequency"),
    ],
)
def test_bad_input_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        steady_state(**arguments)  # type: ignore[arg-type]


def test_bad_records_are_refused() -> None:
    with pytest.raises(ArgumentError, match="crossing_one"):
        OpticalRates(crossing_one=-1.0)
    with pytest.raises(ArgumentError, match="spin_conserving"):
        OpticalRates(spin_conserving=0.0)
    with pytest.raises(ArgumentError, match="singlet"):
        OpticalRates(singlet_one=0.0, singlet_zero=0.0)
    with pytest.raises(ArgumentError, match="temperature"):
        Ensemble(temperature=0.0)
    with pytest.raises(ArgumentError, match="collection"):
        Ensemble(collection=(1.0, 1.0))  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="direction"):
        Microwave(direction=(0, 0, 0))
    with pytest.raises(ArgumentError, match="dephasing_rate"):
        Microwave(dephasing_rate=0.0, inhomogeneous_width=0.0)
    with pytest.raises(ArgumentError, match="pump: wanted some"):
        steady_state(
            field=[0, 0, 0.01],
            pump=0.0,
            ensemble=Ensemble(relaxation=UncoupledRelaxation(isolated_time=np.inf)),
        )

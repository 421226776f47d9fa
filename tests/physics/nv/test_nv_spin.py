from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.spatial.transform import Rotation

from labspin.errors import ArgumentError
from labspin.physics.nv import (
    CLASS_FRAMES,
    NV_AXES,
    NV_CENTRE,
    NVCentre,
    class_fields,
    hamiltonian,
    levels,
    transition_frequencies,
)

D, GAMMA = NV_CENTRE.zero_field_splitting, NV_CENTRE.gyromagnetic_ratio
MHZ = 2e6 * np.pi
components = st.floats(-1.0, 1.0)
fields = st.tuples(components, components, components, st.floats(-5.0, 0.5)).map(
    lambda t: np.array(t[:3]) * 10 ** t[3]
)
rotations = st.integers(0, 2**32 - 1).map(lambda seed: Rotation.random(rng=np.random.default_rng(seed)))
strains = st.sampled_from([0.0, 3 * MHZ, -8 * MHZ, 300 * MHZ])


@settings(max_examples=150, deadline=None)
@given(field=fields, orientation=rotations, strain=strains)
def test_levels_agree_with_numpy_eigh(field: np.ndarray, orientation: Rotation, strain: float) -> None:
    centre = NVCentre(strain=strain)
    result = levels(field=field, orientation=orientation, centre=centre)
    matrix = hamiltonian(field=field, orientation=orientation, centre=centre)
    scale = np.abs(matrix).max()
    energies, vectors = np.linalg.eigh(matrix)
    assert np.allclose(np.sort(result.energies, axis=-1), energies, rtol=0, atol=1e-14 * scale)
    # Eigenvectors are only determined to rounding error over the gap.
    gap = np.diff(energies, axis=-1).min(axis=-1)
    order = np.argsort(result.energies, axis=-1)
    weights = np.take_along_axis(result.weights, order[..., None], axis=-2)
    expected = np.swapaxes(np.abs(vectors) ** 2, -1, -2)
    for c in range(4):
        if gap[c] > 1e-9 * scale:  # may be none: at a crossing a vector is any of a plane
            assert np.abs(weights[c] - expected[c]).max() < 3e-15 * scale / gap[c] + 1e-13


@settings(max_examples=100, deadline=None)
@given(field=fields, orientation=rotations, strain=strains)
def test_sum_rules_and_labels(field: np.ndarray, orientation: Rotation, strain: float) -> None:
    centre = NVCentre(strain=strain)
    result = levels(field=field, orientation=orientation, centre=centre)
    larmor = GAMMA * class_fields(field=field, orientation=orientation)
    scale = D + np.abs(larmor).max()
    assert np.allclose(result.energies.sum(-1), 2 * D, rtol=0, atol=1e-13 * scale)
    squares = 2 * D**2 + 2 * strain**2 + 2 * (larmor**2).sum(-1)
    assert np.allclose((result.energies**2).sum(-1), squares, rtol=1e-12, atol=0)
    assert np.allclose(result.weights.sum(-1), 1.0, atol=1e-12)
    assert np.allclose(result.weights.sum(-2), 1.0, atol=1e-12)
    assert np.abs(result.spin.sum(-2)).max() < 1e-12
    assert (result.weights[..., 0, 1] >= result.weights[..., 1:, 1].max(-1) - 1e-12).all()
    assert (result.energies[..., 2] >= result.energies[..., 1]).all()
    # Σ_ij |<i|S_k|j>|² = Tr S_k² = 2, of which the diagonal is the <S>².
    total = 2 * (np.abs(result.transition_spin) ** 2).sum(-2) + (result.spin**2).sum(-2)
    gap = np.diff(np.sort(result.energies, axis=-1), axis=-1).min()
    if gap > 1e-12 * scale:  # may be none: below, the pair is known to rounding error over the gap only
        assert np.allclose(total, 2.0, atol=1e-10 + 3e-15 * scale / gap)


@settings(max_examples=60, deadline=None)
@given(field=fields, orientation=rotations, turn=rotations)
def test_turning_field_and_crystal_together_changes_no_level(
    field: np.ndarray, orientation: Rotation, turn: Rotation
) -> None:
    before = levels(field=field, orientation=orientation).energies
    after = levels(field=turn.apply(field), orientation=orientation * turn.inv()).energies
    assert np.allclose(before, after, rtol=1e-12, atol=1e-12 * D)


def test_spin_is_the_derivative_of_the_energy() -> None:
    rng = np.random.default_rng(3)
    centre = NVCentre(strain=6 * MHZ)
    field = rng.normal(size=(200, 3)) * 10 ** rng.uniform(-3, -0.5, size=(200, 1))
    result = levels(field=field, centre=centre)
    for k in range(3):
        step = 1e-6
        for c in range(4):
            shift = step * CLASS_FRAMES[c, k]
            up = levels(field=field + shift, centre=centre).energies[:, c]
            down = levels(field=field - shift, centre=centre).energies[:, c]
            slope = (up - down) / (2 * step * GAMMA)
            smooth = np.abs(np.diff(np.sort(result.energies[:, c]), axis=-1)).min(-1) > 5 * MHZ
            assert np.abs(slope - result.spin[:, c, :, k])[smooth].max() < 1e-4


def test_matrix_elements_agree_with_eigenvectors() -> None:
    rng = np.random.default_rng(4)
    field = rng.normal(size=(50, 3)) * 0.02
    centre = NVCentre(strain=5 * MHZ)
    result = levels(field=field, centre=centre)
    matrix = hamiltonian(field=field, centre=centre)
    zero_field = hamiltonian(field=np.zeros(3), centre=centre)[0]
    unit = 1.0 / GAMMA
    spin = np.stack(
        [hamiltonian(field=unit * CLASS_FRAMES[0, k], centre=centre)[0] - zero_field for k in range(3)]
    )
    energies, vectors = np.linalg.eigh(matrix)
    for n in range(50):
        for c in range(4):
            index = [int(np.argmin(np.abs(energies[n, c] - e))) for e in result.energies[n, c]]
            v = vectors[n, c][:, index]
            for row, (i, j) in enumerate(((0, 1), (0, 2), (1, 2))):
                expected = [abs(v[:, i].conj() @ spin[k] @ v[:, j]) for k in range(3)]
                assert np.allclose(np.abs(result.transition_spin[n, c, row]), expected, atol=2e-7)


def test_zero_field_and_strain() -> None:
    result = levels(field=np.zeros(3))
    assert np.allclose(result.energies, [0, D, D], atol=1e-3)
    assert np.allclose(result.weights, [[0, 1, 0], [0, 0, 1], [1, 0, 0]], atol=1e-12)
    strained = transition_frequencies(field=np.zeros(3), centre=NVCentre(strain=4 * MHZ))
    assert np.allclose(strained, [D - 4 * MHZ, D + 4 * MHZ], rtol=1e-14, atol=0)


def test_a_field_across_the_axis_mixes_the_states_in_its_square() -> None:
    """Second order of the perturbation: ⟨±1|γ B⊥ S_x|0⟩ = γ B⊥/√2 twice, over D; along the axis nothing."""
    field = 1e-4 * NV_AXES[0]
    across = field - (NV_AXES @ field)[:, None] * NV_AXES
    found = levels(field=field).mixing
    assert abs(found[0]) < 1e-15
    expected = (GAMMA * np.linalg.norm(across[1:], axis=-1) / D) ** 2
    assert found[1:] == pytest.approx(expected, rel=1e-5, abs=0)


@pytest.mark.parametrize("gauss", [1.0, 500.0, 1023.0, 1024.0, 1025.0, 3000.0, 20000.0])
def test_label_stays_with_zero_through_the_level_crossing(gauss: float) -> None:
    result = levels(field=gauss * 1e-4 * NV_AXES[0])
    assert result.weights[0, 0, 1] == pytest.approx(1.0, abs=1e-9)
    assert result.energies[0, 0] == pytest.approx(0.0, abs=1e-12 * D * (1 + gauss / 1000))
    larmor = GAMMA * gauss * 1e-4
    assert np.allclose(result.transition_frequencies[0], [abs(D - larmor), D + larmor], rtol=1e-9, atol=0)


def test_exactly_at_the_crossing_the_states_are_those_of_the_axis() -> None:
    centre = NVCentre(zero_field_splitting=1e10, gyromagnetic_ratio=1e12)
    result = levels(field=0.01 * np.sqrt(3) * np.ones(3) / 3, centre=centre)  # γB = D on the first axis
    assert np.allclose(np.sort(result.weights[0].max(-1)), 1.0, atol=1e-6)


@pytest.mark.parametrize("tilt", [1e-2, 1e-4, 1e-6])
def test_avoided_crossing_against_forty_digits(tilt: float) -> None:
    larmor_z, larmor_x = D, tilt * D
    field = (larmor_z * CLASS_FRAMES[0, 2] + larmor_x * CLASS_FRAMES[0, 0]) / GAMMA
    result = levels(field=field)
    used = GAMMA * class_fields(field=field)[0]
    with mpmath.workdps(40):
        x, y, z = (mpmath.mpf(float(b)) for b in used)
        r = 1 / mpmath.sqrt(2)
        d = mpmath.mpf(D)
        low, high = (x - 1j * y) * r, (x + 1j * y) * r
        matrix = mpmath.matrix([[d + z, low, 0], [high, 0, low], [0, high, d - z]])
        values, vectors = mpmath.eighe(matrix)
        exact = np.array([float(v) for v in values])
        weight = np.array([[float(abs(vectors[p, i]) ** 2) for p in range(3)] for i in range(3)])
    order = np.argsort(result.energies[0])
    assert np.allclose(result.energies[0][order], exact, rtol=0, atol=2e-15 * D)
    assert np.abs(result.weights[0][order] - weight).max() < 1e-14 / tilt


def test_high_field_levels_follow_the_field() -> None:
    field = np.array([30.0, 10.0, -20.0])
    larmor = GAMMA * np.linalg.norm(field)
    result = levels(field=field)
    cosine = NV_AXES @ field / np.linalg.norm(field)
    # First order in D along the field: <Sz'²> = (1 + cos²)/2 for m = ±1, sin² for m = 0.
    expected = np.stack(
        [-larmor + D * (1 + cosine**2) / 2, D * (1 - cosine**2), larmor + D * (1 + cosine**2) / 2], axis=-1
    )
    assert np.abs(np.sort(result.energies, axis=-1) - expected).max() < 2 * D**2 / larmor


def test_strain_direction_belongs_to_the_class_frame() -> None:
    centre = NVCentre(strain=20 * MHZ)
    for c in range(4):
        along_x = transition_frequencies(field=0.01 * CLASS_FRAMES[c, 0], centre=centre)[c]
        along_y = transition_frequencies(field=0.01 * CLASS_FRAMES[c, 1], centre=centre)[c]
        assert abs(along_x - along_y).max() > MHZ
        assert np.allclose(
            along_x,
            transition_frequencies(field=0.01 * CLASS_FRAMES[0, 0], centre=centre)[0],
            rtol=1e-12,
            atol=0,
        )


def test_bad_input_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"field.*shape \(\.\.\., 3\)"):
        levels(field=[1.0, 2.0])
    with pytest.raises(ArgumentError, match=r"field.*nan"):
        levels(field=[1.0, np.nan, 0.0])
    with pytest.raises(ArgumentError, match=r"orientation.*orthogonal"):
        levels(field=np.zeros(3), orientation=np.diag([1.0, 1.0, 1.1]))
    with pytest.raises(ArgumentError, match=r"orientation.*reflection"):
        levels(field=np.zeros(3), orientation=np.diag([1.0, 1.0, -1.0]))
    with pytest.raises(ArgumentError, match="shapes do not broadcast"):
        levels(field=np.zeros((4, 3)), orientation=Rotation.random(3, rng=np.random.default_rng(0)))
    with pytest.raises(ArgumentError, match="triplet"):
        levels(field=np.zeros(3), triplet="third")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="zero_field_splitting"):
        NVCentre(zero_field_splitting=-1.0)
    with pytest.raises(ArgumentError, match="strain"):
        NVCentre(strain=np.nan)

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.spatial.transform import Rotation

from labspin.errors import ArgumentError
from labspin.physics.nv import (
    FIG4_BENCH,
    FIG4_ORIENTATION,
    LABORATORY_BENCH,
    NV_CENTRE,
    NVCentre,
    equivalent_fields,
    equivalent_orientations,
    field_from_lines,
    orientation_from_lines,
    transition_frequencies,
)
from tests.some import some

MHZ, GAUSS = 2e6 * np.pi, 1e-4


def in_wedge(field: np.ndarray, strained: bool = False) -> np.ndarray:
    inside = np.abs(field)
    last = 2 if strained else 3
    inside[:last] = -np.sort(-inside[:last])
    return inside


@settings(max_examples=14, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(3, 8), strain=st.sampled_from([0.0, 4 * MHZ]))
def test_true_field_is_among_the_solutions(seed: int, count: int, strain: float) -> None:
    rng = np.random.default_rng(seed)
    field = rng.normal(size=3)
    field *= rng.uniform(20 * GAUSS, 250 * GAUSS) / np.linalg.norm(field)
    centre = NVCentre(strain=strain)
    lines = transition_frequencies(field=field, centre=centre).ravel()
    chosen = rng.permutation(8)[:count]
    solutions = field_from_lines(lines=lines[chosen], uncertainty=0.02 * MHZ, centre=centre)
    distance = [np.abs(s.field - in_wedge(field, strain != 0)).max() for s in solutions]
    assert min(distance) < 0.02 * GAUSS
    best = solutions[int(np.argmin(distance))]
    computed = transition_frequencies(field=best.field, centre=centre)
    matched = np.array([computed[c, b] for c, b in best.assignment])
    assert np.allclose(matched, lines[chosen], atol=0.1 * MHZ)
    assert len(set(best.assignment)) == count
    for image in some(best.equivalents[:: max(1, len(best.equivalents) // 7)]):
        images = np.sort(transition_frequencies(field=image, centre=centre).ravel())
        base = np.sort(computed.ravel())
        assert np.allclose(images, base, rtol=1e-9, atol=0)


def test_merged_classes_are_allowed() -> None:
    field = LABORATORY_BENCH.orientation.apply(LABORATORY_BENCH.bench.field(17 * GAUSS))
    lines = np.unique(np.round(transition_frequencies(field=field).ravel() / MHZ, 3)) * MHZ
    assert lines.size == 6
    window = (2.4e3 * MHZ, 3.4e3 * MHZ)
    solutions = field_from_lines(lines=lines, uncertainty=0.05 * MHZ, window=window)
    assert np.allclose(solutions[0].field, in_wedge(field), atol=0.05 * GAUSS)
    assert len(solutions[0].equivalents) == 24  # on a mirror plane two of 48 images fall together


def test_window_rejects_fields_whose_lines_were_not_seen() -> None:
    field = np.array([60.0, 25.0, 10.0]) * GAUSS
    lower = np.sort(transition_frequencies(field=field)[:, 0])
    window = (2.5e3 * MHZ, 0.5 * (lower[2] + lower[3]))
    seen = lower[:3]
    free = field_from_lines(lines=seen, uncertainty=0.05 * MHZ)
    constrained = field_from_lines(lines=seen, uncertainty=0.05 * MHZ, window=window)
    # Several fields explain three lines; those with another line inside the window go, the true one stays.
    assert 1 <= len(constrained) < len(free)
    for solution in some(constrained):
        lines = transition_frequencies(field=solution.field).ravel()
        inside = lines[(lines > window[0]) & (lines < window[1])]
        assert np.abs(inside[:, None] - seen).min(axis=1).max() < 1 * MHZ
    assert min(np.abs(s.field - in_wedge(field)).max() for s in constrained) < 0.05 * GAUSS


def test_uncertainty_is_what_repeated_noise_gives() -> None:
    field = np.array([70.0, 40.0, 15.0]) * GAUSS
    lines = transition_frequencies(field=field).ravel()
    rng = np.random.default_rng(7)
    errors, chi = [], []
    for _ in range(25):
        noisy = lines + rng.normal(size=8) * 0.3 * MHZ
        best = field_from_lines(lines=rng.permutation(noisy), uncertainty=0.3 * MHZ)[0]
        errors.append(best.field - field)
        chi.append(best.chi_square)
    spread, expected = np.cov(np.array(errors).T), best.covariance
    assert np.allclose(np.sqrt(np.diag(spread)), np.sqrt(np.diag(expected)), rtol=0.5, atol=0)
    assert np.mean(chi) == pytest.approx(5.0, rel=0.4, abs=0)
    assert best.strength_uncertainty < 0.3 * MHZ / 28e9 / 2 / np.pi * 10


def test_splitting_can_be_fitted() -> None:
    field = np.array([90.0, 30.0, 20.0]) * GAUSS
    warm = NVCentre(zero_field_splitting=2866.3 * MHZ)
    lines = transition_frequencies(field=field, centre=warm).ravel()
    best = field_from_lines(lines=lines, uncertainty=0.05 * MHZ, fit_splitting=True)[0]
    assert best.splitting == pytest.approx(2866.3 * MHZ, rel=1e-6, abs=0)
    assert np.allclose(best.field, field, atol=0.05 * GAUSS)
    with pytest.raises(ArgumentError, match="no field"):
        field_from_lines(lines=lines, uncertainty=0.02 * MHZ)


def test_equivalent_fields_count() -> None:
    assert len(equivalent_fields([3.0, 2.0, 1.0])) == 48
    assert len(equivalent_fields([3.0, 2.0, 1.0], centre=NVCentre(strain=MHZ))) == 16
    assert len(equivalent_fields([1.0, 1.0, 0.0])) == 12
    assert len(equivalent_fields([1.0, 0.0, 0.0])) == 6
    assert len(equivalent_fields([0.0, 0.0, 0.0])) == 1


@pytest.mark.parametrize("orientation", [FIG4_ORIENTATION, LABORATORY_BENCH.orientation])
def test_orientation_of_the_bench_from_three_spectra(orientation: Rotation) -> None:
    rng = np.random.default_rng(2)
    fields = FIG4_BENCH.field(np.array([10, 17, 25]) * GAUSS)
    lines = transition_frequencies(field=fields, orientation=orientation)[..., 0]
    noisy = [rng.permutation(row + rng.normal(size=4) * 0.2 * MHZ) for row in lines]
    solutions = orientation_from_lines(fields=fields, lines=noisy, uncertainty=0.2 * MHZ)
    best = solutions[0]
    assert len(best.equivalents) == 48  # all fields lie in one plane
    turn = best.equivalents * orientation.inv()
    nearest = turn.as_rotvec()[int(np.argmin(turn.magnitude()))]
    images = [i for i in range(48) if turn[i].magnitude() < 0.1]
    assert images
    assert np.linalg.norm(nearest) < 6 * np.sqrt(np.trace(best.covariance))
    for image in some(best.equivalents[::5]):
        found = transition_frequencies(field=fields, orientation=image)[..., 0]
        assert np.allclose(np.sort(found), np.sort(lines), atol=2 * MHZ)
    assert len(best.assignments) == 3
    computed = transition_frequencies(field=fields[0], orientation=best.orientation)
    matched = [computed[c, b] for c, b in best.assignments[0]]
    assert np.allclose(matched, noisy[0], atol=1.5 * MHZ)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_random_orientation_from_fields_out_of_plane(seed: int) -> None:
    rng = np.random.default_rng(seed)
    orientation = Rotation.random(rng=rng)
    fields = 0.008 * np.array([[0, 0, 1.0], [1.0, 0.2, 0.5], [0.1, 1.0, 0.4]])
    lines = transition_frequencies(field=fields, orientation=orientation)
    solutions = orientation_from_lines(
        fields=fields, lines=[row.ravel() for row in lines], uncertainty=0.05 * MHZ
    )
    best = solutions[0]
    assert len(best.equivalents) == 24
    assert (best.equivalents * orientation.inv()).magnitude().min() < 1e-4


def test_equivalent_orientations_have_the_same_lines() -> None:
    rng = np.random.default_rng(3)
    orientation = Rotation.random(rng=rng)
    planar = FIG4_BENCH.field(np.array([-40.0, 10.0, 60.0]) * GAUSS)
    images = equivalent_orientations(orientation=orientation, fields=planar)
    lines = transition_frequencies(field=planar[:, None], orientation=images)
    base = np.sort(transition_frequencies(field=planar, orientation=orientation).reshape(3, 8))
    assert np.allclose(np.sort(lines.reshape(3, 48, 8)), base[:, None], rtol=1e-9, atol=0)


@pytest.mark.parametrize("strain", [0.0, 4 * MHZ])
def test_no_field_is_lost_among_many_that_explain_three_lines(strain: float) -> None:
    # Three lines with strain may have more than twenty solutions: none may push the true one out.
    counts = []
    for seed in (7178, 7, 17, 62, 74, 85):
        rng = np.random.default_rng(seed)
        field = rng.normal(size=3)
        field *= rng.uniform(20 * GAUSS, 250 * GAUSS) / np.linalg.norm(field)
        centre = NVCentre(strain=strain)
        lines = transition_frequencies(field=field, centre=centre).ravel()[rng.permutation(8)[:3]]
        solutions = field_from_lines(lines=lines, uncertainty=0.02 * MHZ, centre=centre)
        distance = [np.abs(s.field - in_wedge(field, strain != 0)).max() for s in solutions]
        assert min(distance) < 0.02 * GAUSS
        counts.append(len(solutions))
    assert strain == 0 or max(counts) > 20


def test_closed_forms_begin_at_the_field_itself() -> None:
    from labspin.physics.nv.line_starts import starting_fields

    rng = np.random.default_rng(4)
    for _ in range(40):
        field = rng.normal(size=3)
        field *= rng.uniform(5 * GAUSS, 380 * GAUSS) / np.linalg.norm(field)
        lines = np.sort(rng.permutation(transition_frequencies(field=field).ravel())[:3])
        starts = starting_fields(
            lines=lines, centre=NV_CENTRE, splitting=NV_CENTRE.zero_field_splitting, max_field=0.04
        )
        inside = -np.sort(-np.abs(starts), axis=-1)
        assert np.abs(inside - in_wedge(field)).max(axis=-1).min() < 0.1 * GAUSS


def test_a_call_takes_milliseconds() -> None:
    import time

    lines = transition_frequencies(field=np.array([70.0, 40.0, 15.0]) * GAUSS).ravel()
    field_from_lines(lines=lines, uncertainty=0.3 * MHZ)
    began = time.process_time()
    for _ in range(5):
        field_from_lines(lines=lines, uncertainty=0.3 * MHZ)
    assert (time.process_time() - began) / 5 < 0.25  # 0.02 s on an idle core


def test_a_line_that_was_not_seen_is_named_and_not_the_uncertainty() -> None:
    field = np.array([60.0, 25.0, 10.0]) * GAUSS
    lines = transition_frequencies(field=field).ravel()
    seen = np.delete(np.sort(lines), 2)
    unseen = np.sort(lines)[2] / MHZ
    with pytest.raises(ArgumentError, match=rf"line inside the window.*{unseen:.2f} MHz.*correct window"):
        field_from_lines(lines=seen, uncertainty=0.05 * MHZ, window=(2e3 * MHZ, 4e3 * MHZ))


def test_a_solution_is_printed_in_a_few_lines() -> None:
    lines = transition_frequencies(field=np.array([70.0, 40.0, 15.0]) * GAUSS).ravel()
    text = repr(field_from_lines(lines=lines, uncertainty=0.3 * MHZ)[0])
    assert "equivalents=<48×3 numbers>" in text
    assert len(text) < 400


def test_bad_input_is_refused() -> None:
    with pytest.raises(ArgumentError, match="at least 3 lines"):
        field_from_lines(lines=[1e10, 2e10], uncertainty=1e6)
    with pytest.raises(ArgumentError, match="one to eight"):
        field_from_lines(lines=np.full(9, 1.8e10), uncertainty=1e6)
    with pytest.raises(ArgumentError, match="uncertainty"):
        field_from_lines(lines=np.full(4, 1.8e10), uncertainty=0.0)
    with pytest.raises(ArgumentError, match="uncertainty"):
        field_from_lines(lines=np.full(4, 1.8e10), uncertainty=np.ones(3))
    with pytest.raises(ArgumentError, match="lines"):
        field_from_lines(lines=[1e10, np.nan, 2e10], uncertainty=1e6)
    with pytest.raises(ArgumentError, match="one spectrum a field"):
        orientation_from_lines(fields=np.zeros((2, 3)), lines=[[1e10]], uncertainty=1e6)
    with pytest.raises(ArgumentError, match="three lines"):
        orientation_from_lines(fields=[[0, 0, 0.01]], lines=[[1e10]], uncertainty=1e6)
    with pytest.raises(ArgumentError, match="no orientation"):
        orientation_from_lines(fields=[[0, 0, 0.01]], lines=[[1e10, 1.2e10, 1.4e10, 3e10]], uncertainty=1e6)


def test_the_uncertainty_of_the_length_is_a_length() -> None:
    lines = transition_frequencies(field=np.array([70.0, 40.0, 15.0]) * GAUSS).ravel()
    solution = field_from_lines(lines=lines, uncertainty=0.3 * MHZ)[0]
    ball = replace(solution, covariance=np.diag([4e-12, 4e-12, 4e-12]))
    assert ball.strength_uncertainty == pytest.approx(2e-6, rel=1e-12, abs=0)
    # Along the field only its own variance counts.
    along = solution.field / solution.strength
    assert replace(solution, covariance=9e-12 * np.outer(along, along)).strength_uncertainty == pytest.approx(
        3e-6, rel=1e-12, abs=0
    )


def test_each_line_weighs_by_its_own_error() -> None:
    """Against (Jᵀ W J)⁻¹ with slopes by differences of the transitions."""
    field = np.array([70.0, 40.0, 15.0]) * GAUSS
    lines = transition_frequencies(field=field).ravel()
    sigma = 0.05 * MHZ * np.array([1.0, 8.0, 1.0, 20.0, 3.0, 1.0, 5.0, 1.0])
    best = field_from_lines(lines=lines, uncertainty=sigma)[0]
    step = 1e-7
    ahead, behind = (transition_frequencies(field=field + sign * step * np.eye(3)) for sign in (1, -1))
    slopes = ((ahead - behind) / (2 * step)).reshape(3, 8).T
    wanted = np.linalg.inv(slopes.T @ (slopes / sigma[:, None] ** 2))
    np.testing.assert_allclose(best.covariance, wanted, rtol=1e-3, atol=1e-4 * wanted.max())

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from labspin.errors import ArgumentError
from labspin.physics.nv import (
    CLASS_FRAMES,
    NV_AXES,
    FieldBench,
    axial_fields,
    class_fields,
    degeneracies_on_bench,
    degeneracy_planes,
    degenerate_directions,
    degenerate_groups,
    transition_frequencies,
)
from tests.some import some


def test_axes_and_frames() -> None:
    assert np.allclose(NV_AXES @ NV_AXES.T, np.eye(4) * 4 / 3 - 1 / 3, atol=0)
    assert np.allclose(CLASS_FRAMES @ np.swapaxes(CLASS_FRAMES, 1, 2), np.eye(3), atol=1e-15)
    assert np.allclose(np.linalg.det(CLASS_FRAMES), 1.0, atol=0)
    assert np.allclose(CLASS_FRAMES[:, 2], NV_AXES, atol=0)


def test_class_fields_keep_length_and_project_on_the_axes() -> None:
    rng = np.random.default_rng(0)
    field, orientation = rng.normal(size=(5, 1, 3)), Rotation.random(7, rng=rng)
    inside = class_fields(field=field, orientation=orientation)
    assert inside.shape == (5, 7, 4, 3)
    assert np.allclose(np.linalg.norm(inside, axis=-1), np.linalg.norm(field, axis=-1)[..., None], atol=0)
    assert np.allclose(inside[..., 2], axial_fields(field=field, orientation=orientation), atol=0)
    assert np.allclose(inside[2, 3, 1, 2], orientation[3].apply(field[2, 0]) @ NV_AXES[1], atol=0)


def test_nine_planes_hold_twelve_pairs() -> None:
    planes = degeneracy_planes()
    kinds = [sum(abs(c) for c in plane.normal) for plane in planes]
    assert sorted(kinds) == [1] * 3 + [2] * 6
    for plane, kind in zip(planes, kinds, strict=True):
        assert len(plane.pairs) == (2 if kind == 1 else 1)


def test_on_a_plane_exactly_its_pairs_coincide() -> None:
    rng = np.random.default_rng(1)
    for plane in some(degeneracy_planes()):
        normal = np.asarray(plane.normal) / np.linalg.norm(plane.normal)
        field = rng.normal(size=3)
        field = 0.01 * (field - (field @ normal) * normal)
        groups = [group for group in degenerate_groups(field=field) if len(group) > 1]
        assert sorted(groups) == sorted(plane.pairs)
        lines = transition_frequencies(field=field)
        for i, j in some(plane.pairs):
            assert np.allclose(lines[i], lines[j], rtol=1e-12, atol=0)


@pytest.mark.parametrize("classes", [(0, 1), (1, 3), (0, 1, 2), (1, 2, 3), (0, 1, 2, 3)])
def test_degenerate_directions(classes: tuple[int, ...]) -> None:
    directions = degenerate_directions(classes=classes)
    if len(classes) == 2:
        directions = np.stack([np.cross(n, [0.3, 0.5, 0.81]) for n in directions])
    assert len(directions) == {2: 2, 3: 4, 4: 3}[len(classes)]
    for direction in directions:
        axial = np.abs(axial_fields(field=direction))[list(classes)]
        assert np.ptp(axial) < 1e-12


def test_three_classes_coincide_on_the_fourth_axis_only_or_on_a_cubic_axis() -> None:
    directions = degenerate_directions(classes=(0, 1, 2))
    kinds = sorted(np.round(np.sort(np.abs(d)), 6).tolist() for d in directions)
    third = round(3**-0.5, 6)
    assert kinds == [[0.0, 0.0, 1.0]] * 3 + [[third, third, third]]


def test_crossings_of_a_bench() -> None:
    bench = FieldBench(bias=(0, 0, 0.01), direction=(2.0, 0, 0))
    orientation = Rotation.from_euler("xyz", [0.3, -0.2, 0.5])
    for strength, plane in some(degeneracies_on_bench(bench=bench, orientation=orientation)):
        groups = degenerate_groups(field=bench.field(strength), orientation=orientation, tolerance=1e-7)
        assert any(set(plane.pairs[0]) <= set(group) for group in groups)
    assert np.allclose(bench.field([0.0, 0.003]), [[0, 0, 0.01], [0.003, 0, 0.01]], atol=0)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ArgumentError, match="direction: its length"):
        FieldBench(bias=(0, 0, 1), direction=(0, 0, 0))
    with pytest.raises(ArgumentError, match="bias"):
        FieldBench(bias=(0, 1), direction=(0, 0, 1))  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="classes"):
        degenerate_directions(classes=(0, 0))
    with pytest.raises(ArgumentError, match="field"):
        degenerate_groups(field=np.zeros((2, 3)))
    with pytest.raises(ArgumentError, match="orientation"):
        degeneracies_on_bench(
            bench=FieldBench(bias=(0, 0, 1), direction=(1, 0, 0)), orientation=np.eye(3)[None]
        )

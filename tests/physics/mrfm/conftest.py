"""Geometries and reference numbers that the tests of the MRFM physics share."""

from __future__ import annotations

import numpy as np
import pytest

from labspin.physics import mrfm


@pytest.fixture(scope="session")
def preset() -> mrfm.SurfaceBathPreset:
    return mrfm.THESIS_FIG_3_3


@pytest.fixture(scope="session")
def preset_spectrum(preset: mrfm.SurfaceBathPreset) -> mrfm.ReducedSpectrum:
    return mrfm.reduce_geometry(magnet=preset.magnet, sample=preset.surface)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20170705)

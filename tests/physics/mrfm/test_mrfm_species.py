"""The species table against independent values of the same nuclei."""

from __future__ import annotations

import pytest
from scipy import constants

from labspin.errors import ArgumentError
from labspin.physics import mrfm

# Resonance frequencies relative to protons at 100 MHz (Ξ of the IUPAC shift scale, R. K. Harris et al. 2001,
# tables 1 and 2): measured in real samples, so they include chemical shielding of up to a percent or two.
XI = {
    "2H": (1, 15.350609),
    "6Li": (1, 14.716086),
    "7Li": (1.5, 38.863797),
    "10B": (3, 10.743658),
    "11B": (1.5, 32.083974),
    "13C": (0.5, 25.145020),
    "14N": (1, 7.226317),
    "15N": (0.5, 10.136767),
    "17O": (2.5, 13.556457),
    "19F": (0.5, 94.094011),
    "23Na": (1.5, 26.451900),
    "27Al": (2.5, 26.056859),
    "29Si": (0.5, 19.867187),
    "31P": (0.5, 40.480742),
    "63Cu": (1.5, 26.515473),
    "65Cu": (1.5, 28.403693),
    "69Ga": (1.5, 24.001354),
    "71Ga": (1.5, 30.496704),
    "75As": (1.5, 17.122614),
    "93Nb": (4.5, 24.476170),
    "195Pt": (0.5, 21.496784),
}


@pytest.mark.parametrize("name", XI)
def test_gyromagnetic_ratios_agree_with_the_shift_scale_within_shielding(name: str) -> None:
    spin, frequency = XI[name]
    species = mrfm.species_named(name)
    ratio = abs(species.gyromagnetic_ratio) / mrfm.SPECIES["1H"].gyromagnetic_ratio
    assert species.spin == spin
    assert ratio == pytest.approx(frequency / 100, rel=0.016 if name == "195Pt" else 0.004, abs=0)


def test_the_electron_has_codata_moment_and_negative_sign() -> None:
    electron = mrfm.SPECIES["electron"]
    assert electron.moment == pytest.approx(abs(constants.value("electron mag. mom.")), rel=1e-9, abs=0)
    assert electron.gyromagnetic_ratio < 0
    assert electron.larmor_frequency(1.0) == pytest.approx(1.76085962784e11, rel=1e-9, abs=0)


def test_every_species_names_its_source() -> None:
    assert all(species.source for species in mrfm.SPECIES.values())


def test_an_unknown_species_is_told_the_known_ones() -> None:
    with pytest.raises(ArgumentError, match="choose one of electron"):
        mrfm.species_named("unobtainium")


def test_a_species_without_moment_is_refused() -> None:
    with pytest.raises(ArgumentError, match="other than 0"):
        mrfm.SpinSpecies("dud", 0.5, 0.0, "none")

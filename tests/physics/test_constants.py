"""The constants of nature are those of CODATA, as SciPy has them, which is not imported for them."""

import ast
from pathlib import Path

import pytest
from scipy import constants as known

import labspin
from labspin.physics import constants

VALUES = {
    "hbar": known.hbar,
    "k": known.k,
    "mu_0": known.mu_0,
    "BOHR_MAGNETON": known.value("Bohr magneton"),
    "NUCLEAR_MAGNETON": known.value("nuclear magneton"),
    "ELECTRON_GYROMAGNETIC_RATIO": known.value("electron gyromag. ratio"),
    "PROTON_GYROMAGNETIC_RATIO": known.value("proton gyromag. ratio"),
    "DEUTERON_MOMENT": known.value("deuteron mag. mom. to nuclear magneton ratio"),
    "HELION_MOMENT": known.value("helion mag. mom. to nuclear magneton ratio"),
}


@pytest.mark.parametrize("name", constants.__all__)
def test_constants_are_those_of_codata(name):
    later = 2e-9  # a part that changed from one adjustment to the next
    assert getattr(constants, name) == pytest.approx(VALUES[name], rel=later, abs=0)


def test_nothing_imports_them_from_elsewhere():
    """`scipy.constants` takes a fourth of a second, with which every command would begin."""
    found = []
    for path in Path(labspin.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
            else:
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found += [str(path) for name in names if name == "scipy.constants"]
    assert found == []

"""Rules that hold for every module of the package."""

import ast
import importlib
import importlib.util
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import labspin
import labspin.errors

PACKAGE = Path(labspin.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
# Modules that need a package out of an extra.
NEEDS_EXTRA = {"labspin.analysis.compiled": "numba"}


def _name(path: Path) -> str:
    return str(path.relative_to(PACKAGE.parent))


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_module_opens_with_its_idea(path):
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring, f"{path} has no docstring"


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_module_prints_nothing_and_swallows_nothing(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"print", "eval", "exec"}, f"{path}:{node.lineno}"
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"{path}:{node.lineno} bare except"


@pytest.mark.parametrize("package", sorted({path.parent for path in SOURCES}), ids=_name)
def test_public_names_stand_flat_in_the_package(package):
    name = ".".join(package.relative_to(PACKAGE.parent).parts)
    module = importlib.import_module(name)
    missing = [public for public in getattr(module, "__all__", []) if not hasattr(module, public)]
    assert not missing


def test_every_module_can_be_imported():
    for module in pkgutil.walk_packages(labspin.__path__, "labspin."):
        needed = NEEDS_EXTRA.get(module.name)
        if module.name.endswith("__main__") or (needed and not importlib.util.find_spec(needed)):
            continue
        assert importlib.import_module(module.name).__name__ == module.name


@pytest.mark.parametrize("statement", ["import labspin", "import labspin.cli; labspin.cli._parser()"])
def test_heavy_packages_are_loaded_only_when_needed(statement):
    heavy = (
        "lmfit",
        "matplotlib",
        "xarray",
        "pandas",
        "h5py",
        "scipy",
        "pymeasure",
        "pint",
        "rich",
        "PySide6",
    )
    code = f"{statement}\nimport sys\nprint([name for name in {heavy!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_the_error_tree_is_drawn_as_it_is():
    tree = labspin.errors.__doc__
    for name in labspin.errors.__all__:
        error = getattr(labspin.errors, name)
        assert issubclass(error, labspin.errors.LabspinError)
        assert name in tree

"""Rules that hold for every module of the package."""

import importlib
import importlib.util
import pkgutil
import re
import subprocess
import sys
import tomllib

import pytest

import labspin
import labspin.errors
from tests.house_rules import PACKAGE, ROOT
from tests.qt import WHY_NOT as WHY_NO_WINDOW

PACKAGES = sorted(
    ".".join(path.parent.relative_to(PACKAGE.parent).parts) for path in PACKAGE.rglob("__init__.py")
)
# Modules that need a package out of an extra.
NEEDS_EXTRA: dict[str, str] = {}


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_stand_flat_in_the_package(package):
    module = importlib.import_module(package)
    missing = [public for public in getattr(module, "__all__", []) if not hasattr(module, public)]
    assert not missing


def test_every_module_can_be_imported():
    for module in pkgutil.walk_packages(labspin.__path__, "labspin."):
        needed = NEEDS_EXTRA.get(module.name)
        if module.name.endswith("__main__") or (needed and not importlib.util.find_spec(needed)):
            continue
        if module.name.startswith("labspin.gui.") and WHY_NO_WINDOW:
            continue
        assert importlib.import_module(module.name).__name__ == module.name


@pytest.mark.parametrize("statement", ["import labspin", "import labspin.cli; labspin.cli.command_parser()"])
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


def test_a_change_has_a_name_and_a_kind_that_the_page_of_changes_knows():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]
    kinds = "|".join(kind["directory"] for kind in settings["type"])
    right = re.compile(rf"(\+[a-z0-9-]+|\d+)\.({kinds})\.md|README\.md")
    files = [file.name for file in (ROOT / settings["directory"]).iterdir()]
    assert [name for name in files if not right.fullmatch(name)] == []
    assert files

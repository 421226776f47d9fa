"""Rules that hold for every module of the package."""

import ast
import graphlib
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
from tests.some import some

PACKAGES = some(
    sorted(".".join(path.parent.relative_to(PACKAGE.parent).parts) for path in PACKAGE.rglob("__init__.py"))
)
# Modules that need a package out of an extra.
NEEDS_EXTRA: dict[str, str] = {}


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_stand_flat_in_the_package(package):
    module = importlib.import_module(package)
    missing = [public for public in getattr(module, "__all__", []) if not hasattr(module, public)]
    assert not missing


def test_every_module_can_be_imported():
    for module in some(pkgutil.walk_packages(labspin.__path__, "labspin.")):
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
    for name in some(labspin.errors.__all__):
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


def test_no_modules_import_one_another_in_a_circle():
    """Not even inside functions; imports for the checker of types alone do not count."""
    order = list(graphlib.TopologicalSorter(imports_of_modules(PACKAGE)).static_order())  # or CycleError
    assert order.index("labspin.errors") < order.index("labspin.cli")


def test_a_circle_inside_functions_is_found(tmp_path):
    (tmp_path / "labspin").mkdir()
    for one, other in (("a", "b"), ("b", "a")):
        text = f"def f():\n    from labspin.{other} import x\n"
        (tmp_path / "labspin" / f"{one}.py").write_text(text, encoding="utf-8")
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(imports_of_modules(tmp_path / "labspin")).prepare()


def imports_of_modules(package):
    """Return the modules that each module of a package imports, by name."""
    paths = {}
    for path in package.rglob("*.py"):
        if "templates" not in path.parts:
            name = ".".join(path.relative_to(package.parent).with_suffix("").parts)
            paths[name.removesuffix(".__init__")] = path
    return {
        name: set(_imported(ast.parse(path.read_text("utf-8")), paths)) - {name}
        for name, path in paths.items()
    }


def _imported(tree, known):
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                found = f"{node.module}.{alias.name}"
                yield from (name for name in (found if found in known else node.module,) if name in known)
        yield from _imported(node, known)

"""Rules that hold for every module of the package."""

import ast
import importlib
import importlib.util
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import labspin
import labspin.errors
from tests.qt import WHY_NOT as WHY_NO_WINDOW

PACKAGE = Path(labspin.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
TESTS = Path(__file__).parent
CHECKED = sorted({*SOURCES, *TESTS.rglob("*.py"), *(TESTS.parent / "benchmarks").rglob("*.py")})
# Comparisons that have an absolute tolerance unless told otherwise, and the argument that tells it.
TOLERANT = {"approx": "abs", "allclose": "atol", "assert_allclose": "atol", "isclose": "atol"}
# Modules that need a package out of an extra.
NEEDS_EXTRA: dict[str, str] = {}


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
        if module.name.startswith("labspin.gui.") and WHY_NO_WINDOW:
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


def _hidden_tolerances(source: str) -> list[str]:
    """Return the comparisons of `source` whose absolute tolerance is not written down."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        needed = "abs_tol" if ast.unparse(node.func) == "math.isclose" else TOLERANT.get(name)
        given = {keyword.arg for keyword in node.keywords}
        if "almost_equal" in name.lower() or (needed and needed not in given):
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


@pytest.mark.parametrize("path", CHECKED, ids=lambda path: str(path.relative_to(TESTS.parent)))
def test_a_comparison_says_its_absolute_tolerance(path):
    """The defaults, 1e-12 and 1e-8, are larger than most numbers here: a torque is 1e-26 N m."""
    assert not _hidden_tolerances(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("comparison", "refused"),
    [
        ("pytest.approx(1e-26, rel=1e-3)", True),
        ("approx(1e-26)", True),
        ("np.allclose(a, b)", True),
        ("numpy.testing.assert_allclose(a, b, rtol=0.1)", True),
        ("np.isclose(a, b, abs_tol=0)", True),
        ("math.isclose(a, b, atol=0)", True),
        ("np.testing.assert_array_almost_equal(a, b)", True),
        ("pytest.approx(1e-26, rel=1e-3, abs=0)", False),
        ("np.allclose(a, b, atol=0)", False),
        ("math.isclose(a, b, abs_tol=0)", False),
    ],
)
def test_hidden_tolerances_are_found(comparison, refused):
    assert bool(_hidden_tolerances(comparison)) == refused


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_helpers_are_imported(path):
    """The tests are a package: no test touches the path by which Python finds modules."""
    assert "sys.path" not in path.read_text(encoding="utf-8") or path == Path(__file__)


# Still longer than they should be.
LONG_FUNCTIONS = {"fit.add": 49}
LONG_MODULES = {"world.py": 570}


def _code_lines(function):
    """Return the number of lines of a function's body without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) and len(function.body) > 1 else function.body
    return function.end_lineno - body[0].lineno + 1


@pytest.mark.parametrize(
    "path", [*SOURCES, *sorted(TESTS.rglob("*.py"))], ids=lambda path: str(path.relative_to(TESTS.parent))
)
def test_modules_and_functions_can_be_taken_in_at_one_look(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LONG_MODULES.get(path.name, 500)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = (node.name, f"{path.stem}.{node.name}")
            most = max(LONG_FUNCTIONS.get(name, 40) for name in names)
            assert _code_lines(node) <= most, f"{path}:{node.lineno} {node.name}"


def _public_functions(tree):
    """Yield the functions of ``__all__`` and the public methods of its classes, without properties."""
    names = {
        constant.value
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
        for constant in getattr(node.value, "elts", [])
        if isinstance(constant, ast.Constant)
    }
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in names:
            yield node
        if isinstance(node, ast.ClassDef) and node.name in names:
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
                    decorators = {getattr(d, "id", getattr(d, "attr", "")) for d in method.decorator_list}
                    if not decorators & {"property", "setter", "cached_property"}:
                        yield method


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_docstrings_say_what_every_argument_is(path):
    for function in _public_functions(ast.parse(path.read_text(encoding="utf-8"))):
        arguments = function.args
        listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        wanted = {argument.arg for argument in listed} - {"self", "cls"}
        section = (ast.get_docstring(function) or "").partition("Parameters\n---")[2]
        told = set(re.findall(r"\w+", " ".join(re.findall(r"^\S.*$", section, re.MULTILINE))))
        assert wanted <= told, f"{path}:{function.lineno} {function.name}: {sorted(wanted - told)}"


def test_a_change_has_a_name_and_a_kind_that_the_page_of_changes_knows():
    settings = tomllib.loads((TESTS.parent / "pyproject.toml").read_text())["tool"]["towncrier"]
    kinds = "|".join(kind["directory"] for kind in settings["type"])
    right = re.compile(rf"(\+[a-z0-9-]+|\d+)\.({kinds})\.md|README\.md")
    files = [file.name for file in (TESTS.parent / settings["directory"]).iterdir()]
    assert [name for name in files if not right.fullmatch(name)] == []
    assert files

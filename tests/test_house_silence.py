"""No error disappears without a reason beside it, and no test passes without having asserted anything."""

import ast
import functools
from pathlib import Path

import pytest

import labspin

TESTS = Path(__file__).parent
SOURCES = sorted(Path(labspin.__file__).parent.rglob("*.py"))
EVERYTHING = {"Exception", "BaseException"}
# Calls that assert by themselves, beside helpers of the tests that do.
ASSERTING = ("assert_", "check_", "expected_protocol", "raises", "warns", "fail", "importorskip")


def _is_silent(statement):
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return True
    return isinstance(statement, (ast.Pass, ast.Continue))


def swallowed(text):
    """Return the lines at which errors are swallowed and no comment says why."""
    lines, found = text.splitlines(), []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ExceptHandler) and all(map(_is_silent, node.body)):
            span = lines[node.lineno - 1 : node.end_lineno]
        elif isinstance(node, ast.With) and any(map(_suppresses_everything, node.items)):
            span = lines[max(0, node.lineno - 2) : node.body[0].lineno]
        else:
            continue
        if not any("#" in line for line in span):
            found.append(node.lineno)
    return found


def _suppresses_everything(item):
    call = item.context_expr
    if not isinstance(call, ast.Call) or _name_of(call.func) != "suppress":
        return False
    return any(_name_of(argument) in EVERYTHING for argument in call.args)


def _name_of(node):
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(SOURCES[0].parent)))
def test_errors_are_not_swallowed_without_a_reason(path):
    lines = swallowed(path.read_text(encoding="utf-8"))
    assert lines == [], f"{path}: say in a comment why these errors do not matter, or do something about them"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("try:\n    f()\nexcept OSError:\n    pass\n", [3]),
        ("for x in y:\n    try:\n        f()\n    except OSError:\n        continue\n", [4]),
        ("try:\n    f()\nexcept OSError:\n    ...\n", [3]),
        ("try:\n    f()\nexcept OSError:\n    pass  # it was not there\n", []),
        ("try:\n    f()\nexcept OSError:  # it was not there\n    pass\n", []),
        ("try:\n    f()\nexcept OSError:\n    x = None\n", []),
        ("with contextlib.suppress(Exception):\n    f()\n", [1]),
        ("with suppress(Exception):  # f may do what it likes\n    f()\n", []),
        ("with suppress(OSError):\n    f()\n", []),
    ],
)
def test_swallowed_errors_are_found(text, found):
    assert swallowed(text) == found


# -- tests that assert nothing ---------------------------------------------------------------------------


@functools.cache
def _functions(folder):
    """Return all functions of the tests by name, but for those that are tests."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("test"):
                found.setdefault(node.name, []).append(node)
    return found


def _asserts(function, helpers, seen=frozenset()):
    """Return whether a function asserts something, by itself or by what it calls."""
    called = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assert) or (isinstance(node, ast.Raise) and _names(node, "AssertionError")):
            return True
        if isinstance(node, ast.Call):
            called.add(_name_of(node.func))
    if any(name.startswith(ASSERTING) for name in called):
        return True
    return any(
        _asserts(helper, helpers, seen | {name})
        for name in called - seen
        for helper in helpers.get(name, [])
    )  # fmt: skip


def _names(node, name):
    return any(_name_of(part) == name for part in ast.walk(node))


def _tests(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node


def idle(text, helpers):
    """Return the tests that assert nothing."""
    return [test.name for test in _tests(ast.parse(text)) if not _asserts(test, helpers)]


@pytest.mark.parametrize(
    "path", sorted(TESTS.rglob("test_*.py")), ids=lambda path: str(path.relative_to(TESTS))
)
def test_every_test_asserts_something(path):
    found = idle(path.read_text(encoding="utf-8"), _functions(TESTS))
    assert found == [], f"{path}: these pass whatever happens, unless something raises"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def test_a():\n    f()\n", ["test_a"]),
        ("def test_a():\n    assert f()\n", []),
        ("def test_a():\n    with pytest.raises(ValueError):\n        f()\n", []),
        ("def test_a():\n    assert_allclose(f(), 1)\n", []),
        ("def test_a():\n    helper()\n", []),
        ("def test_a():\n    idle_helper()\n", ["test_a"]),
    ],
)
def test_tests_that_assert_nothing_are_found(text, found):
    helpers = {
        name: [ast.parse(f"def {name}():\n    {body}").body[0]]
        for name, body in {"helper": "assert 1", "idle_helper": "f()"}.items()
    }
    assert idle(text, helpers) == found

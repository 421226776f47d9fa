"""No regular expression of the package takes a time that grows faster than the text it is asked about."""

import ast
import importlib
import re
from pathlib import Path

import pytest

import labspin
from tests.patterns import growth
from tests.some import some

PACKAGE = Path(labspin.__file__).parent
METHODS = {"match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}
FLAGS = {"sub": 4, "subn": 4, "split": 3}  # their place among the arguments of `re`
FILES = some(
    path for path in sorted(PACKAGE.rglob("*.py")) if "import re\n" in path.read_text(encoding="utf-8")
)

BOUNDED = {
    "data/foreign/headers.py: _PAIR": "500 characters of a line",
    "data/foreign/source.py: _COMPLEX": "a name that is wanted, up to its _LONGEST characters",
    "data/foreign/source.py: _PART": "the same",
    "data/foreign/titles.py: _BRACKETS": "a title up to its _LONGEST characters",
    "data/foreign/titles.py: _NESTED": "the same",
    "data/foreign/titles.py: _SLASH": "the same",
    "documents.py: _HEADER": "_WIDEST characters of a line",
    "experiment/scan_axes.py: _RANGE": "_LONGEST characters of a range",
    "units.py: _NUMBER": "a quantity up to its _LONGEST characters",
    "units.py: _UNIT_TOKEN": "a unit up to its _LONGEST characters",
    "twin/kept.py: _LINE": "tables of the simulated instruments",
    "twin/kept.py: _RANGE": "the same",
    "twin/wire/commands.py: re.findall": "the same",
}
"""Expressions whose time grows faster than the text, and what bounds the text. This list only shrinks."""
NOT_WRITTEN = {
    "data/foreign/axes.py: re.search": "words of its own",
    "twin/wire/parser.py: re.compile": "one character of two or three",
    "twin/faults.py: re.compile": "an expression that a test injects a fault by",
}
"""Expressions that are put together while the program runs, and of what."""


def uses(path):
    """Yield what each regular expression of a module is called, the expression (or None), and the method."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    where = path.relative_to(PACKAGE).as_posix()
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    space = vars(importlib.import_module(".".join(parts).removesuffix(".__init__")))
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
    named = set()
    for call in calls:
        owner, method = ast.unparse(call.func.value), call.func.attr
        names = (
            {n.id for n in ast.walk(call.func.value) if isinstance(n, ast.Name)} if method in METHODS else ()
        )
        for name in sorted(names):
            if isinstance(space.get(name), re.Pattern):
                named.add(space[name])
                yield f"{where}: {name}", space[name], method
    for call in calls:
        owner, method = ast.unparse(call.func.value), call.func.attr
        if owner != "re" or method not in METHODS | {"compile"}:
            continue
        pattern = _pattern(call, dict(space))
        if method != "compile":
            yield f"{where}: re.{method}", pattern, method
        elif pattern not in named:  # used in another way than by its name: perhaps each
            yield f"{where}: re.compile", pattern, "search"
            yield f"{where}: re.compile", pattern, "fullmatch"


def _pattern(call, space):
    """Return the expression that a call of `re` writes; None if it is not written there."""
    flags = [keyword.value for keyword in call.keywords if keyword.arg == "flags"]
    flags += call.args[FLAGS.get(call.func.attr, 1 if call.func.attr == "compile" else 2) :]
    try:
        text, *flags = (eval(ast.unparse(part), space) for part in (call.args[0], *flags))
    except NameError:
        return None
    return text if isinstance(text, re.Pattern) else re.compile(text, *flags)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_text_takes_longer_than_its_length_explains(path):
    for name, pattern, method in some(uses(path)):
        if pattern is None:
            assert name in NOT_WRITTEN, (
                f"{name}: is not written in the code; say in NOT_WRITTEN of what it is"
            )
        elif name not in BOUNDED:  # may be none: all of a file may be bounded
            grows = growth(pattern, method)
            assert grows is None, (
                f"{name}: {method} of {pattern.pattern!r} is {grows}; leave one way to read it"
            )


def test_what_is_bounded_is_still_there_and_still_needs_it():
    all_uses = (use for path in FILES for use in uses(path))
    found = {name: growth(pattern, method) for name, pattern, method in all_uses if name in BOUNDED}
    assert {name for name in BOUNDED if not found.get(name)} == set()


@pytest.mark.parametrize(
    ("written", "method", "grows"),
    [
        (r"(a+)+b", "match", "exponential"),
        (r"(a*)*b", "match", "exponential"),
        (r"(?:a|ab|b)*c", "match", "exponential"),
        (r"(?:a|b)*c", "match", None),
        (r"a*a*b", "match", "quadratic"),
        (r"a*ba*c", "match", None),
        (r"\d+\.?\d*x", "match", "quadratic"),
        (r"\d++\.?\d*x", "match", None),
        (r"\s*\s*x", "fullmatch", "quadratic"),
        (r"\s*+\s*x", "fullmatch", None),
        (r"(.*?)\s*$", "match", "quadratic"),
        (r"\d+x", "search", "quadratic"),
        (r"\d+x", "match", None),
        (r"\d+", "search", None),
        (r"(?<!\d)\d+x", "search", None),
        (r"\b\w+x", "search", None),
        (r"^\w+x", "search", None),
        (r"(?m)^[^x\n]+x", "search", None),
        (r"\d+(?=[+-])[+-]?\d+x", "match", None),
        (r"\d+[+-]?\d+x", "match", "quadratic"),
        (r"a{0,99}a{0,99}b", "match", None),
        (r"(?i)A*a*b", "match", "quadratic"),
    ],
)
def test_growth_is_found_in_the_expression(written, method, grows):
    assert growth(re.compile(written), method) == grows

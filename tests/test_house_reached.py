"""Assertions that may never be reached are found; `test_house_rules` asks for them in all tests."""

from pathlib import Path

import pytest

from tests import reached_rules
from tests.house_rules import Source

TEST = "@parametrize('case', CASES)\ndef test_it(case):\n    found = f()\n"
TRY = "    try:\n        g()\n    except OSError:\n        assert 1\n"
LOOP = TEST + "    for x in {}:\n        assert x\n"


@pytest.mark.parametrize(
    ("rule", "wrong", "right"),
    [
        ("asserts_of_something", LOOP.format("found"), LOOP.format("some(found)")),
        ("asserts_of_something", LOOP.format("found[1:]"),
         LOOP.replace(":\n    ", ":  # may be none: a\n    ").format("found[1:]")),
        ("asserts_of_something", LOOP.format("range(len(found))"), LOOP.format("range(3)")),
        ("asserts_of_something", LOOP.format("zip(a, (1, 2))"), LOOP.format("zip(a, (1, 2), strict=True)")),
        ("asserts_of_something", LOOP.format("found") + "        n += 1\n",
         LOOP.format("found") + "        n += 1\n    assert n\n"),
        ("asserts_of_something", LOOP.format("enumerate(found)"), LOOP.format("enumerate(FACTS)")),
        ("asserts_of_something", LOOP.format("g(found)"),
         LOOP.format("found") + "    assert len(found) > 2\n"),
        ("asserts_of_something", LOOP.format("found") + "    assert set(found) <= a\n",
         LOOP.format("found") + "    assert found\n"),
        ("asserts_of_something", LOOP.format("found") + "    if case:\n        assert found\n",
         LOOP.format("found") + "    with f():\n        assert found\n"),
        ("asserts_of_something", TEST + "    assert all(x for x in found)\n",
         TEST + "    assert all(x for x in some(found))\n"),
        ("asserts_of_something", LOOP.format("[x for x in (1, 2) if found]"),
         LOOP.format("[x for x in (1, 2)]")),
        ("asserts_of_something", LOOP.format("(x for x in found)"), LOOP.format("(x for x in [1, 2])")),
        ("asserts_of_something", LOOP.format("found + others"), LOOP.format("found + [1]")),
        ("asserts_of_something", LOOP.format("found[0]"), LOOP.format("FACTS[0]")),
        ("asserts_of_something", LOOP.format("found.items()"), LOOP.format("{1: 2}.items()")),
        ("asserts_of_something", LOOP.format("product(FACTS, found)"), LOOP.format("product(FACTS, (1, 2))")),
        ("asserts_of_something", LOOP.format("''"), LOOP.format("'ab'")),
        ("asserts_whatever_holds", "def test_it(x):\n    if x:\n        assert 1\n",
         "@given(x=y)\ndef test_it(x):\n    if x:\n        assert 1\n"),
        ("asserts_of_something", LOOP.format("found"), LOOP.replace("f()", "[1]").format("found")),
        ("asserts_of_something", LOOP.format("found") + "        n.append(x)\n",
         LOOP.format("found") + "        n.append(x)\n    assert n\n"),
        ("asserts_whatever_holds", TEST + "    if found:\n        with raises(OSError):\n            g()\n",
         TEST + "    if found:\n        with suppress(OSError):\n            g()\n"),
        ("asserts_whatever_holds", TEST + "    if found:\n        assert 1\n",
         TEST + "    if case:\n        assert 1\n"),
        ("asserts_whatever_holds", TEST + "    if found:\n        assert 1\n    else:\n        g()\n",
         TEST + "    if found:\n        assert 1\n    else:\n        assert 2\n"),
        ("asserts_whatever_holds", TEST + "    if found:\n        assert 1\n        g()\n    assert 2\n",
         TEST + "    if found:\n        assert 1\n        return\n    assert 2\n"),
        ("asserts_whatever_holds", TEST + "    if found:\n        assert 1\n        n += 1\n",
         TEST + "    if found:\n        assert 1\n        n += 1\n    assert n > 3\n"),
        ("asserts_whatever_holds", TEST + TRY, TEST + TRY + "    else:\n        assert 2\n"),
        ("asserts_whatever_holds", TEST + TRY, TEST + TRY + "        return\n"),
        ("looks_at_files_that_are_there", "FILES = sorted(ROOT.glob('*.py'))\n",
         "FILES = some(ROOT.glob('*.py'))\n"),
        ("looks_at_files_that_are_there", "@parametrize('f', ROOT.rglob('*.py'))\ndef test_it(f): pass\n",
         "@parametrize('f', some(ROOT.rglob('*.py')))\ndef test_it(f): pass\n"),
    ],
)  # fmt: skip
def test_what_may_never_be_asserted_is_found(rule, wrong, right):
    keeps = getattr(reached_rules, rule)
    assert list(keeps(Source(Path("x.py"), wrong)))
    assert list(keeps(Source(Path("x.py"), right))) == []

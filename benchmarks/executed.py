"""Which tests execute a function: each test is run once with a tracer that sees calls only.

Functions are kept by name, not by line, so that the map stays right while lines move. A file of tests is
traced again when its text has changed, or when a module that it runs defines or imports other names than
then: a function that was renamed, parted or moved is called by nobody as far as an old map knows. What runs
in a process of its own is not seen: a map says which tests to ask first, never which tests to leave out.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

# Seconds are those of the processor: a loaded machine makes no test longer.
ENOUGH_TESTS, ENOUGH_SECONDS = 120, 20.0  # what is asked first of one fault
QUICK = 3.0  # s


def _worked() -> float:
    """Return the time that this process and those that it awaited have worked, in s."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Tracer:
    """A pytest plugin: notes for each test how long it took, whether it passed and what it called."""

    def __init__(self, root: Path, result: Path) -> None:
        self._root, self._result = str(root / "labspin") + "/", result
        self._cut = len(str(root)) + 1
        self._called: dict[int, CodeType] = {}
        self._began = 0.0
        self._tests: dict[str, dict[str, Any]] = {}

    def _trace(self, frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        self._called[id(code)] = code

    def pytest_runtest_protocol(self, item: Any, nextitem: Any) -> None:
        """Begin a test: its fixtures count as its own."""
        self._called, self._began = {}, _worked()
        threading.settrace(self._trace)
        sys.settrace(self._trace)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note how a phase of a test ended, and at its end what the test called."""
        test = self._tests.setdefault(report.nodeid, {"seconds": 0.0, "passed": True, "functions": []})
        test["passed"] &= not report.failed
        if report.when == "teardown":
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]
            test["seconds"] = round(_worked() - self._began, 3)
            test["functions"] = sorted(
                {
                    f"{code.co_filename[self._cut :]}:{code.co_qualname}"
                    for code in self._called.values()
                    if code.co_filename.startswith(self._root)
                }
            )

    def pytest_sessionfinish(self) -> None:
        """Write what was seen."""
        self._result.write_text(json.dumps(self._tests), encoding="utf-8")


class Map:
    """What is known of the tests, file by file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}

    def unknown(self, root: Path, tests: Iterable[str]) -> list[str]:
        """Return the files of tests that were never traced as they are now."""
        return [name for name in _files(root, tests) if not self._is_known(root, name)]

    def _is_known(self, root: Path, name: str) -> bool:
        known = self._files.get(name, {})
        if known.get("text") != _digest(root / name):
            return False
        return all(outline(root / module) == was for module, was in known.get("modules", {"": ""}).items())

    def learn(self, root: Path, files: Iterable[str], found: dict[str, dict[str, Any]]) -> None:
        """Keep what a run with a tracer saw of files of tests."""
        for name in files:
            tests = {test: seen for test, seen in found.items() if test.partition("::")[0] == name}
            functions = sorted({function for seen in tests.values() for function in seen["functions"]})
            number = {function: n for n, function in enumerate(functions)}
            for seen in tests.values():
                seen["functions"] = [number[function] for function in seen["functions"]]
            modules = {function.partition(":")[0] for function in functions}
            self._files[name] = {
                "text": _digest(root / name),
                "modules": {module: outline(root / module) for module in sorted(modules)},
                "functions": functions,
                "tests": tests,
            }
        self._path.write_text(json.dumps(self._files), encoding="utf-8")

    def failing(self, root: Path, tests: Iterable[str]) -> list[str]:
        """Return the tests that failed without a fault."""
        return [name for name, seen in self._tests(root, tests) if not seen["passed"]]

    def passes_quickly(self, test: str) -> bool:
        """Return whether a test passed without a fault, so quickly that no load of the machine matters."""
        seen = self._files.get(test.partition("::")[0], {"tests": {}})["tests"].get(test)
        return seen is not None and seen["passed"] and seen["seconds"] < QUICK

    def first(self, root: Path, tests: Iterable[str], file: str, function: str) -> list[str]:
        """Return the tests that call ``function`` of ``file``, the quickest of them, quick ones first.

        An empty ``function`` is the text of the module itself: any test that calls something of it.
        """
        chosen = []
        for name in _files(root, tests):
            known = self._files.get(name, {"functions": [], "tests": {}})
            wanted = {n for n, called in enumerate(known["functions"]) if _is(called, file, function)}
            for test, seen in known["tests"].items():
                if seen["passed"] and not wanted.isdisjoint(seen["functions"]):
                    chosen.append((seen["seconds"], test))
        spent, names = 0.0, []
        for seconds, test in sorted(chosen)[:ENOUGH_TESTS]:
            spent += seconds
            if names and spent > ENOUGH_SECONDS:
                break
            names.append(test)
        return names

    def _tests(self, root: Path, tests: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        for name in _files(root, tests):
            yield from self._files.get(name, {"tests": {}})["tests"].items()


def changed_function(before: str, after: str) -> str:
    """Return the name of the innermost function in which two texts of a module differ first, "" for none."""
    pairs = zip(before.splitlines(), [*after.splitlines(), ""], strict=False)
    line = next((n for n, (a, b) in enumerate(pairs, 1) if a != b), 1)
    return _innermost(ast.parse(before).body, line)


def _innermost(body: Sequence[ast.stmt], line: int) -> str:
    for node in body:
        if not node.lineno <= line <= (node.end_lineno or node.lineno):
            continue
        if isinstance(node, ast.ClassDef):
            inner = _innermost(node.body, line)
            return f"{node.name}.{inner}" if inner else ""
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner = _innermost(node.body, line)
            return f"{node.name}.<locals>.{inner}" if inner else node.name
        for name in ("body", "orelse", "finalbody"):
            if found := _innermost(getattr(node, name, []), line):
                return found
    return ""


def _is(called: str, file: str, function: str) -> bool:
    name, _, qualified = called.partition(":")
    return name == file and (
        not function or qualified == function or qualified.startswith(function + ".<locals>")
    )


def _files(root: Path, tests: Iterable[str]) -> list[str]:
    files = []
    for test in tests:
        path = root / test.partition("::")[0]
        found = sorted(path.rglob("test_*.py")) if path.is_dir() else [path]
        files += [str(each.relative_to(root)) for each in found]
    return list(dict.fromkeys(files))


@functools.cache
def outline(path: Path) -> str:
    """Return a digest of what a module defines and imports, "" if there is none; other lines may change.

    Parameters
    ----------
    path
        The module. It is read once: the code does not change while faults are judged, but for the faults.
    """
    if not path.is_file():
        return ""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.append(node.name)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names.append(ast.unparse(node))
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:16]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]

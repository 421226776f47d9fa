"""How many small faults the tests notice: each is put into a copy of the code, and the tests of it are run.

    python benchmarks/mutation.py                         every fault
    python benchmarks/mutation.py --package data          those of one package
    python benchmarks/mutation.py --sample 30 --seed 7    thirty, drawn at random
    python benchmarks/mutation.py --minutes 20            as many as begin within twenty minutes
    python benchmarks/mutation.py --quick                 ask only the tests that call the changed function
    python benchmarks/mutation.py --check                 only look whether every pattern is found once
    python benchmarks/mutation.py --work FOLDER           keep what is found, and go on from it later
    python benchmarks/mutation.py --work FOLDER --record  write into the tables which test noticed a fault

The faults are listed in ``benchmarks/mutants/*.toml``, one list for each package: the ``file``, the
``pattern`` (must occur once), its ``replacement``, ``why`` it matters, and the ``tests`` to ask first.
The tests of the whole part are named at the head of the list. A fault that changes nothing visible carries
``equivalent``, the reason, and is not run. ``noticed_by`` names the test that noticed it when it was last
judged: that test is asked before all others, and ``--check`` says when there is no such test any more.

The tests that are asked first are run without a fault once, and what each calls is noted
(:mod:`executed`); of these, those that call the changed function are run with the fault, quick ones before
long ones. What none of them notices is left to all tests of the part, at the end (with ``--quick``: it is
listed, and left to a later run). A long test that fails is
run again without the fault: what fails then, too, has noticed nothing. A fault that makes the tests hang
counts as noticed when the same tests end without it. Everything runs at low priority. With ``--work`` a
later run judges only what is new, changed, survived or unknown.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from executed import Map, Tracer, changed_function

ROOT = Path(__file__).resolve().parents[1]
TABLES = Path(__file__).with_name("mutants")
# Imported once and shared with every run of tests, which are forked: most of the time of a short one.
PRELOADED = (
    "pytest",
    "hypothesis.extra.numpy",
    "numpy",
    "scipy.optimize",
    "scipy.signal",
    "scipy.stats",
    "h5py",
    "lmfit",
    "xarray",
    "matplotlib.pyplot",
    "pint",
    "pymeasure.instruments",
    "pymeasure.experiment",
)
TOGETHER = 8  # files of tests that are traced in one process
HANGS = 60.0  # s; no test is taken for hanging before, unless told otherwise
LIMIT = 1800.0  # s, of all tests of a part


@dataclass(frozen=True)
class Mutant:
    """One fault: ``pattern`` in ``file`` becomes ``replacement``."""

    package: str
    file: str
    pattern: str
    replacement: str
    why: str
    first: tuple[str, ...]
    part: tuple[str, ...]
    equivalent: str = ""
    noticed_by: str = ""

    def mutated(self, root: Path) -> str:
        """Return the text of the file with the fault in it."""
        path = root / self.file
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if (count := text.count(self.pattern)) != 1:
            raise LookupError(f"{self.file}: wanted once, found {count} times: {self.pattern!r} ({self.why})")
        return text.replace(self.pattern, self.replacement)

    def changed(self, root: Path) -> str:
        """Return the name of the function that the fault is in, "" outside of functions."""
        return changed_function((root / self.file).read_text(encoding="utf-8"), self.mutated(root))


@dataclass(frozen=True)
class Verdict:
    """What the tests said of one fault: noticed, survived, hung, or unknown."""

    mutant: Mutant
    outcome: str
    seconds: float
    noticed_by: str = ""


@dataclass(frozen=True)
class Ended:
    """How a run of tests ended: the exit code (None: time limit), its last test, and why."""

    code: int | None
    test: str
    why: str


def load(tables: Path = TABLES) -> list[Mutant]:
    """Return all faults of the tables, file by file."""
    mutants = []
    for path in sorted(tables.glob("*.toml")):
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        part = tuple(content["tests"])
        for entry in content["mutant"]:
            first = tuple(entry.pop("tests", part))
            mutants.append(Mutant(package=path.stem, first=first, part=part, **entry))
    return mutants


def stale(mutants: Sequence[Mutant], root: Path = ROOT) -> list[str]:
    """Return what is wrong with the patterns and tests of faults, one line each."""
    wrong = []
    for mutant in mutants:
        try:
            ast.parse(mutant.mutated(root))
        except LookupError as error:
            wrong.append(str(error))
        except SyntaxError as error:  # every test would notice it
            wrong.append(f"{mutant.file}: {mutant.why}: what stands there then is no Python: {error}")
        for test in (*mutant.first, *mutant.part):
            if not (root / test.partition("::")[0]).exists():
                wrong += [f"{mutant.file}: {mutant.why}: there are no tests {test}"]
        if mutant.noticed_by and not _is_there(root, mutant.noticed_by):
            wrong += [f"{mutant.file}: {mutant.why}: there is no test {mutant.noticed_by}; judge it again"]
    return list(dict.fromkeys(wrong))


def _is_there(root: Path, test: str) -> bool:
    """Return whether a test stands in its file, whatever its parameters."""
    file, _, name = test.partition("[")[0].partition("::")
    path = root / file
    return path.is_file() and f"def {name.rpartition('::')[2]}(" in path.read_text(encoding="utf-8")


def record(verdicts: Sequence[Verdict], tables: Path = TABLES) -> int:
    """Write into the tables which test noticed a fault; return for how many."""
    count = 0
    for verdict in verdicts:
        test = verdict.noticed_by.partition(" ")[0].partition("[")[0]
        if verdict.outcome not in ("noticed", "hung") or not _is_there(ROOT, test):
            continue
        path = tables / f"{verdict.mutant.package}.toml"
        entries = path.read_text(encoding="utf-8").split("\n[[mutant]]\n")
        for number, entry in enumerate(entries[1:], 1):
            written = tomllib.loads(entry)
            if _key(written) != _key(asdict(verdict.mutant)) or written.get("noticed_by"):
                continue
            entries[number] = f'{entry.rstrip()}\nnoticed_by = "{test}"\n'
            count += 1
        path.write_text("\n[[mutant]]\n".join(entries), encoding="utf-8")
    return count


class Last:
    """A pytest plugin: writes down which test runs, and what made it fail."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._note("", "")

    def _note(self, test: str, why: str) -> None:
        self._path.write_text(json.dumps([test, why]), encoding="utf-8")

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Note which test runs: one that ends the process cannot say so."""
        self._note(nodeid, "")

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note why a test failed."""
        if report.failed:
            self._note(report.nodeid, (str(report.longrepr).strip().splitlines() or [""])[-1][-200:])


class Copy:
    """A copy of the repository in which tests are run, with a fault or without."""

    def __init__(self, folder: Path) -> None:
        self.root, self.log, self._last = folder / "copy", folder / "log", folder / "last"
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        for name in filter(None, listed.decode().split("\0")):
            if (ROOT / name).exists():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.root / name)

    @contextmanager
    def fault(self, mutant: Mutant) -> Iterator[None]:
        """Put a fault in, and take it out again."""
        path = self.root / mutant.file
        text = path.read_text(encoding="utf-8")
        try:
            self._write(path, mutant.mutated(self.root))
            yield
        finally:
            self._write(path, text)

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            compiled.unlink()  # two texts of equal size within one second look alike to Python

    def test(self, arguments: Sequence[str], limit: float, plugins: Sequence[object] = ()) -> Ended:
        """Run tests until the first failure, ``limit`` seconds at most, in a process of their own."""
        deadline = time.monotonic() + limit
        self._last.write_text('["", ""]', encoding="utf-8")
        child = os.fork()
        if not child:
            self._become_pytest(arguments, [*plugins, Last(self._last)])
        code = _awaited(child, deadline)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        test, why = json.loads(self._last.read_text(encoding="utf-8"))
        return Ended(code, test, why if code is not None else "time limit")

    def _become_pytest(self, arguments: Sequence[str], plugins: Sequence[object]) -> None:
        code = 3
        try:
            os.setsid()
            with self.log.open("wb") as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
            os.chdir(self.root)
            os.environ["PYTHONPATH"] = str(self.root)
            os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled once, not in every process
            sys.dont_write_bytecode = False
            sys.path[:0] = [str(self.root)]
            import pytest

            options = ["-q", "--tb=line", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
            for plugin in ("cacheprovider", "randomly", "xdist"):
                options += ["-p", f"no:{plugin}"]
            code = int(pytest.main([*options, *arguments], plugins=list(plugins)))
        except BaseException:  # noqa: BLE001 - the log says what it was; the verdict is unknown
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


def _awaited(child: int, deadline: float) -> int | None:
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


class Judge:
    """Runs faults one after another; learns first what the tests do without one."""

    def __init__(self, copy: Copy, work: Path, *, callers_only: bool = False, hangs: float = HANGS) -> None:
        self._copy, self._map, self._seen = copy, Map(work / "executed.json"), work / "seen.json"
        self._callers_only, self._hangs = callers_only, hangs
        self._doubtful: set[str] = set()

    def learn(self, part: Sequence[str]) -> None:
        """Trace the files of tests of a part that are not known as they are now."""
        unknown = self._map.unknown(self._copy.root, part)
        for n in range(0, len(unknown), TOGETHER):
            names = unknown[n : n + TOGETHER]
            self._seen.unlink(missing_ok=True)
            ended = self._copy.test(names, 3600.0, [Tracer(self._copy.root, self._seen)])
            if not self._seen.exists():
                raise SystemExit(f"{names}: could not be run without a fault: {ended}; see {self._copy.log}")
            self._map.learn(self._copy.root, names, json.loads(self._seen.read_text(encoding="utf-8")))
            for test in self._map.failing(self._copy.root, names):
                print(f"fails without a fault, not asked: {test}", flush=True)

    def quick(self, mutant: Mutant) -> Verdict:
        """Return what those tests say of a fault that are known to call it, and those to ask first."""
        return self._verdict(mutant, mutant.first, thorough=False)

    def thorough(self, mutant: Mutant) -> Verdict:
        """Return what all tests of its part say of a fault."""
        return self._verdict(mutant, mutant.part, thorough=True)

    def _verdict(self, mutant: Mutant, learned: Sequence[str], *, thorough: bool) -> Verdict:
        began = time.monotonic()
        self.learn(learned)
        everything = list(dict.fromkeys((*mutant.first, *mutant.part)))
        function = mutant.changed(self._copy.root)
        first = self._map.first(self._copy.root, everything, mutant.file, function)
        if mutant.noticed_by:
            first = [
                mutant.noticed_by,
                *(test for test in first if test.partition("[")[0] != mutant.noticed_by),
            ]
        outcome, why = self._ask(mutant, first) if first else ("survived", "")
        enough = self._callers_only and bool(first)
        if outcome == "survived" and not enough and (thorough or mutant.first != mutant.part):
            # other processes run it, too
            rest = everything if thorough else mutant.first
            outcome, why = self._ask(mutant, [*rest, *(f"--deselect={test}" for test in first)])
        return Verdict(mutant, outcome, time.monotonic() - began, why or f"{len(first)} tests call it")

    def _ask(self, mutant: Mutant, tests: Sequence[str]) -> tuple[str, str]:
        """Return what tests say of a fault, and which; one that fails without it, too, is asked no more."""
        for _ in range(5):
            arguments = ["-x", "-o", f"timeout={self._hangs}", *tests]
            arguments += [f"--deselect={test}" for test in self._doubtful]
            with self._copy.fault(mutant):
                ended = self._copy.test(arguments, LIMIT)
            if ended.code in (0, 5):  # all passed, or none is left
                return "survived", ""
            if not ended.test:  # nothing could be collected: the fault is seen when a module is loaded
                return ("noticed" if ended.code in (1, 2, 4) else "unknown"), "collection"
            slow = ended.code is None or "from pytest-timeout" in ended.why
            trusted = not slow and self._map.passes_quickly(ended.test)
            if trusted or self._copy.test([ended.test], self._hangs).code == 0:
                return ("hung" if slow else "noticed"), f"{ended.test} {ended.why}"
            print(f"fails without a fault, asked no more: {ended.test}", flush=True)
            self._doubtful.add(ended.test)
        return "unknown", "too many tests fail without a fault"


def judged(
    mutants: Sequence[Mutant],
    minutes: float,
    work: Path | None,
    *,
    callers_only: bool = False,
    hangs: float = HANGS,
) -> Iterator[Verdict]:
    """Yield verdicts until all faults are judged, or no more may begin; known ones come from ``work``."""
    deadline = time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        kept = Path(folder) if work is None else work
        kept.mkdir(parents=True, exist_ok=True)
        known = _known(kept / "verdicts.jsonl")
        yield from (known[_key(asdict(m))] for m in mutants if _key(asdict(m)) in known)
        judge = Judge(Copy(Path(folder)), kept, callers_only=callers_only, hangs=hangs)
        left = [mutant for mutant in mutants if _key(asdict(mutant)) not in known]
        for ask, last in ((judge.quick, callers_only), (judge.thorough, True)):
            now, left = left, []
            for mutant in now:
                if time.monotonic() > deadline:
                    return
                verdict = ask(mutant)
                said = f"{verdict.outcome:<9}{verdict.seconds:6.1f} s  {mutant.file}: {mutant.why}"
                print(f"{said} [{verdict.noticed_by}]", flush=True)
                if last or verdict.outcome in ("noticed", "hung"):
                    with (kept / "verdicts.jsonl").open("a", encoding="utf-8") as file:
                        file.write(json.dumps(asdict(verdict)) + "\n")
                    yield verdict
                else:
                    left.append(mutant)


def _key(mutant: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(mutant[name]) for name in ("file", "pattern", "replacement"))


def _known(path: Path) -> dict[tuple[str, ...], Verdict]:
    """Return what was noticed in earlier runs."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    found = {}
    for entry in map(json.loads, lines):
        if entry["outcome"] in ("noticed", "hung"):
            mutant = Mutant(**entry.pop("mutant"))
            found[_key(asdict(mutant))] = Verdict(mutant, **entry)
    return found


def table(verdicts: Sequence[Verdict], chosen: Sequence[Mutant]) -> str:
    """Return the score of each package, survivors and what could not be judged."""
    groups: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        groups[verdict.mutant.package].append(verdict)
    lines = [f"{'package':<14}{'noticed':>8}{'judged':>8}{'chosen':>8}"]
    counts = Counter(mutant.package for mutant in chosen)
    lines += [_row(package, groups[package], counts[package]) for package in sorted(counts)]
    lines += [_row("all", list(verdicts), len(chosen))]
    for outcome in ("survived", "unknown", "hung"):
        found = [verdict for verdict in verdicts if verdict.outcome == outcome]
        lines += [f"\n{outcome}: {len(found)}"] if found else []
        lines += [
            f"  {v.mutant.file}: {v.mutant.why}{f' [{v.noticed_by}]' * bool(v.noticed_by)}" for v in found
        ]
    return "\n".join(lines)


def _row(name: str, verdicts: Sequence[Verdict], chosen: int) -> str:
    noticed = sum(verdict.outcome in ("noticed", "hung") for verdict in verdicts)
    known = sum(verdict.outcome != "unknown" for verdict in verdicts)
    score = f"{100 * noticed / known:6.1f} %" if known else ""
    return f"{name:<14}{noticed:>8}{known:>8}{chosen:>8} {score}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--package", action="append", default=[], help="faults of this table; may be repeated, in order"
    )
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="faults with this text in their file or reason"
    )
    parser.add_argument("--sample", type=int, metavar="N", help="draw N of them")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no more after this time")
    parser.add_argument(
        "--goal", type=float, default=0.0, help="exit code 1 if a smaller part is noticed, e.g. 0.95"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all verdicts there")
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="keep maps and verdicts, go on from them")
    parser.add_argument(
        "--hangs", type=float, default=HANGS, metavar="S", help="a test that takes longer hangs"
    )
    parser.add_argument(
        "--quick", action="store_true", help="ask only the tests that are known to call the changed function"
    )
    parser.add_argument(
        "--record", action="store_true", help="write into the tables which test noticed a fault"
    )
    parser.add_argument(
        "--check", action="store_true", help="run nothing; exit code 1 if a pattern is not found"
    )
    return parser.parse_args()


def _chosen(arguments: argparse.Namespace) -> list[Mutant]:
    mutants = [
        mutant
        for mutant in load()
        if (not arguments.package or mutant.package in arguments.package)
        and (arguments.only in mutant.file or arguments.only in mutant.why)
    ]
    if arguments.check:
        return mutants
    mutants = [mutant for mutant in mutants if not mutant.equivalent]
    if arguments.sample is not None and arguments.sample < len(mutants):
        mutants = random.Random(arguments.seed).sample(mutants, arguments.sample)
    order = arguments.package or sorted({mutant.package for mutant in mutants})
    return sorted(mutants, key=lambda mutant: order.index(mutant.package))


def main() -> int:
    """Judge the chosen faults, print the scores, and return the exit code."""
    arguments = _arguments()
    mutants = _chosen(arguments)
    wrong = stale(mutants)
    print("\n".join([*wrong, f"{len(mutants)} faults, {len(wrong)} of them not found as described"]))
    if arguments.check:
        return bool(wrong)
    os.nice(15)
    for name in PRELOADED:
        importlib.import_module(name)
    if any(name.partition(".")[0] == "labspin" for name in sys.modules):
        raise SystemExit("labspin is loaded before a copy of it is made: run this as a script")
    chosen = [mutant for mutant in mutants if not stale([mutant])]
    how = {"callers_only": arguments.quick, "hangs": arguments.hangs}
    verdicts = list(judged(chosen, arguments.minutes, arguments.work, **how))
    print("\n" + table(verdicts, mutants))
    if arguments.record:
        print(f"noted in the tables: {record(verdicts)}")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(v) for v in verdicts], indent=1), encoding="utf-8")
    known = [verdict for verdict in verdicts if verdict.outcome != "unknown"]
    noticed = sum(verdict.outcome != "survived" for verdict in known)
    return bool(wrong) or not known or noticed < arguments.goal * len(known)


if __name__ == "__main__":
    raise SystemExit(main())

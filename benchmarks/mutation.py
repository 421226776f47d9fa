"""How many small faults the tests notice: each is put into a copy of the code, and the tests of it are run.

    python benchmarks/mutation.py                         every fault (an hour and more)
    python benchmarks/mutation.py --package data          those of one package
    python benchmarks/mutation.py --sample 30 --seed 7    thirty, drawn at random
    python benchmarks/mutation.py --minutes 20            as many as begin within twenty minutes
    python benchmarks/mutation.py --check                 only look whether every pattern is found once

The faults are listed in ``benchmarks/mutants/*.toml``, one list for each package: the ``file``, the
``pattern`` (must occur once), its ``replacement``, ``why`` it matters, and the ``tests`` that are run first.
The tests of the whole part, named at the head of the list, are run after them. A fault that changes nothing
visible carries ``equivalent``, the reason, and is not run.

The tests are run without a fault first: where they fail, nothing can be said of the fault. A fault that makes
the tests hang counts as noticed, and is named. Everything runs at low priority.
"""

from __future__ import annotations

import argparse
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

ROOT = Path(__file__).resolve().parents[1]
TABLES = Path(__file__).with_name("mutants")
# Imported once and shared with every run of tests, which are forked: most of the time of a short one.
PRELOADED = (
    "pytest",
    "numpy",
    "scipy.optimize",
    "scipy.signal",
    "h5py",
    "lmfit",
    "pymeasure.instruments",
)
SHORTEST_LIMIT = 180.0  # s; no run of tests is taken for hanging before


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

    def mutated(self, root: Path) -> str:
        """Return the text of the file with the fault in it."""
        path = root / self.file
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if (count := text.count(self.pattern)) != 1:
            raise LookupError(f"{self.file}: wanted once, found {count} times: {self.pattern!r} ({self.why})")
        return text.replace(self.pattern, self.replacement)


@dataclass(frozen=True)
class Verdict:
    """What the tests said of one fault: noticed, survived, hung, or unknown."""

    mutant: Mutant
    outcome: str
    seconds: float
    noticed_by: str = ""


def load(tables: Path = TABLES) -> list[Mutant]:
    """Return all faults of the tables, file by file."""
    mutants = []
    for path in sorted(tables.glob("*.toml")):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        part = tuple(table["tests"])
        for entry in table["mutant"]:
            first = tuple(entry.pop("tests", ()))
            mutants.append(Mutant(package=path.stem, first=first, part=part, **entry))
    return mutants


def stale(mutants: Sequence[Mutant], root: Path = ROOT) -> list[str]:
    """Return what is wrong with the patterns and tests of faults, one line each."""
    wrong = []
    for mutant in mutants:
        try:
            mutant.mutated(root)
        except LookupError as error:
            wrong.append(str(error))
        for test in (*mutant.first, *mutant.part):
            if not (root / test.partition("::")[0]).exists():
                wrong += [f"{mutant.file}: {mutant.why}: there are no tests {test}"]
    return list(dict.fromkeys(wrong))


class Copy:
    """A copy of the repository in which tests are run, with a fault or without."""

    def __init__(self, folder: Path) -> None:
        self.root, self.log = folder / "copy", folder / "log"
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

    def test(self, tests: Sequence[str], limit: float) -> tuple[str, float, str]:
        """Run tests until the first failure; return how they ended, the time in s and what failed."""
        began = time.monotonic()
        child = os.fork()
        if not child:
            self._become_pytest(tests)
        code = _awaited(child, began + limit)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        taken = time.monotonic() - began
        if code is None:
            return "hung", taken, "time limit"
        # 1: a test failed; 2: interrupted, as by an error of collection; others: no verdict.
        outcome = {0: "survived", 1: "noticed", 2: "noticed"}.get(code, "unknown")
        return outcome, taken, self._failure() if code else ""

    def _become_pytest(self, tests: Sequence[str]) -> None:
        code = 3
        try:
            os.setsid()
            with self.log.open("wb") as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
            os.chdir(self.root)
            os.environ["PYTHONPATH"] = str(self.root)
            sys.path[:0] = [str(self.root)]
            import pytest

            options = ["-x", "-q", "--tb=line", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
            for plugin in ("cacheprovider", "randomly", "xdist"):
                options += ["-p", f"no:{plugin}"]
            code = int(pytest.main([*options, *tests]))
        except BaseException:  # noqa: BLE001 - the log says what it was; the verdict is unknown
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _failure(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line for line in lines if line.startswith(("FAILED", "ERROR"))), (lines or [""])[-1])


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
    """Runs faults one after another, each part's tests without a fault first."""

    def __init__(self, copy: Copy) -> None:
        self._copy = copy
        self._clean: dict[tuple[str, ...], tuple[str, float, str]] = {}

    def verdict(self, mutant: Mutant) -> Verdict:
        """Return what the tests of the part say of one fault."""
        tests = tuple(dict.fromkeys((*mutant.first, *mutant.part)))
        if tests not in self._clean and mutant.part not in self._clean:
            self._clean[mutant.part] = self._copy.test(mutant.part, 3600.0)
        outcome, needed, why = self._clean[mutant.part]
        if outcome != "survived":
            return Verdict(mutant, "unknown", needed, f"these tests fail without a fault: {why}")
        with self._copy.fault(mutant):
            return Verdict(mutant, *self._copy.test(tests, max(SHORTEST_LIMIT, 4 * needed)))


def judged(mutants: Sequence[Mutant], minutes: float) -> Iterator[Verdict]:
    """Yield verdicts until all faults are judged, or no more may begin."""
    deadline = time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        judge = Judge(Copy(Path(folder)))
        for mutant in mutants:
            if time.monotonic() > deadline:
                return
            yield judge.verdict(mutant)


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
        "--package", action="append", default=[], help="faults of this table only; may be repeated"
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
    return sorted(mutants, key=lambda mutant: mutant.part)


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
    verdicts = []
    for verdict in judged([m for m in mutants if not stale([m])], arguments.minutes):
        verdicts.append(verdict)
        print(
            f"{verdict.outcome:<9}{verdict.seconds:6.1f} s  {verdict.mutant.file}: {verdict.mutant.why}",
            flush=True,
        )
    print("\n" + table(verdicts, mutants))
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(v) for v in verdicts], indent=1), encoding="utf-8")
    known = [verdict for verdict in verdicts if verdict.outcome != "unknown"]
    noticed = sum(verdict.outcome != "survived" for verdict in known)
    return bool(wrong) or not known or noticed < arguments.goal * len(known)


if __name__ == "__main__":
    raise SystemExit(main())

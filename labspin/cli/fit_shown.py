"""What `labspin fit` keeps of its results, and prints of them: few one by one, many as a table."""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labspin.cli.output import console, outcome_row, print_json, print_table
from labspin.errors import FitError

if TYPE_CHECKING:
    from labspin.analysis import ChainOutcome, FileResult

__all__ = ["FEW", "Gathered", "Shown", "counted", "print_fits", "print_fits_json"]

FEW = 12
"""Files up to which all results are printed and drawn."""
_WORST = 5
"""Fits with the largest reduced χ² that are named, of many."""
_ROWS = 24
"""Traces up to which all are printed."""
_NAMED = 20
"""Files that could not be fitted that are named; all of them stand in the JSON."""
_LINES = 40
"""Lines of the table of many files."""
_STAMP = re.compile(r"\d{8}-\d{6}(-\d+(?=$))?")


@dataclass(frozen=True)
class _Line:
    """A trace of one of many files."""

    place: tuple[int, int]
    file: str
    label: str
    values: dict[str, float]
    rows: dict[str, Mapping[str, Any]]
    chi2: float
    p: float
    doubtful: bool

    def key(self, column: str) -> tuple[bool, float | str]:
        """Return what the line is sorted by; what has no such value comes last.

        Parameters
        ----------
        column
            ``file``, ``label``, ``chi2``, ``p`` or a parameter.
        """
        if column in ("file", "label"):
            return False, getattr(self, column)
        value = {"chi2": self.chi2, "p": self.p, **self.values}.get(column, math.nan)
        return math.isnan(value), value


@dataclass
class Gathered:
    """What is kept of the results: everything of few files, of many only what is asked for."""

    few: bool
    keep: bool
    sort: str = ""
    falling: bool = False
    limit: int = _LINES
    skipped: dict[Path, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    traces: Counter[str] = field(default_factory=Counter)
    worst: list[tuple[float, str]] = field(default_factory=list)
    failures: dict[int, FileResult] = field(default_factory=dict)
    results: dict[int, FileResult] = field(default_factory=dict)
    lines: dict[str, list[_Line]] = field(default_factory=lambda: defaultdict(list))
    lengths: Counter[str] = field(default_factory=Counter)
    columns: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    seconds: float = 0.0
    interrupted: bool = False
    broken: list[str] = field(default_factory=list)  # chains that could not continue from a fit

    def note(self, place: int, result: FileResult) -> None:
        """Count a result, and keep it where it is wanted.

        Parameters
        ----------
        place
            Place of its file among all.
        result
            Result of one file.
        """
        self.counts[result.status] += 1
        self.traces.update(result.traces)
        if result.status == "failed":
            self.failures[place] = result
            return
        self.broken += [link.error for link in result.linked if link.status == "failed"]
        if self.keep:
            self.results[place] = result
        if not self.few:
            self._note_lines(place, result)
        for value, label in result.misfits(_WORST):
            self.worst.append(
                (value, f"{result.path}: {label}" if len(result.labels) > 1 else str(result.path))
            )
        self.worst = sorted(self.worst, reverse=True)[:_WORST]

    def _note_lines(self, place: int, result: FileResult) -> None:
        for rows in _by_trace(result):
            line = _line(place, result, rows)
            name = rows[0]["fit"]
            self.lengths[name] += 1
            self.columns[name].update(dict.fromkeys(line.values))
            self.lines[name].append(line)
            if self.limit and len(self.lines[name]) > 4 * self.limit:
                self.lines[name] = self.sorted_lines(name)[: self.limit]

    def sorted_lines(self, name: str) -> list[_Line]:
        """Return the lines of a fit as they are asked for, in the order of the files otherwise.

        Parameters
        ----------
        name
            Name of the fit.
        """
        column = self.sort
        lines = sorted(self.lines[name], key=lambda line: line.place, reverse=self.falling)
        if not column:
            return lines
        lines.sort(key=lambda line: line.key(column)[1], reverse=self.falling)
        return sorted(lines, key=lambda line: line.key(column)[0])

    def refuse_unknown_sort(self) -> None:
        """Refuse to sort by what no fit has."""
        column = self.sort
        known = [
            "file",
            "label",
            "chi2",
            "p",
            *dict.fromkeys(n for one in self.columns.values() for n in one),
        ]
        if column and column not in known:
            near = difflib.get_close_matches(column, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise FitError(f"--sort: wanted one of {', '.join(known)}, got {column!r}{hint}")

    def ordered(self) -> list[FileResult]:
        """Return the results in the order of the files, with the file names where labels are equal."""
        found = [self.results[place] for place in sorted(self.results)]
        files: dict[str, list[FileResult]] = defaultdict(list)
        for result in found:
            for label in set(result.labels):
                files[label].append(result)
        return [_told_apart(result, files) for result in found]


@dataclass(frozen=True)
class Shown:
    """What is printed beside what was gathered."""

    results: list[FileResult]
    linked: ChainOutcome | None
    pictures: list[Path]
    table: Path | None


def counted(counts: Counter[str]) -> str:
    """Return how many of which kind as text.

    Parameters
    ----------
    counts
        Kind to number.
    """
    return ", ".join(f"{count} {status}" for status, count in sorted(counts.items()) if count) or "none"


def _told_apart(result: FileResult, files: dict[str, list[FileResult]]) -> FileResult:
    names = {label: _name_among(result.path, [one.path for one in files[label]]) for label in result.labels}
    if not any(names.values()):
        return result
    said = {label: f"{label} ({name})" if name else label for label, name in names.items()}
    return replace(
        result,
        labels=tuple(said[label] for label in result.labels),
        outcomes=tuple(one.with_changes(label=said.get(one.label, one.label)) for one in result.outcomes),
    )


def _name_among(path: Path, others: list[Path]) -> str:
    """Return the shortest name of a file by which it is known among others; nothing where it is alone."""
    if len(others) < 2:
        return ""
    ways = (_stamp, lambda one: one.name, str)
    return next((way(path) for way in ways if len({way(one) for one in others}) == len(others)), str(path))


def _stamp(path: Path) -> str:
    match = _STAMP.match(path.stem)
    return match[0] if match else path.name


def _by_trace(result: FileResult) -> list[list[dict[str, Any]]]:
    """Return the rows of a fit, those of each trace together."""
    traces: dict[int, list[dict[str, object]]] = {}
    for row in result.own_rows():
        traces.setdefault(row["trace"], []).append(row)
    return list(traces.values())


def _line(place: int, result: FileResult, rows: list[dict[str, Any]]) -> _Line:
    first = rows[0]
    return _Line(
        (place, first["trace"]),
        result.path.name,
        first["label"],
        {row["parameter"]: float(row["value"]) for row in rows},
        {row["parameter"]: row for row in rows},
        math.nan if _scaled(result) else float(first["chi2red"]),
        float(first["p_value"]),
        bool(first["warnings"]) or not first["converged"],
    )  # fmt: skip


def _noted(row: Mapping[str, Any], like: float | None) -> str:
    """Return the value of a row, and whether it was held or could not be determined."""
    from labspin.analysis.outcome import noted

    return noted(row["value"], row["stderr"], row["unit"], fixed=row["kind"] == "fixed", like=like)


def _sizes(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], float | None]:
    """Return the size of each parameter, by name and unit: it has one prefix in a table."""
    from labspin.analysis.outcome import common_size

    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in rows:
        error = row["stderr"] if math.isfinite(row["stderr"]) else 0.0
        found[row["parameter"], row["unit"]].append(max(abs(row["value"]), error))
    return {name: common_size(values) for name, values in found.items()}


def _scaled(result: FileResult) -> bool:
    return result.record is not None and bool(result.record.statistics.get("errors_from_scatter"))


def print_fits_json(results: list[FileResult], gathered: Gathered, shown: Shown) -> None:
    """Print one JSON document.

    Parameters
    ----------
    results
        Results of all files, in their order.
    gathered, shown
        What came of them.
    """
    failures = [gathered.failures[place] for place in sorted(gathered.failures)]
    document: dict[str, object] = {
        "fits": [row for result in results for row in result.rows()],
        "failures": [{"path": str(result.path), "error": result.error} for result in failures],
        "skipped": [{"path": str(path), "reason": why} for path, why in gathered.skipped.items()],
        "counts": dict(gathered.counts),
        "traces": dict(gathered.traces),
        "worst": [{"where": where, "chi2red": value} for value, where in gathered.worst],
        "picture": str(shown.pictures[0]) if shown.pictures else None,
        "pictures": [str(picture) for picture in shown.pictures],
        "table": None if shown.table is None else str(shown.table),
    }
    if shown.linked is not None:
        outcome = shown.linked.outcome
        document["chain"] = {"fits": outcome.rows(), "left_out": list(shown.linked.left_out)}
    print_json(document)


def print_fits(gathered: Gathered, shown: Shown) -> None:
    """Print tables and sentences for a person.

    Parameters
    ----------
    gathered, shown
        What came of the fits.
    """
    gathered.refuse_unknown_sort()
    said = _print_lines(gathered) if shown.linked is None else []
    said += _print_one_by_one(shown)
    said += _bad(gathered)
    if gathered.counts["refitted"]:
        said.append(f"{gathered.counts['refitted']} had a fit of another recipe, model or version of labspin")
    total, doubtful = sum(gathered.traces.values()), gathered.traces["doubtful"]
    if total > max(len(shown.results), 1):
        said.append(
            f"{total} traces, {doubtful} of them doubtful" if doubtful else f"{total} traces, none doubtful"
        )
    said.append(f"{counted(gathered.counts)} in {gathered.seconds:.1f} s")
    said += [f"plot: {picture}" for picture in shown.pictures]
    said += [f"table: {shown.table}"] if shown.table is not None else []
    for line in said:
        console().print(line, markup=False)


def _print_lines(gathered: Gathered) -> list[str]:
    """Print a table for each fit of many files; return what is to be said of them."""
    said = []
    for name, length in gathered.lengths.items():
        lines = gathered.sorted_lines(name)[: gathered.limit or None]
        columns = list(gathered.columns[name])
        sizes = _sizes(row for line in lines for row in line.rows.values())
        rows = [
            (line.file, line.label, *_cells(line, columns, sizes), _number(line.chi2),
             _number(line.p), "doubtful" if line.doubtful else "")
            for line in lines
        ]  # fmt: skip
        heads = ("file", "run", *columns, "reduced χ²", "p", "")
        print_table(name, heads, rows, whole=("file", *columns))
        if length > len(lines):
            said.append(
                f"{name}: {len(lines)} of {length} traces are shown; --rows 0 or --table FILE has all"
            )
    if not gathered.sort and not gathered.few:
        said += [f"reduced χ² = {value:.3g}: {where}" for value, where in gathered.worst if value > 0]
    return said


def _cells(line: _Line, columns: Sequence[str], sizes: Mapping[tuple[str, str], float | None]) -> list[str]:
    """Return the values of a line, column by column; empty where it has none."""
    there = [line.rows.get(column) for column in columns]
    return ["" if row is None else _noted(row, sizes[row["parameter"], row["unit"]]) for row in there]


def _print_one_by_one(shown: Shown) -> list[str]:
    """Print the fits of few files; return what is to be said of them."""
    links = [link for result in shown.results for link in result.linked]
    heads = ("fit", "parameters", "reduced χ²", "p")
    sizes = _sizes(row for result in [*shown.results, *links] for row in result.own_rows())
    rows = [row for result in shown.results for row in _text_rows(result, sizes)]
    said = [sentence for result in [*shown.results, *links] for sentence in _doubts(result)]
    if len(rows) > _ROWS:
        said = [*said[:_NAMED], f"{_ROWS} of {len(rows)} traces are shown; --table FILE has them all"]
        rows = rows[:_ROWS]
    rows += [row for link in links for row in _text_rows(link, sizes)]
    if shown.linked is not None:
        outcome = shown.linked.outcome
        rows.append(outcome_row(outcome))
        said += [f"{outcome.name}: {warning}" for warning in outcome.warnings]
        said += list(shown.linked.left_out)
    for result in links:
        left_out = () if result.record is None else result.record.statistics.get("left_out", ())
        said += [str(text) for text in left_out]
    if rows:
        print_table("", heads, rows, whole=("parameters",))
    return said


def _bad(gathered: Gathered) -> list[str]:
    """Return what was not fitted, and why, each once."""
    failures = [gathered.failures[place] for place in sorted(gathered.failures)]
    alike: dict[str, list[str]] = defaultdict(list)  # what does not name its file itself
    for one in failures:
        if str(one.path) not in one.error:
            alike[one.error].append(one.path.name)
    bad = [*(one.error for one in failures if str(one.path) in one.error), *gathered.broken]
    said = [f"not fitted: {error}" for error in bad[:_NAMED]]
    said += [f"not fitted: {len(bad) - _NAMED} more; --json names them all"] if len(bad) > _NAMED else []
    said += [f"not fitted: {error} ({_some(names)})" for error, names in alike.items()]
    reasons: dict[str, list[str]] = defaultdict(list)
    for path, why in gathered.skipped.items():
        reasons[why].append(path.name)
    return [*said, *(f"skipped ({why}): {_some(names)}" for why, names in reasons.items())]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def _doubts(result: FileResult) -> list[str]:
    """Return what is doubtful about each trace; what is said of every one of several, once."""
    rows = {row["trace"]: row for row in result.own_rows()}
    texts = {trace: _warnings_of(result, trace, row) for trace, row in rows.items()}
    every = set.intersection(*map(set, texts.values())) if len(texts) > 1 else set()
    common = [text for text in next(iter(texts.values()), ()) if text in every]
    fit = next((row["fit"] for row in rows.values()), "")
    said = [f"{fit}, all {len(texts)} traces: {'; '.join(common)}"] if common else []
    for trace, row in rows.items():
        if own := "; ".join(text for text in texts[trace] if text not in every):
            said.append(f"{row['label'] or row['fit']}: {own}")
    return said


def _warnings_of(result: FileResult, trace: int, row: Mapping[str, Any]) -> tuple[str, ...]:
    from labspin.analysis.recipes.fit_records import warnings_of_trace

    if result.record is None:
        return (row["warnings"],) if row["warnings"] else ()
    return warnings_of_trace(result.record, trace)


def _text_rows(
    result: FileResult, sizes: Mapping[tuple[str, str], float | None]
) -> list[tuple[str, str, str, str]]:
    found = []
    for rows in _by_trace(result):
        chosen = [rows[0]["chosen"]] if rows[0]["chosen"] else []
        lines = chosen + [
            f"{row['parameter']} = {_noted(row, sizes[row['parameter'], row['unit']])}" for row in rows
        ]
        first = rows[0]
        name = first["label"] or first["fit"]
        found.append(
            (
                f"{name} (unchanged)" if result.status == "unchanged" else name,
                "\n".join(lines),
                _number(math.nan if _scaled(result) else first["chi2red"]),
                _number(first["p_value"]),
            )
        )
    return found


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"

"""One file of many: fitted, or found to be fitted already, in a form that travels between processes.

A fit is known by a fingerprint of all that it depends on: the measured points, the recipe, the file of a
lab's own model and the version of labspin. It is stored with the fit; where it is found again, nothing is
repeated. Copying or renaming a run, or adding other fits to it, does not change its fingerprint.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labspin.analysis.fit import fit_run
from labspin.analysis.model import FloatArray
from labspin.analysis.outcome import FitOutcome
from labspin.analysis.recipes import Recipe, default_recipe
from labspin.analysis.storage import record_of
from labspin.analysis.stored import outcomes_of
from labspin.analysis.traces import REPEATS, traces_of
from labspin.errors import LabspinError

if TYPE_CHECKING:
    from labspin.data import FitParameter, FitRecord, Run

__all__ = ["FileResult", "FitJob", "fingerprint", "fit_file"]

FINGERPRINT = "fingerprint"


@dataclass(frozen=True, kw_only=True)
class FitJob:
    """What is to be done with one file.

    Attributes
    ----------
    recipe
        None: the one of the run's procedure.
    write
        Store the fit in the run file.
    force
        Fit even if that very fit is stored.
    curves
        Bring data and curves along, to be drawn.
    wanted
        Names of parameters, columns or axes of the run of which each trace's value is needed.
    """

    path: Path
    recipe: Recipe | None = None
    write: bool = True
    force: bool = False
    curves: bool = False
    wanted: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class FileResult:
    """What came of one file.

    Attributes
    ----------
    status
        ``"fitted"``, ``"unchanged"`` (the fit was there already) or ``"failed"``.
    record
        The fit, without its curves.
    labels
        What tells the traces apart, one text a trace.
    context
        Name to one value a trace, of what the job wanted to know, with its unit.
    """

    path: Path
    status: str
    record: FitRecord | None = None
    labels: tuple[str, ...] = ()
    context: Mapping[str, tuple[FloatArray, str]] = field(default_factory=dict)
    outcomes: tuple[FitOutcome, ...] = ()
    error: str = ""
    seconds: float = 0.0

    def rows(self) -> list[dict[str, Any]]:
        """Return one plain row a trace and parameter, for tidy tables."""
        if self.record is None:
            return []
        return [
            self._row(self.record, parameter, trace)
            for trace in range(len(self.labels))
            for parameter in self.record.parameters
        ]

    def _row(self, record: FitRecord, parameter: FitParameter, trace: int) -> dict[str, Any]:
        statistics = record.statistics
        label = self.labels[trace]
        said = [text for text in str(statistics.get("warnings", "")).split(" | ") if text.strip(": ")]
        derived = parameter.name in record.recipe.get("derived", {})
        return {
            "source": str(self.path),
            "label": label,
            "trace": trace,
            "fit": record.name,
            "quantity": record.quantity,
            "model": record.model,
            "parameter": parameter.name,
            "value": float(parameter.value.ravel()[trace]),
            "stderr": float(parameter.stderr.ravel()[trace]),
            "unit": parameter.unit or "1",
            "kind": "fitted" if parameter.varied else "derived" if derived else "fixed",
            "chi2red": _at(statistics.get("reduced_chi_square"), trace),
            "p_value": _at(statistics.get("p_value"), trace),
            "points": int(_at(statistics.get("points"), trace)),
            "converged": bool(_at(statistics.get("success"), trace)),
            "warnings": "; ".join(
                text.removeprefix(f"{label}: ") for text in said if text.startswith(f"{label}: ")
            ),
        }


def fit_file(job: FitJob) -> FileResult:
    """Do one job; whatever goes wrong is in the result, so that it stops no other job."""
    start = time.perf_counter()
    try:
        result = _result(job)
    except LabspinError as error:
        result = FileResult(path=job.path, status="failed", error=str(error))
    except Exception as error:  # noqa: BLE001 - one bad file must not stop ten thousand good ones
        text = f"{job.path}: cannot be fitted: {type(error).__name__}: {error}"
        result = FileResult(path=job.path, status="failed", error=text)
    return replace(result, seconds=time.perf_counter() - start)


def fingerprint(run: Run, recipe: Recipe) -> str:
    """Return a digest of everything that the fit of ``run`` by ``recipe`` depends on."""
    from labspin import __version__

    digest = hashlib.sha256(f"{__version__}\0{run.header.run_id}\0{_recipe_text(recipe)}\0".encode())
    digest.update(np.ascontiguousarray(run.points.index).tobytes())
    for name in sorted(run.columns):
        values = run.columns[name]
        digest.update(name.encode())
        digest.update(
            "\0".join(map(str, values)).encode("utf-8", "replace")
            if values.dtype.kind == "O"
            else np.ascontiguousarray(values).tobytes()
        )
    return digest.hexdigest()[:32]


def _recipe_text(recipe: Recipe) -> str:
    # The folder does not matter, but the model in it does.
    text = repr(replace(recipe, folder=None))
    if ".py:" in recipe.model:
        source = (recipe.folder or Path()) / recipe.model.rpartition(":")[0]
        try:
            text += hashlib.sha256(source.read_bytes()).hexdigest()
        except OSError:
            text += "missing"  # loading the model says so
    return text


def _result(job: FitJob) -> FileResult:
    from labspin.data import read_run, write_fit

    run = read_run(job.path)
    recipe = job.recipe or default_recipe(run.header.procedure)
    mark = fingerprint(run, recipe)
    stored = None if job.force else _stored(run, mark)
    if stored is not None:
        outcomes = tuple(outcomes_of(run, stored)) if job.curves else ()
        labels = tuple(_label(run, trace.label) for trace in traces_of(run, recipe))
        return _made(job, run, recipe, "unchanged", stored, labels, outcomes)
    found = fit_run(run, recipe)
    record = record_of(found, recipe)
    record = replace(record, recipe={**record.recipe, FINGERPRINT: mark})
    if job.write:
        write_fit(job.path, record, replace_same=True)
    labels = tuple(outcome.label for outcome in found)
    kept = tuple(outcome.with_changes(source=str(job.path)) for outcome in found) if job.curves else ()
    return _made(job, run, recipe, "fitted", record, labels, kept)


def _made(
    job: FitJob,
    run: Run,
    recipe: Recipe,
    status: str,
    record: FitRecord,
    labels: tuple[str, ...],
    outcomes: tuple[FitOutcome, ...],
) -> FileResult:
    context = {
        name: found for name in job.wanted if (found := _wanted(run, recipe, name, len(labels))) is not None
    }
    return FileResult(
        path=job.path,
        status=status,
        record=replace(record, curve=None),
        labels=labels,
        context=context,
        outcomes=outcomes,
    )


def _stored(run: Run, mark: str) -> FitRecord | None:
    for record in run.fits:
        if record.recipe.get(FINGERPRINT) == mark:
            return record
    return None


def _label(run: Run, trace: str) -> str:
    return ", ".join(word for word in (run.header.label, trace) if word)


def _wanted(run: Run, recipe: Recipe, name: str, traces: int) -> tuple[FloatArray, str] | None:
    """Return the value of ``name`` at each trace: mean of a column, place on an axis, or a parameter."""
    layout = run.header.layout
    units = {axis.name: axis.unit for axis in layout.dimensions if axis.name not in REPEATS}
    units |= {c.name: c.unit for c in layout.columns if not c.shape and c.dtype in ("float64", "int64")}
    if name in units:
        found = traces_of(run, Recipe(name=recipe.name, x=recipe.x, y=name, model="", select=recipe.select))
        if len(found) == traces:
            means = [np.mean(trace.y[np.isfinite(trace.y)]) if len(trace.y) else np.nan for trace in found]
            return np.asarray(means, np.float64), units[name] or "1"
    value, unit = _parameter(run, name)
    if value is None:
        return None
    return np.full(traces, value), unit


def _parameter(run: Run, name: str) -> tuple[float | None, str]:
    """Return a number that holds for the whole run: a parameter of it, or a set-point."""
    entry = run.header.parameters.get(name)
    if isinstance(entry, Mapping) and _is_number(entry.get("value")):
        return float(entry["value"]), str(entry.get("unit") or "1")
    settings = run.header.extra.get("settings")
    for actuator, value in settings.items() if isinstance(settings, Mapping) else ():
        if actuator.replace(".", "_") == name and _is_number(value):
            actuators = run.header.snapshot.get("actuators")
            known = actuators.get(actuator) if isinstance(actuators, Mapping) else None
            return float(value), str(known.get("unit", "1")) if isinstance(known, Mapping) else "1"
    return None, "1"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _at(values: Any, trace: int) -> float:
    array = np.atleast_1d(np.asarray(np.nan if values is None else values, np.float64)).ravel()
    return float(array[trace]) if trace < array.size else float("nan")

"""What is to be done with one file of many, and what came of it, in a form that travels between processes.

A fit is known by a fingerprint of all that it depends on: the header and the measured points as they are
stored, the recipe, the file of a lab's own model and the version of labspin. It is stored with the fit; where
it is found again, nothing is repeated, and the columns are not even read. Copying or renaming a run, or
adding other fits to it, does not change its fingerprint.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labspin.analysis.model import FloatArray
from labspin.analysis.outcome import FitOutcome, chosen_text
from labspin.analysis.recipes.fit_records import chosen_of_trace, present_at_trace, warnings_of_trace
from labspin.analysis.recipes.recipe import Recipe
from labspin.system import read_bounded

if TYPE_CHECKING:
    from labspin.data import FitRecord

__all__ = ["FINGERPRINT", "FileResult", "FitJob", "fingerprint"]

FINGERPRINT = "fingerprint"
_STATISTICS = ("reduced_chi_square", "p_value", "points", "success")


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
        Bring data and curves of the first traces along, to be drawn.
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
        ``"fitted"``, ``"refitted"`` (it replaced one of another recipe, model or version),
        ``"unchanged"`` (the fit was there already) or ``"failed"``.
    record
        The fit, without its curves.
    labels
        What tells the traces apart, one text a trace.
    context
        Name to one value a trace, of what the job wanted to know, with its unit.
    recipe
        What it was fitted by.
    linked
        Results of the chains that continue from this fit.
    """

    path: Path
    status: str
    record: FitRecord | None = None
    labels: tuple[str, ...] = ()
    context: Mapping[str, tuple[FloatArray, str]] = field(default_factory=dict)
    outcomes: tuple[FitOutcome, ...] = ()
    error: str = ""
    seconds: float = 0.0
    recipe: Recipe | None = None
    linked: tuple[FileResult, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """Return one plain row a trace and parameter, for tidy tables."""
        return list(self.each_row())

    def each_row(self) -> Iterator[dict[str, Any]]:
        """Yield the rows one by one: ten thousand traces make as many times the number of parameters."""
        yield from self.own_rows()
        for link in self.linked:
            yield from link.each_row()

    def own_rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of this fit, without those of the chains that went on from it."""
        record = self.record
        if record is None:
            return
        statistics = {name: _column(record, name) for name in _STATISTICS}
        derived = record.recipe.get("derived", {})
        columns = [
            (p.name, p.value.ravel().tolist(), p.stderr.ravel().tolist(), p.unit or "1",
             "fitted" if p.varied else "derived" if p.name in derived else "fixed")
            for p in record.parameters
        ]  # fmt: skip
        head = {"fit": record.name, "quantity": record.quantity, "model": record.model}
        for trace, label in enumerate(self.labels):
            present = present_at_trace(record, trace)
            if not any(present):  # could not be fitted, which is told
                present = [True] * len(columns)
            head["chosen"] = chosen_text(chosen_of_trace(record, trace))
            tail = {
                "chi2red": _at(statistics["reduced_chi_square"], trace),
                "p_value": _at(statistics["p_value"], trace),
                "points": int(_at(statistics["points"], trace)),
                "converged": bool(_at(statistics["success"], trace)),
                "warnings": "; ".join(warnings_of_trace(record, trace)),
            }
            for name, values, errors, unit, kind in itertools.compress(columns, present):
                own = {"parameter": name, "value": values[trace], "stderr": errors[trace], "unit": unit}
                first = {"source": str(self.path), "label": label, "trace": trace}
                yield {**first, **head, **own, "kind": kind, **tail}

    def misfits(self, most: int) -> list[tuple[float, str]]:
        """Return the largest reduced χ² of fits whose points have errors, and their labels, worst first.

        Parameters
        ----------
        most
            How many to return at most.

        Returns
        -------
        found
            Pairs of reduced χ² and label; empty where the errors are from the scatter, or without a fit.
        """
        record = self.record
        if record is None or record.statistics.get("errors_from_scatter"):
            return []
        values = _column(record, "reduced_chi_square")
        order = np.argsort(np.where(np.isfinite(values), -values, np.inf))[:most]
        return [(float(values[k]), self.labels[k]) for k in order if np.isfinite(values[k])]

    @property
    def traces(self) -> dict[str, int]:
        """How many traces are ``sound`` and how many ``doubtful``: not converged, or with a warning."""
        record = self.record
        if record is None:
            return {"sound": 0, "doubtful": 0}
        success = np.atleast_1d(_column(record, "success"))
        doubtful = sum(
            not _at(success, trace) or bool(warnings_of_trace(record, trace))
            for trace in range(len(self.labels))
        )
        return {"sound": len(self.labels) - doubtful, "doubtful": doubtful}


def _at(values: FloatArray, trace: int) -> float:
    return float(values[trace]) if trace < values.size else float("nan")


def _column(record: FitRecord, name: str) -> FloatArray:
    value = record.statistics.get(name)
    return np.atleast_1d(np.asarray(np.nan if value is None else value, np.float64)).ravel()


def fingerprint(digest: str, recipe: Recipe) -> str:
    """Return a digest of all that a fit depends on.

    Parameters
    ----------
    digest
        That of the `labspin.data.RunFile`: of header and measured points.
    recipe
        The recipe of the fit.

    Returns
    -------
    digest
        32 hexadecimal digits; another version of labspin gives another one.
    """
    from labspin import __version__

    text = f"{__version__}\0{digest}\0{_recipe_text(recipe)}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _recipe_text(recipe: Recipe) -> str:
    # The folder does not matter, but the model in it does.
    text = repr(replace(recipe, folder=None, then=()))
    if ".py:" in recipe.model:
        source = (recipe.folder or Path()) / recipe.model.rpartition(":")[0]
        try:
            text += hashlib.sha256(read_bounded(source)).hexdigest()
        except OSError:
            text += "missing"  # loading the model says so
    return text

"""Fits of run files and of files that labspin did not write.

`fit_run` takes a run, applies the recipe of its procedure (or another) and returns one `FitOutcome` a trace;
with ``write=True`` the results are stored in the run file beside the data. `fit_foreign` takes two datasets
of any HDF5 file, or two columns of a text file.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.curve import fit_curve
from labspin.analysis.derived import with_derived
from labspin.analysis.model import FitModel
from labspin.analysis.models import load_model
from labspin.analysis.outcome import FitOutcome
from labspin.analysis.recipes import Recipe, default_recipe, load_recipe
from labspin.analysis.traces import Trace, traces_of
from labspin.errors import FitError, RecipeError
from labspin.units import parse_quantity

if TYPE_CHECKING:
    from labspin.data import Run

__all__ = ["fit_foreign", "fit_run", "fit_runs", "read_columns", "write_outcomes"]


def fit_run(
    run: Run | Path | str, recipe: Recipe | Path | str | None = None, *, write: bool = False
) -> list[FitOutcome]:
    """Fit a run by a recipe.

    Parameters
    ----------
    run
        A run file, or a run that was read.
    recipe
        A recipe, its file or its name; None: the one for the run's procedure.
    write
        Store the fits in the run file, replacing an earlier fit of the same name. Needs a finished file.

    Returns
    -------
    list of FitOutcome
        One a trace.

    Raises
    ------
    RecipeError
        There is no recipe, or it does not suit the run.
    FitError
        The data cannot be fitted.
    """
    opened, path = _opened(run)
    chosen = _recipe(recipe, opened.header.procedure)
    fitted = _fitter(chosen)
    source = "" if path is None else str(path)
    outcomes = [
        fitted(trace).with_changes(
            source=source,
            label=", ".join(word for word in (opened.header.label, trace.label) if word),
            recipe=f"{chosen.name} {chosen.version}".strip(),
        )
        for trace in traces_of(opened, chosen)
    ]
    if write:
        write_outcomes(source, outcomes, chosen)
    return outcomes


def fit_runs(
    runs: Iterable[Path | str], recipe: Recipe | Path | str | None = None, *, write: bool = False
) -> list[FitOutcome]:
    """Fit several run files; see `fit_run`."""
    return [outcome for run in runs for outcome in fit_run(run, recipe, write=write)]


def fit_foreign(
    path: Path | str,
    *,
    x: str,
    y: str,
    model: FitModel | str,
    sigma: str | None = None,
    units: tuple[str, str] = ("1", "1"),
    options: Mapping[str, Any] | None = None,
    **settings: Any,
) -> FitOutcome:
    """Fit two datasets of an HDF5 file, or two columns of a text or NumPy file.

    Parameters
    ----------
    x, y, sigma
        Paths of datasets (HDF5), names of columns (a text file with a header), or column numbers as text.
    model
        A model, its name, or ``"thermal_spectrum"``, which is fitted by maximum likelihood (`fit_spectrum`).
    units
        Units of x and y.
    options
        What the model is built with.
    settings
        Passed to `fit_curve`, or to `fit_spectrum`.

    Raises
    ------
    FitError
        The file or a dataset cannot be read, or the data cannot be fitted.
    """
    file = Path(path)
    wanted = [x, y] if sigma is None else [x, y, sigma]
    columns = read_columns(file, wanted)
    axes = (x, units[0], y, units[1])
    if model == "thermal_spectrum":
        from labspin.analysis.thermal import fit_spectrum

        if "averages" not in settings:
            settings["averages"] = _averages(file)
        outcome = fit_spectrum(columns[0], columns[1], axes=axes, **settings).outcome
    else:
        built = model if isinstance(model, FitModel) else load_model(model, **(options or {}))
        errors = columns[2] if sigma is not None else None
        outcome = fit_curve(built, columns[0], columns[1], errors, quantity=y, axes=axes, **settings)
    return outcome.with_changes(source=str(file), label=file.stem)


def read_columns(path: Path, names: list[str]) -> list[NDArray[Any]]:
    """Return datasets of an HDF5 file, or columns of a text file, by name (or number as text).

    Raises
    ------
    FitError
        The file cannot be read or has no such column.
    """
    if not path.is_file():
        raise FitError(f"{path}: wanted a file to fit, found none")
    try:
        table = _read_hdf5(path, names) if _is_hdf5(path) else _read_text(path)
    except (OSError, ValueError) as error:
        raise FitError(f"{path}: cannot be read as HDF5 or a text table: {error}") from error
    for name in names:
        if name not in table:
            raise FitError(f"{path}: has no column {name!r}; it has {', '.join(table) or 'none'}")
    return [np.asarray(table[name]) for name in names]


def write_outcomes(path: Path | str, outcomes: list[FitOutcome], recipe: Recipe | None = None) -> None:
    """Store the fits of one run in its file, in place of an earlier fit of the same name."""
    from labspin.analysis.storage import record_of
    from labspin.data import write_fit

    if not str(path):
        raise FitError("fits: wanted the path of a run file to write to, got a run without one")
    write_fit(Path(path), record_of(outcomes, recipe), replace_same=True)


def _opened(run: Run | Path | str) -> tuple[Run, Path | None]:
    if not isinstance(run, (str, Path)):
        return run, run.path
    from labspin.data import read_run

    return read_run(Path(run)), Path(run)


def _recipe(recipe: Recipe | Path | str | None, procedure: str) -> Recipe:
    if isinstance(recipe, Recipe):
        return recipe
    return default_recipe(procedure) if recipe is None else load_recipe(recipe)


def _fitter(recipe: Recipe) -> Callable[[Trace], FitOutcome]:
    if recipe.model == "thermal_spectrum":
        return functools.partial(_fit_spectrum, recipe)
    model = load_model(recipe.model, folder=recipe.folder, **recipe.options)
    return functools.partial(_fit_trace, recipe, model)


def _fit_trace(recipe: Recipe, model: FitModel, trace: Trace) -> FitOutcome:
    units = model.units(trace.x_unit, trace.y_unit)
    outcome = fit_curve(
        model,
        trace.x,
        trace.y,
        trace.sigma,
        start=_values(recipe, units, recipe.start),
        fixed=_values(recipe, units, recipe.fixed),
        bounds=_pairs(recipe, units),
        tied=recipe.tied,
        name=recipe.result_name or recipe.name,
        quantity=recipe.y,
        axes=(trace.x_name, trace.x_unit, trace.y_name, trace.y_unit),
    )
    return with_derived(outcome, recipe.derived)


def _fit_spectrum(recipe: Recipe, trace: Trace) -> FitOutcome:
    from labspin.analysis.thermal import fit_spectrum

    options = dict(recipe.options)
    unknown = sorted(set(options) - {"averages", "window", "length", "temperature"})
    if unknown or "averages" not in options:
        what = f"unknown option {unknown[0]!r}" if unknown else "averages is missing"
        raise RecipeError(
            f"recipe {recipe.name}: model.options: {what}; "
            "a thermal spectrum takes averages, window, length, temperature"
        )
    for name, unit in (("temperature", "K"), ("length", "s")):
        if isinstance(options.get(name), str):
            options[name] = parse_quantity(options[name], unit, name=f"recipe {recipe.name}: {name}")
    axes = (trace.x_name, trace.x_unit, trace.y_name, trace.y_unit)
    fit = fit_spectrum(trace.x, trace.y, axes=axes, name=recipe.result_name or recipe.name, **options)
    return with_derived(fit.outcome, recipe.derived)


def _values(recipe: Recipe, units: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, float]:
    return {name: _value(recipe, units, name, value) for name, value in given.items()}


def _pairs(recipe: Recipe, units: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    return {
        name: (_value(recipe, units, name, low), _value(recipe, units, name, high))
        for name, (low, high) in recipe.bounds.items()
    }


def _value(recipe: Recipe, units: Mapping[str, str], name: str, value: Any) -> float:
    if name not in units:
        raise RecipeError(
            f"recipe {recipe.name}: model {recipe.model} has no parameter {name!r}; it has {', '.join(units)}"
        )
    if isinstance(value, str):
        return parse_quantity(value, units[name], name=f"recipe {recipe.name}: {name}")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RecipeError(f"recipe {recipe.name}: {name}: wanted a number or text with a unit, got {value!r}")
    return float(value)


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8) == b"\x89HDF\r\n\x1a\n"


def _read_hdf5(path: Path, names: list[str]) -> dict[str, NDArray[Any]]:
    import h5py

    with h5py.File(path, "r") as file:
        found: dict[str, NDArray[Any]] = {}
        present: list[str] = []
        file.visititems(lambda name, node: present.append(name) if isinstance(node, h5py.Dataset) else None)
        for name in names:
            if isinstance(file.get(name), h5py.Dataset):
                found[name] = np.asarray(file[name][()])
        return found or dict.fromkeys(present, np.empty(0))


def _read_text(path: Path) -> dict[str, NDArray[Any]]:
    if path.suffix == ".npy":
        array = np.load(path, allow_pickle=False)
        return {str(index): array[..., index] for index in range(array.shape[-1])}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    rows = [line for line in lines if line.strip() and not line.lstrip().startswith(("#", "%", ";"))]
    comma = any("," in line for line in rows[:2])
    split = [[cell.strip() for cell in (line.split(",") if comma else line.split())] for line in rows]
    head = split[0] if split and not all(_is_number(cell) for cell in split[0]) else None
    body = split[1:] if head is not None else split
    values = np.array([[float(cell) if _is_number(cell) else np.nan for cell in row] for row in body])
    names = head if head is not None else [str(index) for index in range(values.shape[1])]
    return {name: values[:, index] for index, name in enumerate(names)}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _averages(path: Path) -> int:
    """Return how many spectra were averaged, where an HDF5 file says so."""
    if _is_hdf5(path):
        import h5py

        with h5py.File(path, "r") as file:
            for name in ("n_avgs", "averages", "n_averages"):
                if isinstance(file.get(name), h5py.Dataset):
                    return int(file[name][()])
                if name in file.attrs:
                    return int(file.attrs[name])
    raise FitError(f"{path}: does not say how many spectra were averaged; give averages=")

"""Descriptions of files: runs, stations, cards, recipes, and data of other programs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.clock import local_time
from labspin.errors import ArgumentError, LabspinError
from labspin.mistakes import plain_path
from labspin.session.descriptions import Description, listing, value_text
from labspin.workspaces import quantity_text, shown_as_written

if TYPE_CHECKING:
    from labspin.analysis.recipes.recipe import Recipe
    from labspin.bench import Actuator
    from labspin.data import FitParameter, Run
    from labspin.station import Station

__all__ = ["RUN_SUFFIXES", "described_file", "described_recipe"]

RUN_SUFFIXES = (".h5", ".jnl")
_MOST_WORDS, _LONGEST_WORDS = 40, 200  # of the header of a file by another program


def described_file(path: Path) -> Description:
    """Return what a file is: a run, a station, a card, a recipe, or data of another program.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    LabspinError
        The file cannot be read.
    ArgumentError
        It is a TOML file of no kind that labspin knows.
    """
    if path.suffix == ".toml":
        return _of_toml(path)
    from labspin.data import read_run
    from labspin.errors import NotARunFileError

    if path.suffix not in RUN_SUFFIXES:
        return _foreign(path)
    try:
        run = read_run(path.with_name(path.name.removesuffix(".jnl")))
        with shown_as_written(run.metadata.units):
            return _run(run)
    except NotARunFileError:  # an HDF5 file that labspin did not write
        return _foreign(path)


def _of_toml(path: Path) -> Description:
    from labspin.documents import read_document

    section, _ = read_document(path, what="file", error=ArgumentError)
    if "instruments" in section:
        return _station(path)
    if "procedure" in section:
        return _card(path)
    if "model" in section or "chain" in section:
        from labspin.analysis import load_recipe

        return described_recipe(load_recipe(path))
    raise ArgumentError(
        f"{path}: wanted a station file, a run card or a fit recipe, got keys {list(section)}"
    )


def described_recipe(recipe: Recipe) -> Description:
    """Return what a recipe says, without the keys that it leaves at their defaults.

    Parameters
    ----------
    recipe
        The recipe.
    """
    rows = [
        (field.name, value_text(getattr(recipe, field.name)))
        for field in dataclasses.fields(recipe)
        if field.name not in ("name", "description", "folder") and getattr(recipe, field.name)
    ]
    return Description(
        f"recipe {recipe.name}", recipe.description, (listing("what it says", ("key", "value"), rows),)
    )


def _station(path: Path) -> Description:
    from labspin.station import load_station

    station = load_station(path)
    drivers = station.describe()["drivers"].items()
    moved = [(name, *_limits(actuator)) for name, actuator in station.unconnected().actuators.items()]
    return Description(
        f"station {station.name}: {_KINDS[station.kind]}{', '.join(_mixed(station))}",
        station.description,
        (
            listing("instruments", ("name", "driver"), drivers),
            listing("what can be moved", ("set-point", "limits", "safe value", "ramp per s"), moved),
        ),
    )


_KINDS = {"real": "real instruments", "simulated": "simulated", "mixed": "MIXED, simulated are "}


def _mixed(station: Station) -> list[str]:
    names = [spec.name for spec in station.instruments]
    return station.simulated_among(names) if station.kind == "mixed" else []


def _limits(actuator: Actuator) -> tuple[str, str, str]:
    """Return limits, safe value and ramp rate of an actuator, in its own or its calibrated unit."""
    spec, unit = actuator.spec, actuator.unit
    slope, offset = 1.0, 0.0
    if spec.calibration is not None and actuator.name != spec.name:
        slope, offset = spec.calibration.slope, spec.calibration.offset

    def shown(raw: float) -> str:
        return quantity_text(slope * raw + offset, unit)

    low, high = sorted((spec.minimum, spec.maximum), key=lambda raw: slope * raw)
    safe = "" if spec.safe is None else shown(spec.safe)
    rate = "" if spec.ramp_rate is None else quantity_text(abs(slope) * spec.ramp_rate, unit)
    return f"{shown(low)} … {shown(high)}", safe, rate


def _card(path: Path) -> Description:
    from labspin.session.cards import load_card

    card = load_card(path)
    labels = [run.label for run in card.runs]
    names = dict.fromkeys(name for run in card.runs for name in run.parameters)
    rows = [(name, *(value_text(run.parameters.get(name, "–")) for run in card.runs)) for name in names]
    station = plain_path(card.station) if card.station else "no station"
    return Description(
        f"run card {path}: procedure {card.procedure_name} on {station}",
        card.metadata.description,
        (listing("runs", ("parameter", *labels), rows),),
    )


def _run(run: Run) -> Description:
    from labspin.analysis.names import truth_words
    from labspin.analysis.report.words import with_unit
    from labspin.session.recorded import recorded_values

    header, layout = run.header, run.header.layout
    said = [(name, value_text(value)) for name, value in run.metadata.to_dict().items() if name != "units"]
    parameters = [(name, with_unit(value, unit)) for name, (value, unit) in recorded_values(header).items()]
    columns = [
        *((one.name, one.unit, f"axis of {len(one)}", "") for one in layout.dimensions),
        *((one.name, one.unit, "×".join(map(str, one.shape)) or "one value", one.description)
          for one in layout.columns),
    ]  # fmt: skip
    begun = run.events[0].time if run.events else 0.0
    events = [(f"{one.time - begun:.1f}", str(one.kind), one.message) for one in run.events]
    return Description(
        f"run {run.path}",
        run.metadata.comment,
        (
            listing("run", ("fact", "value"), [row for row in _facts(run) if row[1]]),
            listing("words", ("word", "text"), said),
            listing("parameters", ("parameter", "value"), parameters),
            listing("columns", ("column", "unit", "shape", "meaning"), columns),
            listing("fits", ("fit", "model", "parameter", "value"), _fitted(run)),
            listing("ground truth of the simulation", ("name", "value"), truth_words(header)),
            listing("events", ("after (s)", "kind", "message"), events),
        ),
    )


def _fitted(run: Run) -> list[tuple[str, str, str, str]]:
    """Return a row for each parameter of each fit; of many traces, from the least to the greatest value."""
    import numpy as np

    from labspin.data import Number
    from labspin.session.run_list import values_text

    def text(one: FitParameter) -> str:
        values, errors = (tuple(np.ravel(some).tolist()) for some in (one.value, one.stderr))
        return values_text(Number(values, one.unit, errors))

    return [(fit.name, fit.model, one.name, text(one)) for fit in run.fits for one in fit.parameters]


def _facts(run: Run) -> list[tuple[str, str]]:
    header, size = run.header, run.header.layout.size
    return [
        ("procedure", header.procedure),
        ("label", header.label),
        ("status", str(run.status)),
        ("points", f"{len(run.points)}{'' if size is None else f' of {size}'}"),
        ("started", local_time(header.started)),
        ("ended", local_time(run.ended or "")),
        ("station", str(header.station.get("name", ""))),
        ("simulated", header.simulated),
        ("seed", "" if header.seed is None else str(header.seed)),
        ("run id", header.run_id),
    ]


def _foreign(path: Path) -> Description:
    from labspin.data import open_foreign, pick_axes

    contents = open_foreign(path)
    rows = [
        (
            one.name.removeprefix("/"),
            "×".join(map(str, one.shape)) or "one value",
            one.dtype,
            one.unit,
            one.along,
        )
        for one in contents.entries()
    ]
    try:
        taken = "\n".join(("`labspin fit` would take:", *pick_axes(contents).why))
    except LabspinError as error:
        taken = str(error)
    said = [(name, value_text(value)[:_LONGEST_WORDS]) for name, value in contents.attributes.items()]
    names = "what is in it; --x, --y and --sigma take these names"
    return Description(
        f"data file {path}: {contents.kind}",
        taken,
        (
            listing(names, ("name", "shape", "type", "unit", "against"), rows),
            listing("what its header says", ("key", "value"), said[:_MOST_WORDS]),
        ),
    )

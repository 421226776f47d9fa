"""Descriptions for people: procedures, drivers, roles, models, recipes, and files of all kinds.

`describe` finds out what a word or a path means and returns it as a `Description`: a title, sentences and
tables, which a command prints and a window shows.
"""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labspin.clock import local_time
from labspin.errors import ArgumentError, LabspinError
from labspin.workspaces import quantity_text, shown_as_written

if TYPE_CHECKING:
    from pymeasure.experiment import Parameter

    from labspin.analysis.recipes.recipe import Recipe
    from labspin.bench import Actuator
    from labspin.data import FitParameter, Run
    from labspin.station import Station

__all__ = ["Description", "Listing", "describe", "known_names"]

_RUN_SUFFIXES = (".h5", ".jnl")
_MOST_WORDS, _LONGEST_WORDS = 40, 200  # of the header of a file by another program


@dataclass(frozen=True)
class Listing:
    """A table: its title, its columns, its rows of text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Description:
    """What something is."""

    title: str
    text: str = ""
    listings: tuple[Listing, ...] = ()


def known_names() -> dict[str, tuple[str, ...]]:
    """Return every name that `describe` knows, by kind."""
    from labspin.analysis import list_recipes, model_names
    from labspin.instruments import ROLES, driver_names
    from labspin.procedures import list_procedures

    return {
        "procedure": list_procedures(),
        "driver": driver_names(),
        "role": tuple(ROLES),
        "model": model_names(),
        "recipe": tuple(list_recipes()),
    }


def describe(thing: str) -> list[Description]:
    """Return what ``thing`` is; a name may have several meanings, such as a procedure and its recipe.

    Parameters
    ----------
    thing
        The name of a procedure, driver, role, model or recipe, ``"file.py:object"`` for your own code, or
        the path of a run file, run card, station file, fit recipe, Python file or a data file of another
        program.

    Raises
    ------
    ArgumentError
        It is neither.
    LabspinError
        The file cannot be read.
    """
    path = Path(thing)
    file, colon, name = thing.rpartition(":")
    if colon and file.endswith(".py"):
        return [_of_code(thing, Path(file), name)]
    if path.suffix == ".py" and path.is_file():
        return [_code(path)]
    if path.is_file() or path.suffix in _RUN_SUFFIXES:
        return [_of_file(path)]
    makers: dict[str, Callable[[str], Description]] = {
        "procedure": _procedure,
        "driver": _driver,
        "role": _role,
        "model": _model,
        "recipe": _recipe,
    }
    known = known_names()
    found = [makers[kind](thing) for kind, names in known.items() if thing in names]
    if not found:
        words = sorted({name for names in known.values() for name in names})
        near = difflib.get_close_matches(thing, words, n=3)
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise ArgumentError(
            f"{thing!r}: wanted a file, 'file.py:object', or the name of a procedure, driver, role, model or "
            f"recipe{hint}; `labspin show` lists them all"
        )
    return found


def _procedure(name: str) -> Description:
    from labspin.procedures import load_procedure

    kind = load_procedure(name)
    parameters = kind().parameter_objects()
    rows = [
        (key, _value(one.default), _unit(one), _bounds(one), _help(one)) for key, one in parameters.items()
    ]
    roles = ((role, kind.__name__) for role, kind in kind.roles.items())
    columns = ((one.name, one.unit, one.description) for one in (*kind.coordinates, *kind.quantities))
    return Description(
        f"procedure {name}",
        _first_words(kind),
        (
            _listing("parameters", ("parameter", "default", "unit", "from … to", "meaning"), rows),
            _listing("instruments it needs", ("name", "role"), roles),
            _listing("what it records", ("column", "unit", "meaning"), columns),
        ),
    )


def _driver(name: str) -> Description:
    from labspin.instruments import load_driver

    entry = load_driver(name)
    moved = entry.settable
    options = (
        (field.name, _value(None if field.default is dataclasses.MISSING else field.default),
         str(field.metadata.get("unit", "")))
        for field in dataclasses.fields(entry.adapter.options)
    )  # fmt: skip
    read = {key: unit for key, unit in entry.readable.items() if key not in moved}
    return Description(
        f"driver {name}: a {entry.role}",
        _first_words(entry.driver),
        (
            _listing("what a station may move", ("attribute", "unit"), _pairs(moved)),
            _listing("what can be read", ("attribute", "unit"), _pairs(read)),
            _listing("options in a station file", ("option", "default", "unit"), options),
        ),
    )


def _role(name: str) -> Description:
    from labspin.instruments import ACTUATORS, ROLES, driver_names, load_driver

    role = ROLES[name]
    members = (
        (key, _first_sentence(getattr(role, key, None)))
        for key in sorted(set(dir(role)) - set(dir(object)))
        if not key.startswith("_")
    )
    players = [one for one in driver_names() if _plays(load_driver, one, name)]
    return Description(
        f"role {name}",
        f"{_first_words(role)}\n\nDrivers: {', '.join(players) or 'none'}",
        (
            _listing("members", ("member", "meaning"), members),
            _listing("what a station may move", ("attribute", "unit"), _pairs(ACTUATORS.get(name, {}))),
        ),
    )


def _plays(load: Callable[[str], Any], driver: str, role: str) -> bool:
    try:
        return bool(load(driver).role == role)
    except LabspinError:
        return False


def _model(name: str) -> Description:
    from labspin.analysis import load_model
    from labspin.analysis.models import MODELS

    model = load_model(name)
    rows = (
        (one.name, one.unit, f"{one.minimum:g} … {one.maximum:g}", one.description)
        for one in model.parameters
    )
    made = pkgutil.resolve_name(MODELS[name]) if name in MODELS else None
    options = (
        (key, _value(one.default))
        for key, one in (inspect.signature(made).parameters.items() if inspect.isfunction(made) else ())
    )
    return Description(
        f"model {name}",
        f"{model.equation}\n{model.source}".strip(),
        (
            _listing("parameters", ("parameter", "unit", "from … to", "meaning"), rows),
            _listing("options", ("option", "default"), options),
        ),
    )


def _recipe(name: str) -> Description:
    from labspin.analysis import load_recipe

    return _described_recipe(load_recipe(name))


def _described_recipe(recipe: Recipe) -> Description:
    rows = [
        (field.name, _value(getattr(recipe, field.name)))
        for field in dataclasses.fields(recipe)
        if field.name not in ("name", "description", "folder") and getattr(recipe, field.name)
    ]
    return Description(
        f"recipe {recipe.name}", recipe.description, (_listing("what it says", ("key", "value"), rows),)
    )


def _of_code(thing: str, path: Path, name: str) -> Description:
    """Describe an object of a Python file: a procedure, a driver's adapter, or a model."""
    found = _objects(path).get(name)
    if found is not None:
        return {"procedure": _procedure, "driver": _driver}.get(found, _model)(thing)
    return _model(thing)  # which says what is wrong, too


def _code(path: Path) -> Description:
    rows = [(f"{path}:{name}", kind) for name, kind in _objects(path).items()]
    hint = "" if rows else "No procedure, adapter of a driver, or function is in it."
    return Description(f"Python file {path}", hint, (_listing("what is in it", ("object", "kind"), rows),))


def _objects(path: Path) -> dict[str, str]:
    """Return the objects of a Python file that labspin can use: name to kind."""
    from labspin.analysis import FitModel
    from labspin.experiment import Procedure
    from labspin.instruments import RoleAdapter
    from labspin.plugins import load_module

    if not path.is_file():
        return {}
    try:
        module = load_module(path)
    except Exception as error:  # user code may raise anything
        raise ArgumentError(f"{path}: cannot be loaded: {type(error).__name__}: {error}") from error
    found = {}
    for name, one in vars(module).items():
        if isinstance(one, FitModel):
            found[name] = "model"
        elif name.startswith("_") or getattr(one, "__module__", "") != module.__name__:
            continue
        elif inspect.isclass(one) and issubclass(one, Procedure):
            found[name] = "procedure"
        elif inspect.isclass(one) and issubclass(one, RoleAdapter) and hasattr(one, "role"):
            found[name] = "driver"
        elif inspect.isfunction(one):
            found[name] = "function, a model if its first argument is x"
    return found


def _of_file(path: Path) -> Description:
    if path.suffix == ".toml":
        return _of_toml(path)
    from labspin.data import read_run
    from labspin.errors import NotARunFileError

    if path.suffix not in _RUN_SUFFIXES:
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

        return _described_recipe(load_recipe(path))
    raise ArgumentError(
        f"{path}: wanted a station file, a run card or a fit recipe, got keys {list(section)}"
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
            _listing("instruments", ("name", "driver"), drivers),
            _listing("what can be moved", ("set-point", "limits", "safe value", "ramp per s"), moved),
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
    rows = [(run.label, name, _value(value)) for run in card.runs for name, value in run.parameters.items()]
    return Description(
        f"run card {path}: procedure {card.procedure_name} on {card.station or 'no station'}",
        card.metadata.description,
        (_listing("runs", ("run", "parameter", "value"), rows),),
    )


def _run(run: Run) -> Description:
    from labspin.analysis.names import truth_words
    from labspin.analysis.report.words import with_unit
    from labspin.session.recorded import recorded_values

    header, layout = run.header, run.header.layout
    said = [(name, _value(value)) for name, value in run.metadata.to_dict().items() if name != "units"]
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
            _listing("run", ("fact", "value"), [row for row in _facts(run) if row[1]]),
            _listing("words", ("word", "text"), said),
            _listing("parameters", ("parameter", "value"), parameters),
            _listing("columns", ("column", "unit", "shape", "meaning"), columns),
            _listing("fits", ("fit", "model", "parameter", "value"), _fitted(run)),
            _listing("ground truth of the simulation", ("name", "value"), truth_words(header)),
            _listing("events", ("after (s)", "kind", "message"), events),
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
    said = [(name, _value(value)[:_LONGEST_WORDS]) for name, value in contents.attributes.items()]
    names = "what is in it; --x, --y and --sigma take these names"
    return Description(
        f"data file {path}: {contents.kind}",
        taken,
        (
            _listing(names, ("name", "shape", "type", "unit", "against"), rows),
            _listing("what its header says", ("key", "value"), said[:_MOST_WORDS]),
        ),
    )


def _listing(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Listing:
    return Listing(title, tuple(columns), tuple(tuple(str(cell) for cell in row) for row in rows))


def _pairs(table: Any) -> Iterable[tuple[str, str]]:
    return ((str(name), str(unit)) for name, unit in dict(table).items())


def _value(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{key} = {_value(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_value, value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _with_unit(value: object, unit: str) -> str:
    if unit in ("", "1") or not isinstance(value, (int, float)):
        return _value(value)
    return quantity_text(float(value), unit, digits=10)


def _unit(parameter: object) -> str:
    unit = getattr(parameter, "units", None) or ""
    return "" if unit == "1" else str(unit)


def _bounds(parameter: Parameter) -> str:
    low, high = getattr(parameter, "minimum", None), getattr(parameter, "maximum", None)
    if getattr(parameter, "choices", None):
        return " | ".join(map(str, parameter.choices))
    if not isinstance(low, (int, float)) or not isinstance(high, (int, float)):
        return ""
    unit = _unit(parameter)
    least = "" if low == float("-inf") else _with_unit(low, unit)
    most = "" if high == float("inf") or high >= (1 << 63) - 1 else _with_unit(high, unit)
    return f"{least} …{f' {most}' if most else ''}" if least or most else ""


def _help(parameter: Parameter) -> str:
    description = getattr(parameter, "description", None)
    return f"{parameter.name}. {description}" if description else str(parameter.name)


def _first_words(thing: object) -> str:
    # The docstring of a base class does not count; a class without one may have a module docstring.
    own = vars(thing).get("__doc__") if inspect.isclass(thing) else inspect.getdoc(thing)
    text = inspect.cleandoc(own or getattr(inspect.getmodule(thing), "__doc__", None) or "")
    return text.split("\n\nParameters\n")[0].split("\n\nAttributes\n")[0].strip()


def _first_sentence(thing: object) -> str:
    return (inspect.getdoc(thing) or "").split("\n", 1)[0]

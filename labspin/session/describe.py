"""Descriptions for people: procedures, drivers, roles, models, recipes, and files of all kinds.

`describe` finds out what a word or a path means and returns it as a `Description`: a title, sentences and
tables, which a command prints and a window shows.
"""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labspin.errors import ArgumentError, LabspinError
from labspin.session.describe_files import RUN_SUFFIXES, described_file, described_recipe
from labspin.session.describe_here import described_sample, places_of
from labspin.session.descriptions import Description, Listing, listing, pairs, value_text
from labspin.workspaces import find_workspace, quantity_text

if TYPE_CHECKING:
    from pymeasure.experiment import Parameter

__all__ = ["Description", "Listing", "describe", "known_names"]


def known_names() -> dict[str, tuple[str, ...]]:
    """Return every name that `describe` knows, by kind."""
    from labspin.analysis import list_recipes, model_names
    from labspin.instruments import ROLES, driver_names
    from labspin.procedures import list_procedures
    from labspin.station.samples import sample_names

    return {
        "procedure": list_procedures(),
        "driver": driver_names(),
        "role": tuple(ROLES),
        "model": model_names(),
        "recipe": tuple(list_recipes()),
        "sample": sample_names(),
    }


def describe(thing: str) -> list[Description]:
    """Return what ``thing`` is; a name may have several meanings, such as a procedure and its recipe.

    Parameters
    ----------
    thing
        The name of a procedure, driver, role, model, recipe or sample, ``"file.py:object"`` for your
        own code, or the path of a run file, run card, station file, fit recipe, Python file or a data file
        of another program.

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
    if path.is_file() or path.suffix in RUN_SUFFIXES:
        return [described_file(path)]
    makers: dict[str, Callable[[str], Description]] = {
        "procedure": _procedure,
        "driver": _driver,
        "role": _role,
        "model": _model,
        "recipe": _recipe,
        "sample": described_sample,
    }
    known = known_names()
    found = [makers[kind](thing) for kind, names in known.items() if thing in names]
    if not found:
        raise ArgumentError(
            f"{thing!r}: wanted a file, 'file.py:object', or the name of a procedure, driver, role, model, "
            f"recipe or sample{_hint(thing, known)}; `labspin show` lists them all"
        )
    return found


def _hint(thing: str, known: Mapping[str, Sequence[str]]) -> str:
    """Return what may be meant by a name that is none: of the workspace's own first."""
    if Path(thing).is_dir():
        return f"; of a folder, `labspin ls {thing}` lists the runs"
    words = sorted({name for names in known.values() for name in names})
    near = places_of(thing, find_workspace().root.resolve()) or difflib.get_close_matches(thing, words, n=3)
    near = near or [word for word in words if difflib.get_close_matches(thing, word.split("_"), cutoff=0.8)]
    return f"; did you mean {' or '.join(map(repr, near[:3]))}?" if near else ""


def _procedure(name: str) -> Description:
    from labspin.procedures import load_procedure

    kind = load_procedure(name)
    parameters = kind().parameter_objects()
    rows = [
        (key, value_text(one.default), _unit(one), _bounds(one), _help(one))
        for key, one in parameters.items()
    ]
    roles = ((role, kind.__name__) for role, kind in kind.roles.items())
    columns = ((one.name, one.unit, one.description) for one in (*kind.coordinates, *kind.quantities))
    return Description(
        f"procedure {name}",
        _first_words(kind),
        (
            listing("parameters", ("parameter", "default", "unit", "from … to", "meaning"), rows),
            listing("instruments it needs", ("name", "role"), roles),
            listing("what it records", ("column", "unit", "meaning"), columns),
        ),
    )


def _driver(name: str) -> Description:
    from labspin.instruments import load_driver

    entry = load_driver(name)
    moved = entry.settable
    options = (
        (field.name, value_text(None if field.default is dataclasses.MISSING else field.default),
         str(field.metadata.get("unit", "")))
        for field in dataclasses.fields(entry.adapter.options)
    )  # fmt: skip
    read = {key: unit for key, unit in entry.readable.items() if key not in moved}
    return Description(
        f"driver {name}: role {entry.role}",
        _first_words(entry.driver),
        (
            listing("what a station may move", ("attribute", "unit"), pairs(moved)),
            listing("what can be read", ("attribute", "unit"), pairs(read)),
            listing("options in a station file", ("option", "default", "unit"), options),
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
            listing("members", ("member", "meaning"), members),
            listing("what a station may move", ("attribute", "unit"), pairs(ACTUATORS.get(name, {}))),
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
        (key, value_text(one.default))
        for key, one in (inspect.signature(made).parameters.items() if inspect.isfunction(made) else ())
    )
    return Description(
        f"model {name}",
        f"{model.equation}\n{model.source}".strip(),
        (
            listing("parameters", ("parameter", "unit", "from … to", "meaning"), rows),
            listing("options", ("option", "default"), options),
        ),
    )


def _recipe(name: str) -> Description:
    from labspin.analysis import load_recipe

    return described_recipe(load_recipe(name))


def _of_code(thing: str, path: Path, name: str) -> Description:
    """Describe an object of a Python file: a procedure, a driver's adapter, or a model."""
    found = _objects(path).get(name)
    if found is not None:
        makers = {"procedure": _procedure, "driver": _driver, "sample": described_sample}
        return makers.get(found, _model)(thing)
    return _model(thing)  # which says what is wrong, too


def _code(path: Path) -> Description:
    rows = [(f"{path}:{name}", kind) for name, kind in _objects(path).items()]
    hint = "" if rows else "No procedure, adapter of a driver, or function is in it."
    return Description(f"Python file {path}", hint, (listing("what is in it", ("object", "kind"), rows),))


def _objects(path: Path) -> dict[str, str]:
    """Return the objects of a Python file that labspin can use: name to kind."""
    from labspin.analysis import FitModel
    from labspin.experiment import Procedure
    from labspin.instruments import RoleAdapter
    from labspin.plugins import load_module
    from labspin.station.samples import is_sample

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
        elif is_sample(one):
            found[name] = "sample"
        elif inspect.isfunction(one):
            found[name] = "function, a model if its first argument is x"
    return found


def _with_unit(value: object, unit: str) -> str:
    if unit in ("", "1") or not isinstance(value, (int, float)):
        return value_text(value)
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

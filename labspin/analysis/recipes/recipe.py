"""Fit recipes: which model on which quantity of a run, and where the results go.

A recipe is a TOML file behind the door ``analysis/``::

    description = "T1 from the difference of the traces without and with the π pulse"
    procedures  = ["t1"]                 # `labspin fit` takes it for runs of these procedures

    [data]
    x      = "dark_time"                 # a coordinate or quantity of the run
    y      = "without_pi - with_pi"      # arithmetic of its columns
    sigma  = "poisson"                   # counts; "likelihood", "none", or an expression of errors
    name   = "difference"                # what the plots call y
    select = {dark_time = ["1 us", "1 s"]}

    [model]
    name    = "stretched_exponential"    # or "my_models.py:function"
    options = {}
    choose  = {count = [1, 2]}          # options that the data choose, trace by trace
    fixed   = {beta = 0.8}
    start   = {T1 = "1 ms"}
    bounds  = {T1 = ["1 us", "1 s"]}
    tied    = {}

    [result]
    name    = "t1"                       # of the fit in the run file
    derived = {rate = "1/T1"}

A section ``[chain]`` with ``recipe = "t1"`` makes it a recipe over the results of another one, a point a run:
see `labspin.analysis.files.chain`. Everything is checked when the file is read: an unknown key or name is an
error, never ignored.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labspin.analysis.expression import Expression
from labspin.documents import parse_toml
from labspin.errors import RecipeError
from labspin.system import reason_of
from labspin.workspaces import find_workspace

__all__ = ["Recipe", "default_recipe", "list_recipes", "load_recipe"]

_SUM = re.compile(r"\s*\w+(\s*\+\s*\w+)*\s*")
_TOP = {"description", "procedures", "chain", "data", "model", "result"}
_SECTIONS = {
    "chain": {"recipe", "x_unit", "y_unit"},
    "data": {"x", "y", "sigma", "name", "select"},
    "model": {"name", "options", "choose", "fixed", "start", "bounds", "tied"},
    "result": {"name", "derived"},
}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A checked fit recipe.

    Attributes
    ----------
    sigma
        ``"poisson"``, ``"likelihood"``, ``"none"`` or an expression of columns; in a chain ``"fit"``, not the
        first two.
    choose
        Options of the model that the data choose, each with the values to choose from
        (`labspin.analysis.recipes.choice`).
    chain
        Name of the recipe whose results over many runs are fitted; empty: a run's own columns are.
    x_unit, y_unit
        Units in a chain where they do not follow from a single name.
    fixed, start, bounds
        Values as written: numbers, or text with a unit.
    version
        Digest of the file's text, stored with every result.
    folder
        Where paths in the recipe start.
    """

    name: str
    x: str
    y: str
    model: str
    sigma: str = "none"
    y_name: str = ""
    description: str = ""
    procedures: tuple[str, ...] = ()
    select: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    choose: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    start: Mapping[str, Any] = field(default_factory=dict)
    bounds: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    tied: Mapping[str, str] = field(default_factory=dict)
    derived: Mapping[str, str] = field(default_factory=dict)
    result_name: str = ""
    chain: str = ""
    x_unit: str = ""
    y_unit: str = ""
    version: str = ""
    folder: Path | None = None

    def __post_init__(self) -> None:
        derived = (text.partition("[")[0] for text in self.derived.values())
        for expression in (self.x, self.y, *derived, *self.tied.values()):
            Expression(expression)
        if self.sigma not in ("poisson", "likelihood", "none"):
            Expression(self.sigma)
        if self.sigma == "likelihood":
            self._check_likelihood()
        for name, values in self.choose.items():
            self._check_choice(name, values)
        for name, pair in {**self.bounds, **self.select}.items():
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                raise RecipeError(f"recipe {self.name}: {name}: wanted [minimum, maximum], got {pair!r}")
        both = sorted(set(self.fixed) & set(self.tied))
        if both:
            raise RecipeError(f"recipe {self.name}: {both[0]} is both fixed and tied; remove it from one")

    def _check_likelihood(self) -> None:
        if self.chain or self.tied:
            what = "the results of fits" if self.chain else "tied parameters"
            raise RecipeError(
                f"recipe {self.name}: sigma = 'likelihood' is for counts of a run by a model without tied "
                f"parameters, got {what}; choose other errors"
            )
        if _SUM.fullmatch(self.y) is None:
            raise RecipeError(
                f"recipe {self.name}: sigma = 'likelihood' wants counts as they were counted, a column or a "
                f"sum of columns, got y = {self.y!r}; sigma = 'poisson' carries errors through arithmetic"
            )

    def _check_choice(self, name: str, values: Any) -> None:
        plain = isinstance(values, (list, tuple)) and all(
            isinstance(v, (bool, int, float, str)) for v in values
        )
        if not plain or len(set(values)) < max(len(values), 2):
            raise RecipeError(
                f"recipe {self.name}: choose.{name}: wanted two or more different values to choose from, "
                f"such as [1, 2, 3], got {values!r}"
            )
        if name in self.options:
            raise RecipeError(f"recipe {self.name}: {name} is both set and to be chosen; remove it from one")


def load_recipe(source: str | Path) -> Recipe:
    """Return the recipe in a TOML file, or the one of that name in the workspace or shipped with labspin.

    Parameters
    ----------
    source
        Path of a file that ends in ``.toml``, or the name of a recipe.

    Raises
    ------
    RecipeError
        There is no such recipe, or it is wrong; the text names file, key and remedy.
    """
    path = Path(source)
    if path.suffix != ".toml":
        known = list_recipes()
        if str(source) not in known:
            raise RecipeError(
                f"recipe {str(source)!r}: wanted a TOML file or one of {', '.join(sorted(known)) or 'none'}"
            )
        path = known[str(source)]
    return _read(path)


def list_recipes() -> dict[str, Path]:
    """Return the recipes at hand by name: those of the workspace, before those that are shipped."""
    places = (_shipped(), find_workspace().root / "analysis", Path("analysis"))
    folders = [folder for folder in places if folder is not None and folder.is_dir()]
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}


def default_recipe(procedure: str) -> Recipe:
    """Return the recipe that lists ``procedure``; a recipe of the same name goes first, chains are left out.

    Parameters
    ----------
    procedure
        Name of a procedure.

    Raises
    ------
    RecipeError
        No recipe lists it.
    """
    known = list_recipes()
    order = sorted(known, key=lambda name: (name != procedure, name))
    for name in order:
        recipe = _read(known[name])
        if procedure in recipe.procedures and not recipe.chain:
            return recipe
    raise RecipeError(
        f"procedure {procedure!r}: no recipe says it is for it; name one of {', '.join(sorted(known))}"
    )


def _shipped() -> Path | None:
    package = Path(str(importlib.resources.files("labspin"))).resolve()
    for folder in (package / "workspace" / "analysis", package.parent / "analysis"):
        if folder.is_dir():
            return folder
    return None


def _read(path: Path) -> Recipe:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise RecipeError(f"recipe {path}: {reason_of(error)}") from error
    return _parse(text, path)


@functools.lru_cache(maxsize=64)
def _parse(text: bytes, path: Path) -> Recipe:
    try:
        document = parse_toml(text.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"recipe {path}: is not TOML: {error}") from error
    _check_keys(path, "", document, _TOP)
    sections = {name: _section(path, document, name) for name in _SECTIONS}
    data, model, result = sections["data"], sections["model"], sections["result"]
    chain = sections["chain"]
    try:
        return Recipe(
            name=path.stem,
            description=_text(path, document, "description", ""),
            procedures=tuple(_list(path, document, "procedures")),
            x=_text(path, data, "data.x"),
            y=_text(path, data, "data.y"),
            sigma=_text(path, data, "data.sigma", "fit" if chain else "none"),
            y_name=_text(path, data, "data.name", ""),
            select=_table(path, data, "data.select"),
            model=_text(path, model, "model.name"),
            options=_table(path, model, "model.options"),
            choose=_table(path, model, "model.choose"),
            fixed=_table(path, model, "model.fixed"),
            start=_table(path, model, "model.start"),
            bounds=_table(path, model, "model.bounds"),
            tied=_table(path, model, "model.tied"),
            result_name=_text(path, result, "result.name", path.stem),
            derived=_table(path, result, "result.derived"),
            chain=_text(path, chain, "chain.recipe") if "chain" in document else "",
            x_unit=_text(path, chain, "chain.x_unit", ""),
            y_unit=_text(path, chain, "chain.y_unit", ""),
            version=hashlib.sha256(text).hexdigest()[:12],
            folder=path.parent.resolve(),
        )
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from error


def _check_keys(path: Path, where: str, table: Mapping[str, Any], known: set[str]) -> None:
    for key in table:
        if key not in known:
            raise RecipeError(
                f"recipe {path}: unknown key {where + key!r}; known here: {', '.join(sorted(known))}"
            )


def _section(path: Path, document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise RecipeError(f"recipe {path}: {name}: wanted a table, got {table!r}")
    _check_keys(path, f"{name}.", table, _SECTIONS[name])
    return table


def _text(path: Path, table: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = table.get(key.rsplit(".", 1)[-1], default)
    if value is None:
        raise RecipeError(f"recipe {path}: {key} is missing; it says which data or model to take")
    if not isinstance(value, str):
        raise RecipeError(f"recipe {path}: {key}: wanted text, got {value!r}")
    return value


def _table(path: Path, table: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = table.get(key.rsplit(".", 1)[-1], {})
    if not isinstance(value, dict):
        raise RecipeError(f"recipe {path}: {key}: wanted a table of names, got {value!r}")
    return value


def _list(path: Path, table: Mapping[str, Any], key: str) -> list[str]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise RecipeError(f"recipe {path}: {key}: wanted a list of names, got {value!r}")
    return value

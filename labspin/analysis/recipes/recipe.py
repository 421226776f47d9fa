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
    doubtful = "leave out"               # or "use": points that an instrument, or a changed setting, spoilt

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
see `labspin.analysis.files.chain`; ``then = ["distance"]`` names chains that continue from a recipe by
themselves. A section ``[joint]`` fits all traces together (`labspin.analysis.recipes.joint_fit`). Everything
is checked when the file is read: an unknown key or name is an error, never ignored.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import importlib.resources
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from labspin.analysis.expression import Expression
from labspin.documents import parse_document
from labspin.errors import RecipeError
from labspin.mistakes import one_of
from labspin.system import read_bounded, reason_of
from labspin.workspaces import find_workspace

if TYPE_CHECKING:
    from labspin.analysis.model import FitModel

__all__ = ["Recipe", "default_recipe", "list_recipes", "load_recipe"]

Written = float | str
"""A value as it is written in a recipe: a number, or text with a unit."""
_SUM = re.compile(r"\s*\w+(\s*\+\s*\w+)*\s*")
_TABLES = ("options", "choose", "fixed", "start", "bounds", "tied")


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
    then
        Names of chains that are fitted to the results of each run, and stored beside them.
    by
        In a chain: names whose values tell its traces apart; none: all points are one trace.
    shared
        Parameters that all traces share; with any of the next three, all traces are fitted together.
    grouped
        Parameters that the traces of one value of a name share: parameter to name.
    free
        Parameters that only ``tied`` knows, with start and unit: ``"0 [m]"``.
    priors
        What is known beforehand: mean and standard deviation, as written.
    x_unit, y_unit
        Units in a chain where they do not follow from a single name.
    doubtful
        Whether points of a bad quality (`labspin.data.quality`) are fitted: ``"leave out"`` or ``"use"``.
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
    select: Mapping[str, tuple[Written, Written]] = field(default_factory=dict)
    doubtful: str = "leave out"
    options: Mapping[str, object] = field(default_factory=dict)
    choose: Mapping[str, Sequence[object]] = field(default_factory=dict)
    fixed: Mapping[str, Written] = field(default_factory=dict)
    start: Mapping[str, Written] = field(default_factory=dict)
    bounds: Mapping[str, tuple[Written, Written]] = field(default_factory=dict)
    tied: Mapping[str, str] = field(default_factory=dict)
    derived: Mapping[str, str] = field(default_factory=dict)
    result_name: str = ""
    chain: str = ""
    then: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    grouped: Mapping[str, str] = field(default_factory=dict)
    free: Mapping[str, str] = field(default_factory=dict)
    priors: Mapping[str, tuple[Written, Written]] = field(default_factory=dict)
    x_unit: str = ""
    y_unit: str = ""
    version: str = ""
    folder: Path | None = None

    @functools.cached_property
    def built(self) -> FitModel:
        """The model with the options of the recipe, made at the first use and kept."""
        from labspin.analysis.models.loading import load_model  # loads what reading a recipe does not need

        return load_model(self.model, folder=self.folder, **self.options)

    def __getstate__(self) -> dict[str, object]:
        """Return the fields alone: a model does not travel to another process."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def __post_init__(self) -> None:
        derived = (text.partition("[")[0] for text in self.derived.values())
        for expression in (self.x, self.y, *derived, *self.tied.values()):
            Expression(expression)
        if self.doubtful not in ("leave out", "use"):
            raise RecipeError(
                f"recipe {self.name}: data.doubtful: wanted 'leave out' or 'use', got {self.doubtful!r}"
            )
        if self.sigma not in ("poisson", "likelihood", "none"):
            Expression(self.sigma)
        if self.sigma == "likelihood":
            self._check_likelihood()
        for name, values in self.choose.items():
            self._check_choice(name, values)
        for name, pair in {**self.bounds, **self.select, **self.priors}.items():
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                raise RecipeError(
                    f"recipe {self.name}: {name}: wanted "
                    f"{'[mean, standard deviation]' if name in self.priors else '[minimum, maximum]'}, "
                    f"got {pair!r}"
                )
        self._check_joint()
        both = sorted(set(self.fixed) & set(self.tied))
        if both:
            raise RecipeError(f"recipe {self.name}: {both[0]} is both fixed and tied; remove it from one")

    @property
    def is_joint(self) -> bool:
        """Whether all traces are fitted together."""
        return bool(self.shared or self.grouped or self.free or self.priors)

    def _check_joint(self) -> None:
        if self.by and not self.chain:
            raise RecipeError(
                f"recipe {self.name}: chain.by is for a chain; the axes of a run tell its traces apart"
            )
        for name, place in self.grouped.items():
            if not isinstance(place, str) or name in self.shared:
                raise RecipeError(
                    f"recipe {self.name}: joint.by.{name}: wanted the name by whose values {name} is shared, "
                    f"and {name} not among those that all traces share, got {place!r}"
                )
        if self.is_joint and (self.choose or self.sigma == "likelihood"):
            what = "model.choose" if self.choose else "sigma = 'likelihood'"
            raise RecipeError(f"recipe {self.name}: {what} is not for a joint fit; remove it or [joint]")

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

    def _check_choice(self, name: str, values: object) -> None:
        offered = values if isinstance(values, (list, tuple)) else ()
        plain = all(isinstance(v, (bool, int, float, str)) for v in offered)
        if not plain or len(set(offered)) < max(len(offered), 2):
            raise RecipeError(
                f"recipe {self.name}: choose.{name}: wanted two or more different values to choose from, "
                f"such as [1, 2, 3], got {values!r}"
            )
        if name in self.options:
            raise RecipeError(f"recipe {self.name}: {name} is both set and to be chosen; remove it from one")


_ALIKE = 5
"""Letters at the beginning by which a longer name is meant."""


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
            near = difflib.get_close_matches(str(source), known, n=1)
            near = near or [name for name in known if name.startswith(str(source)[:_ALIKE])][:1]
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise RecipeError(f"recipe {str(source)!r}: wanted a TOML file or one of {one_of(known)}{hint}")
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
        text = read_bounded(path)
    except OSError as error:
        raise RecipeError(f"recipe {path}: {reason_of(error)}") from error
    return _parse(text, path)


@functools.lru_cache(maxsize=64)
def _parse(text: bytes, path: Path) -> Recipe:
    root = parse_document(text, path, error=RecipeError)
    data, model, result, chain, joint = (
        root.section(name) for name in ("data", "model", "result", "chain", "joint")
    )
    parts = {
        "name": path.stem,
        "description": root.take("description", str, ""),
        "procedures": root.texts("procedures"),
        "then": root.texts("then"),
        "x": data.take("x", str, example='x = "dark_time"'),
        "y": data.take("y", str, example='y = "without_pi - with_pi"'),
        "sigma": data.take("sigma", str, "fit" if "chain" in root else "none"),
        "y_name": data.take("name", str, ""),
        "select": data.take("select", dict, {}),
        "doubtful": data.choice("doubtful", ("leave out", "use"), "leave out"),
        "model": model.take("name", str, example='name = "stretched_exponential"'),
        **{key: model.take(key, dict, {}) for key in _TABLES},
        "result_name": result.take("name", str, path.stem),
        "derived": result.take("derived", dict, {}),
        "chain": chain.take("recipe", str, example='recipe = "t1"') if "chain" in root else "",
        "by": chain.texts("by"),
        "shared": joint.texts("shared"),
        "grouped": joint.take("by", dict, {}),
        "free": joint.take("free", dict, {}),
        "priors": joint.take("priors", dict, {}),
        "x_unit": chain.take("x_unit", str, ""),
        "y_unit": chain.take("y_unit", str, ""),
        "version": hashlib.sha256(text).hexdigest()[:12],
        "folder": path.parent.resolve(),
    }
    chain.know("recipe")
    for section in (root, data, model, result, chain, joint):
        section.finish()
    return root.guard("", lambda: Recipe(**parts))

"""Run cards: a procedure, its parameters, and the runs to make of it, in a TOML file.

::

    procedure = "t1"                                     # or "my_scan.py:MyScan"
    station   = "../instruments/levitated-diamond.toml"  # relative to the card
    description = "…"                                    # recorded with every run, as are sample, operator,
    sample = "D7"                                        # project, comment and tags

    [parameters]                                         # of all runs
    averages = 4
    dark_time_stop = "5 ms"

    [scan]                                               # further axes, around those of the procedure
    "magnet.field" = "10 G … 20 G, 11"

    [[runs]]                                             # one run file each; without any: one run
    label = "one class alone"
    parameters = {microwave_frequency = "2.61 GHz"}

The card is checked when it is read: every key, every parameter name, every value with its unit.
"""

from __future__ import annotations

import difflib
import tomllib
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from labspin.data import RunMetadata
from labspin.data.schema import LONGEST_NAME
from labspin.documents import Section, read_document
from labspin.errors import CardError, LabspinError, PlanError
from labspin.experiment.check import check_plan
from labspin.experiment.parameters import QuantityParameter
from labspin.experiment.plan import PlanReport
from labspin.experiment.procedure import Procedure
from labspin.procedures import load_procedure
from labspin.station import Station
from labspin.units import parse_quantity
from labspin.written import written_units

__all__ = ["Card", "RunSpec", "load_card"]


@dataclass(frozen=True)
class RunSpec:
    """One run of a card."""

    label: str
    procedure: type[Procedure]
    parameters: Mapping[str, Any]

    def make(self) -> Procedure:
        """Return a new procedure with the parameters of this run."""
        return self.procedure(**self.parameters)


@dataclass(frozen=True)
class Card:
    """A checked run card."""

    path: Path
    procedure: type[Procedure]
    station: Path | None
    runs: tuple[RunSpec, ...]
    metadata: RunMetadata = field(default_factory=RunMetadata)

    @property
    def procedure_name(self) -> str:
        """What run files call the procedure."""
        return self.procedure.name


def check_runs(card: Card, station: Station) -> list[tuple[RunSpec, PlanReport]]:
    """Check the whole plan of each run of a card against the limits of a station, before anything moves.

    Parameters
    ----------
    card
        The card.
    station
        Where the runs are to be made.

    Returns
    -------
        Each run with its plan.

    Raises
    ------
    PlanError
        The procedure cannot make its plan.
    LabspinError
        A plan is refused; the text begins with the card and the run.
    """
    found = []
    for spec in card.runs:
        where = f"{card.path}, run {spec.label!r}"
        try:
            found.append((spec, check_plan(spec.make(), station)))
        except LabspinError as error:
            if str(card.path) not in str(error):
                error.args = (f"{where}: {error}",)
            raise
        except Exception as error:  # whatever a procedure of one's own may raise
            last = traceback.extract_tb(error.__traceback__)[-1]
            raise PlanError(
                f"{where}: procedure {card.procedure_name!r} cannot make its plan: {type(error).__name__}: "
                f"{error} ({Path(last.filename).name}, line {last.lineno})"
            ) from error
    return found


def load_card(path: Path | str, *, overrides: Iterable[str] = (), only: Sequence[str] = ()) -> Card:
    """Return the run card in ``path``.

    Parameters
    ----------
    path
        A TOML file.
    overrides
        ``"name=value"``: parameters that replace the card's in every run.
    only
        Labels of the runs to keep; empty: all.

    Raises
    ------
    CardError
        What is wrong, with file, line, key path and what to write instead.
    """
    path = Path(path)
    root, _ = read_document(path, what="run card", error=CardError)
    _refuse_other_files(root)
    name = root.take("procedure", str, example='procedure = "t1"')
    procedure = root.guard("procedure", lambda: load_procedure(name, path.parent))
    known = procedure().parameter_objects()
    common = _parameters(root.section("parameters"), procedure.name, known)
    if scan := root.take("scan", dict, {}):
        common["scan"] = root.guard("scan", lambda: known["scan"].convert(scan), named=True)
    replaced = _overrides(path, procedure.name, known, overrides)
    station = root.take("station", str, "")
    metadata = _metadata(root)
    runs = _runs(root, path.stem, procedure, known, common, replaced)
    root.finish({**_ELSEWHERE, **_misplaced(procedure.name, known, "[parameters]")})
    kept = _kept(path, runs, only)
    metadata = metadata.with_changes(units=written_units([dict(run.parameters) for run in runs]))
    return Card(path, procedure, path.parent / station if station else None, kept, metadata)


def _refuse_other_files(root: Section) -> None:
    """Say what a file is that is no run card."""
    if "instruments" in root:
        root.fail("instruments", "this is a station file; give it with --on, and a run card here")
    if "procedure" in root:
        return
    for key, what in (("data", "the file of a workspace"), ("samples", "the file of a workspace"),
                      ("model", "a fit recipe; give it to `labspin fit --with`")):  # fmt: skip
        if key in root:
            root.fail(key, f"this is {what}, and a run card is wanted here")


_ELSEWHERE = {
    **dict.fromkeys(
        ("record", "interlocks", "simulation", "limits"), "belongs into the station file; take it out here"
    ),
    **dict.fromkeys(("units", "notify", "samples", "data"), "belongs into workspace.toml; take it out here"),
    "sweep": "is a table of parameters; write [parameters.sweep], where the procedure has such a parameter",
}
"""Keys that a card has not -> where they belong."""
_OF_CARDS = ("description", "sample", "operator", "project", "comment", "tags")


def _metadata(root: Section) -> RunMetadata:
    words = {
        key: root.take(key, str, "") for key in ("description", "sample", "operator", "project", "comment")
    }
    tags = root.take("tags", list, [])
    return root.guard("tags", lambda: RunMetadata(**words, tags=tuple(tags)))


def _runs(
    root: Section,
    stem: str,
    procedure: type[Procedure],
    known: Mapping[str, object],
    common: Mapping[str, object],
    replaced: Mapping[str, object],
) -> tuple[RunSpec, ...]:
    if "runs" not in root:
        root.know("runs")
        return (RunSpec(stem, procedure, MappingProxyType({**common, **replaced})),)
    runs = []
    for number, table in enumerate(root.sections("runs"), start=1):
        own = _parameters(table.section("parameters"), procedure.name, known)
        label = table.take("label", str, f"{stem} {number}")
        if len(label) > LONGEST_NAME:
            table.fail(
                "label", f"wanted at most {LONGEST_NAME} characters, got {len(label)}: {label[:40]!r} …"
            )
        table.finish(_misplaced(procedure.name, known, "'parameters' of the run"))
        runs.append(RunSpec(label, procedure, MappingProxyType({**common, **own, **replaced})))
    labels = [run.label for run in runs]
    if twice := {label for label in labels if labels.count(label) > 1}:
        root.fail("runs", f"two runs have the label {min(twice)!r}; give each its own")
    return tuple(runs)


def _misplaced(procedure: str, known: Iterable[str], place: str) -> dict[str, str]:
    """Return the error for parameters outside the table of parameters."""
    return dict.fromkeys(known, f"is a parameter of procedure {procedure!r}; write it under {place}")


def _kept(path: Path, runs: tuple[RunSpec, ...], only: Sequence[str]) -> tuple[RunSpec, ...]:
    labels = [run.label for run in runs]
    for label in only:
        if label not in labels:
            there = _near(label, labels) or f"; there are {', '.join(map(repr, labels))}"
            raise CardError(f"{path}: runs: there is none labelled {label!r}{there}")
    return tuple(run for run in runs if not only or run.label in only)


def _parameters(section: Section, procedure: str, known: Mapping[str, object]) -> dict[str, Any]:
    """Return the values of a table of parameters, each checked at its line."""
    found = {}
    for name in section:
        if name == "station" or (name in _OF_CARDS and name not in known):
            section.fail(name, "is a key of the card; write it above [parameters]")
        if name not in known:
            section.fail(name, _no_parameter(procedure, name, known))
        value = section.plain_value(name)
        section.guard(name, lambda name=name, value=value: _checked(known[name], value))  # type: ignore[misc]
        found[name] = value
    return found


def _overrides(
    path: Path, procedure: str, known: Mapping[str, object], overrides: Iterable[str]
) -> dict[str, object]:
    found = {}
    for text in overrides:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name:
            raise CardError(f"{path}: --set: wanted NAME=VALUE, got {text!r}")
        given = "--scan" if name == "scan" else f"--set {name}"
        if name not in known:
            raise CardError(f"{path}: {given}: {_no_parameter(procedure, name, known)}")
        try:
            found[name] = _as_in_a_card(value)
            _checked(known[name], found[name])
        except (LabspinError, ValueError) as error:
            raise CardError(f"{path}: {given}: {str(error).removeprefix('scan: ')}") from error
    return found


def _as_in_a_card(text: str) -> object:
    """Return the value as a card would hold it: a list or table if the text is one, else the text."""
    if not text.startswith(("[", "{")):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        raise CardError(f"wanted a list or table as in a run card, got {text!r}: {error}") from error


def _checked(parameter: Any, value: Any) -> None:
    if isinstance(parameter, QuantityParameter):
        # A number in a file must say its unit; in Python it is in the parameter's.
        parse_quantity(value, parameter.units)
    try:
        parameter.convert(value)
    except LabspinError:
        raise
    except ValueError as error:  # pymeasure's own parameters
        raise CardError(str(error)) from error


def _no_parameter(procedure: str, name: str, known: Iterable[str]) -> str:
    names = [one for one in sorted(known) if one not in ("scan", "station")]  # these stand above
    hint = _near(name, names) or f"; it has {', '.join(names)}"
    return f"procedure {procedure!r} has no parameter {name!r}{hint}"


def _near(word: str, words: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(words), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""

"""Run cards: a procedure, its parameters, and the runs to make of it, in a TOML file.

::

    procedure = "t1"                                     # or "my_scan.py:MyScan"
    station   = "../instruments/levitated-diamond.toml"  # relative to the card
    description = "…"

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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from labspin.errors import CardError, LabspinError
from labspin.experiment.parameters import QuantityParameter
from labspin.experiment.procedure import Procedure
from labspin.procedures import load_procedure
from labspin.units import parse_quantity

__all__ = ["Card", "RunSpec", "load_card"]

_CARD_KEYS = {
    "procedure": str,
    "station": str,
    "description": str,
    "parameters": dict,
    "scan": dict,
    "runs": list,
}
_RUN_KEYS = {"label": str, "parameters": dict}


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
    description: str = ""

    @property
    def procedure_name(self) -> str:
        """What run files call the procedure."""
        return self.procedure.name


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
        What is wrong, with file, key path and what to write instead.
    """
    path = Path(path)
    content = _read(path)
    _check_keys(str(path), "", content, _CARD_KEYS)
    if "procedure" not in content:
        raise CardError(f"{path}: wanted a key 'procedure', got none; write for example procedure = \"t1\"")
    procedure: type[Procedure] = _at(path, "procedure", load_procedure, content["procedure"], path.parent)
    common = _checked(path, "parameters.", procedure, content.get("parameters", {}))
    if "scan" in content:
        common |= _checked(path, "", procedure, {"scan": content["scan"]})
    replaced = _checked(path, "--set.", procedure, dict(_split(path, text) for text in overrides))
    runs = _runs(path, procedure, content.get("runs"), common, replaced)
    station = path.parent / content["station"] if "station" in content else None
    return Card(path, procedure, station, _kept(path, runs, only), content.get("description", ""))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CardError(f"{path}: wanted a run card, got {error.strerror}; check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CardError(f"{path}: wanted a TOML file, got {error}; mend that line") from error


def _runs(
    path: Path,
    procedure: type[Procedure],
    tables: Any,
    common: Mapping[str, Any],
    replaced: Mapping[str, Any],
) -> tuple[RunSpec, ...]:
    if tables is None:
        tables = [{"label": path.stem}]
    if not tables:
        raise CardError(f"{path}: runs: wanted at least one table [[runs]], got none; leave the key out")
    runs = []
    for number, table in enumerate(tables):
        where = f"runs[{number}]"
        if not isinstance(table, dict):
            raise CardError(f"{path}: {where}: wanted a table [[runs]], got {table!r}")
        _check_keys(str(path), where, table, _RUN_KEYS)
        own = _checked(path, f"{where}.parameters.", procedure, table.get("parameters", {}))
        label = table.get("label", f"{path.stem} {number + 1}")
        runs.append(RunSpec(label, procedure, MappingProxyType({**common, **own, **replaced})))
    labels = [run.label for run in runs]
    twice = {label for label in labels if labels.count(label) > 1}
    if twice:
        raise CardError(f"{path}: runs: the label {min(twice)!r} stands twice; give every run its own")
    return tuple(runs)


def _kept(path: Path, runs: tuple[RunSpec, ...], only: Sequence[str]) -> tuple[RunSpec, ...]:
    labels = [run.label for run in runs]
    for label in only:
        if label not in labels:
            raise CardError(f"{path}: runs: there is none labelled {label!r}{_near(label, labels)}")
    return tuple(run for run in runs if not only or run.label in only)


def _check_keys(path: str, where: str, table: Mapping[str, Any], known: Mapping[str, type]) -> None:
    prefix = f"{path}: {where}." if where else f"{path}: "
    for key, value in table.items():
        if key not in known:
            raise CardError(
                f"{prefix}{key}: wanted one of the keys {sorted(known)}, got {key!r}{_near(key, known)}; "
                "parameters of the procedure stand in the table 'parameters'"
            )
        if not isinstance(value, known[key]):
            raise CardError(f"{prefix}{key}: wanted a {known[key].__name__}, got {value!r}")


def _checked(path: Path, where: str, procedure: type[Procedure], values: Mapping[str, Any]) -> dict[str, Any]:
    known = procedure().parameter_objects()
    for name, value in values.items():
        if name not in known:
            raise CardError(
                f"{path}: {where}{name}: procedure {procedure.name!r} has no parameter {name!r}, only "
                f"{sorted(known)}{_near(name, known)}"
            )
        parameter = known[name]
        if isinstance(parameter, QuantityParameter):
            # A number in a file must say its unit; in Python it is in the parameter's.
            _at(path, f"{where}{name}", parse_quantity, value, parameter.units)
        _at(path, f"{where}{name}", parameter.convert, value)
    return dict(values)


def _at(path: Path, where: str, call: Any, *arguments: Any) -> Any:
    try:
        return call(*arguments)
    except (LabspinError, ValueError) as error:
        raise CardError(f"{path}: {where}: {error}") from error


def _split(path: Path, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise CardError(f"{path}: --set: wanted NAME=VALUE, got {text!r}")
    return name.strip(), value.strip()


def _near(word: str, words: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(words), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""

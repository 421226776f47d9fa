"""Differences between two runs: parameters, station, versions, initial settings of the instruments."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labspin.data import Run, read_run

__all__ = ["Difference", "differences_between"]

_NOT_SAID = "—"
_OF_EVERY_RUN = {"snapshot.time"}


@dataclass(frozen=True)
class Difference:
    """One difference between two runs."""

    what: str
    first: str
    second: str


def differences_between(first: Path | str, second: Path | str) -> list[Difference]:
    """Return the differences between two runs; measured values are not compared.

    Parameters
    ----------
    first, second
        Run files, finished or not.

    Raises
    ------
    RunFileError
        One of them cannot be read.
    """
    runs = read_run(first), read_run(second)
    tables = [_table(run) for run in runs]
    found = [
        Difference(key, *(_text(table.get(key, _NOT_SAID)) for table in tables))
        for key in dict.fromkeys([*tables[0], *tables[1]])
        if key not in _OF_EVERY_RUN and not _same(tables[0].get(key), tables[1].get(key))
    ]
    return found + _station_lines(*runs)


def _table(run: Run) -> dict[str, object]:
    from labspin.analysis.report.words import with_unit

    header = run.header
    table: dict[str, object] = {
        "procedure": header.procedure,
        "label": header.label,
        "status": str(run.status),
        "points": len(run.points),
        "seed": header.seed,
    }
    table |= run.metadata.to_dict()
    table |= {
        f"parameter {name}": with_unit(record["value"], str(record["unit"]))
        for name, record in header.parameters.items()
    }
    table |= _flat("environment", header.environment)
    table |= {"station": header.station.get("name"), "simulated": header.simulated}
    return table | _flat("snapshot", header.snapshot)


def _flat(prefix: str, table: object) -> dict[str, object]:
    if not isinstance(table, Mapping):
        return {prefix: table}
    found: dict[str, object] = {}
    for key, value in table.items():
        found |= _flat(f"{prefix}.{key}", value)
    return found


def _station_lines(first: Run, second: Run) -> list[Difference]:
    """Return the lines that differ between the station files."""
    texts = [str(run.header.station.get("text", "")).splitlines() for run in (first, second)]
    found = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, texts[0], texts[1], autojunk=False).get_opcodes():
        if kind != "equal":
            found.append(
                Difference(f"station file, line {a + 1}", "\n".join(texts[0][a:b]), "\n".join(texts[1][c:d]))
            )
    return found


def _same(first: object, second: object) -> bool:
    return _text(first) == _text(second)


def _text(value: object) -> str:
    return "" if value is None else str(value.tolist() if hasattr(value, "tolist") else value)

"""Procedures in a stock pymeasure Worker or ManagedWindow, recorded as usual.

The class of a procedure is given to pymeasure unchanged; its ``execute`` calls this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from labspin.bench import Bench
from labspin.data import RunHeader
from labspin.errors import CardError
from labspin.experiment import Control, Procedure, RunOutcome, run as run_procedure
from labspin.experiment.procedure import data_column
from labspin.session.host_record import refuse_hosted
from labspin.session.runs import new_run_path
from labspin.station import load_station
from labspin.workspaces import find_workspace

__all__ = ["run_in_worker"]


def run_in_worker(procedure: Procedure) -> None:
    """Run ``procedure`` for the pymeasure Worker that executes it.

    Parameters
    ----------
    procedure
        Runs on its attribute ``bench`` if that is set, else on the station file that its parameter
        ``station`` names; records in its ``run_file``, or in a new file of the workspace.

    Raises
    ------
    CardError
        It has neither bench nor station.
    LabspinError
        As for `labspin.experiment.run`.
    """
    bench = procedure.bench if procedure.bench is not None else _connect(procedure)
    try:
        control = _WorkerControl(procedure)
        path = procedure.run_file or new_run_path(find_workspace().data, procedure.name)
        run_procedure(
            procedure, bench, path, observers=[_WorkerObserver(procedure, control)], control=control
        )
    finally:
        if procedure.bench is None:
            bench.close()


def _connect(procedure: Procedure) -> Bench:
    if not procedure.station:
        raise CardError(
            f"procedure {procedure.name!r}: wanted a bench to run on; set its parameter 'station' to a "
            "station file or its attribute 'bench' to a bench"
        )
    refuse_hosted(Path(procedure.station))
    return load_station(procedure.station).connect()


class _WorkerControl(Control):
    """Checks in every wait whether pymeasure's Worker was stopped."""

    def __init__(self, procedure: Procedure) -> None:
        super().__init__()
        self._procedure = procedure

    def check(self) -> None:
        if self._procedure.should_stop():
            self.abort("pymeasure's worker was stopped")
        super().check()


class _WorkerObserver:
    """Passes every point to pymeasure's Worker."""

    def __init__(self, procedure: Procedure, control: Control) -> None:
        self._procedure, self._control = procedure, control
        self._header: RunHeader | None = None
        self._names: list[str] = []

    def on_start(self, header: RunHeader, total: int | None) -> None:
        self._header = header
        self._names = [data_column(column) for column in header.layout.columns]

    def on_point(self, index: int, values: Sequence[object], done: int, total: int | None) -> None:
        row = dict(zip(self._names, values, strict=True))
        dimensions = self._header.layout.dimensions if self._header else ()
        for dimension in reversed(dimensions):
            index, along = divmod(index, len(dimension))
            row[data_column(dimension)] = float(dimension.values[along])
        self._procedure.emit("results", row)
        if total:
            self._procedure.emit("progress", 100.0 * done / total)
        if self._procedure.should_stop():
            self._control.abort("pymeasure's worker was stopped")

    def on_event(self, kind: str, message: str) -> None:
        del kind, message

    def on_finish(self, outcome: RunOutcome) -> None:
        del outcome

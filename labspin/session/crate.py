"""A set of runs with all that belongs to them, for an archive or another group: an RO-Crate.

A crate is a folder or a ZIP file with the run files, the station files as they stood, tables of the fits,
and a description in ``ro-crate-metadata.json`` (https://w3id.org/ro/crate, in the words of schema.org): who
measured which sample with what instruments, when, by which software, and what came out. Repositories and
catalogues read it. Needs the extra ``crate`` (the package `rocrate`).
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labspin.counts import number_of
from labspin.data import Run, RunMetadata, read_run
from labspin.data.storage import storage_error
from labspin.errors import ArgumentError, ConfigurationError

if TYPE_CHECKING:
    from rocrate.rocrate import ROCrate

__all__ = ["write_crate"]

_HDF5 = {"encodingFormat": ["application/x-hdf5", {"@id": "https://www.nexusformat.org/"}]}


def write_crate(files: Sequence[Path], target: Path, *, name: str = "") -> Path:
    """Write runs and what belongs to them as an RO-Crate, and return its path.

    Parameters
    ----------
    files
        Published run files.
    target
        New folder, or new file that ends in ``.zip``.
    name
        Title of the crate; default: of the project, or the number of runs.

    Raises
    ------
    ArgumentError
        The target exists, or two runs have the same file name.
    ConfigurationError
        The package `rocrate` is not installed.
    RunFileError
        A file is not a run file.
    StorageError
        The crate cannot be written; no part of it is left.
    """
    try:
        from rocrate.rocrate import ROCrate
    except ImportError as error:
        raise ConfigurationError(
            "an RO-Crate needs the package rocrate; python -m pip install 'labspin[crate]'"
        ) from error
    if target.exists():
        raise ArgumentError(f"{target}: exists already; name a new folder or a new .zip file")
    names = [file.name for file in files]
    twice = next((one for one in names if names.count(one) > 1), "")
    if twice:
        raise ArgumentError(f"{twice}: two runs have this name; export them to two crates")
    runs = [read_run(file) for file in files]
    crate = ROCrate()
    projects = dict.fromkeys(run.metadata.project for run in runs if run.metadata.project)
    crate.name = name or ", ".join(projects) or f"{number_of(len(runs), 'run')} of labspin"
    crate.description = "Runs of labspin: NeXus HDF5 files, the stations they were made with, and their fits"
    with tempfile.TemporaryDirectory() as folder:
        for run, file in zip(runs, files, strict=True):
            _add_run(crate, run, file, Path(folder) / file.stem)
        try:
            (crate.write_zip if target.suffix == ".zip" else crate.write)(target)
        except OSError as error:
            raise storage_error(target, error, "the crate was not written") from error
    return target


def _add_run(crate: ROCrate, run: Run, file: Path, scratch: Path) -> None:
    """Add a run: its file, station and fits, and the action that made them."""
    scratch.mkdir()
    header, said = run.header, run.metadata
    started = {"startTime": header.started, **({"endTime": run.ended} if run.ended else {})}
    words = " ".join(filter(None, (said.description, said.comment)))
    result = [
        crate.add_file(
            file,
            f"runs/{file.name}",
            properties={"name": header.label or header.procedure, "description": words, **_HDF5},
        )
    ]
    station = scratch / "station.toml"
    station.write_text(str(header.station.get("text", "")), encoding="utf-8")
    settings = crate.add_file(
        station,
        f"runs/{file.stem}/station.toml",
        properties={
            "name": f"station {header.station.get('name', '')}",
            "encodingFormat": "application/toml",
        },
    )
    if run.fits:
        table = scratch / "fits.csv"
        table.write_text(_fit_table(run), encoding="utf-8", newline="")
        properties = {"name": f"fits of {file.name}", "encodingFormat": "text/csv"}
        result.append(crate.add_file(table, f"runs/{file.stem}/fits.csv", properties=properties))
    _entity(
        crate,
        f"#{header.run_id}",
        "CreateAction",
        name=f"{header.procedure}: {header.label}" if header.label else header.procedure,
        actionStatus="CompletedActionStatus" if run.status == "finished" else "FailedActionStatus",
        agent=_person(crate, said.operator),
        object=[one for one in (settings, _sample(crate, said)) if one is not None],
        instrument=[_software(crate, run), *_instruments(crate, run)],
        result=result,
        keywords=", ".join(said.tags),
        additionalProperty=_parameters(crate, run),
        **started,
    )


def _entity(crate: ROCrate, identifier: str, kind: str, **properties: object) -> object:
    """Return the entity of that identifier, created if new; empty properties are left out."""
    from rocrate.model import ContextEntity

    known = crate.get(identifier)
    if known is not None:
        return known
    entity = crate.add(ContextEntity(crate, identifier, properties={"@type": kind}))
    for name, value in properties.items():
        if value not in (None, "", []):
            entity[name] = value
    return entity


def _person(crate: ROCrate, name: str) -> object:
    return _entity(crate, f"#person-{name}", "Person", name=name) if name else None


def _sample(crate: ROCrate, said: RunMetadata) -> object:
    name = said.sample
    if not name:
        return None
    return _entity(crate, f"#sample-{name}", "Thing", name=name, description=said.sample_description)


def _software(crate: ROCrate, run: Run) -> object:
    version = str(run.header.environment.get("labspin", ""))
    return _entity(
        crate, f"#labspin-{version}", "SoftwareApplication", name="labspin", softwareVersion=version
    )


def _instruments(crate: ROCrate, run: Run) -> list[Any]:
    """Return the instruments by their own identification; simulated ones are marked."""
    simulated = " (simulated)" if run.header.simulated else ""
    found = []
    for name, record in dict(run.header.snapshot.get("instruments", {})).items():
        identity = str(record.get("identity", "")) if isinstance(record, dict) else ""
        found.append(
            _entity(crate, f"#{name}-{identity or name}", "IndividualProduct",
                    name=f"{name}{simulated}", description=identity)
        )  # fmt: skip
    return found


def _parameters(crate: ROCrate, run: Run) -> list[Any]:
    found = []
    for name, record in run.header.parameters.items():
        value, unit = record.get("value"), str(record.get("unit") or "")
        text = "" if value is None else str(value)
        place = f"#{run.header.run_id}-{name}"
        found.append(_entity(crate, place, "PropertyValue", name=name, value=text, unitText=unit))
    return found


def _fit_table(run: Run) -> str:
    """Return the parameters of all fits that are single numbers, with units and standard errors."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(("fit", "model", "parameter", "value", "standard error", "unit"))
    for fit in run.fits:
        for one in fit.parameters:
            if getattr(one.value, "ndim", 0) == 0:
                table.writerow((fit.name, fit.model, one.name, one.value, one.stderr, one.unit))
    return text.getvalue()

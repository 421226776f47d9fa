"""What a short command must not import: that, and no wall clock, is what keeps it short."""

import json
import subprocess
import sys

import pytest

from labspin.data import Column, Dimension, Layout, RunHeader, RunWriter
from tests.places import ROOT

HEAVY = {
    "IPython", "PySide6", "asyncio", "dask", "h5py", "lmfit", "matplotlib", "numba", "pandas", "pint",
    "pymeasure", "pyvisa", "scipy", "xarray",
}  # fmt: skip
SCRIPT = """
import contextlib, io, json, sys
from labspin import cli
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    cli.main(sys.argv[1:])
from labspin import units
names = sorted({name.partition(".")[0] for name in sys.modules})
json.dump([names, units._registry.cache_info().misses], sys.stdout)
"""


def imported(*command):
    """Return which heavy packages a command imports, and whether it had pint load all its units."""
    arguments = [sys.executable, "-c", SCRIPT, *map(str, command)]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
    names, registries = json.loads(done.stdout)
    return set(names) & HEAVY, registries


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    import numpy as np

    path = tmp_path_factory.mktemp("data") / "run.h5"
    layout = Layout(
        dimensions=(Dimension(name="time", unit="s", values=np.arange(3.0)),), columns=(Column(name="y"),)
    )
    with RunWriter.create(path, RunHeader(procedure="p", layout=layout, signal="y")) as writer:
        for index in range(3):
            writer.append(index, 0.0, (float(index),))
        writer.finish("finished")
    return path


def test_help_imports_nothing_heavy():
    assert imported("--help") == (set(), 0)


def test_a_list_of_runs_opens_no_hdf5(run):
    assert imported("ls", run.parent) == (set(), 0)


def test_a_check_knows_the_drivers_but_neither_tables_nor_fits_nor_pictures():
    """scipy, for its version, is pint's; asyncio comes with the mocks in pymeasure's adapters."""
    names, registries = imported("check", ROOT / "procedures" / "t1.toml")
    assert names <= {"asyncio", "pint", "pymeasure", "pyvisa", "scipy"}
    assert registries == 0, "everyday units need not be parsed by pint"


def test_a_picture_of_a_run_needs_no_fitting_and_no_tables(run, tmp_path):
    names, _ = imported("plot", run, "--output", tmp_path / "x.png")
    assert names <= {"h5py", "matplotlib", "asyncio", "scipy", "pint"}

"""A package imported without what it imports beside it: nothing is missing, and nothing is left over."""

import re
import subprocess
import sys

import pytest

from tests.places import ROOT


def run(script):
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_pymeasure_writes_and_reads_its_tables_all_the_same(tmp_path):
    """Results of pymeasure use pandas, which its import did not load."""
    run(f"""
import sys
from labspin.experiment import Procedure
assert "pandas" not in sys.modules
from pymeasure.experiment import FloatParameter, Procedure, Results
class Own(Procedure):
    x = FloatParameter("x", default=1.0)
    DATA_COLUMNS = ["a", "b"]
results = Results(Own(), {str(tmp_path / "r.csv")!r})
with open({str(tmp_path / "r.csv")!r}, "a") as file:
    file.write("1,2" + chr(10))
assert results.data["b"].tolist() == [2]
import pandas
assert type(results.data) is pandas.DataFrame
""")


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("labspin.station", {"pyvisa", "asyncio", "ssl", "pint", "pandas"}),
        ("labspin.experiment.procedure", {"pint", "zmq", "pandas", "IPython"}),
        ("labspin.twin.devices", {"pyvisa", "asyncio", "pint"}),
    ],
)
def test_what_a_short_command_needs_brings_no_other_world_with_it(module, absent):
    out = run(f"""
import sys
import {module}
print(*sorted({absent!r} & set(sys.modules)))
""")
    assert out.split() == []


def test_checking_the_cards_brings_no_other_world_with_it():
    """Pint begins in 0.2 s, SciPy's geometry in 0.25 s: half of what a check may take."""
    absent = {"pint", "pandas", "lmfit", "matplotlib", "scipy.spatial", "scipy.stats"}
    out = run(f"""
import pathlib, sys
from labspin.cli import main
cards = sorted(pathlib.Path("procedures").glob("*.toml"))
for card in cards:
    if card.stem != "t1_field":  # interpolates by SciPy
        assert main(["check", str(card)]) == 0, card
print("cards", len(cards), "loaded", sorted({absent!r} & set(sys.modules)))
""")
    assert re.search(r"cards 1\d loaded \[\]$", out), out[-500:]


def test_an_instrument_opens_its_connection_all_the_same():
    """By pyvisa, which the import of the driver did not load; nobody listens there."""
    out = run("""
from labspin.errors import InstrumentError
from labspin.instruments.kepco_bop import KepcoBOP
try:
    KepcoBOP("TCPIP::127.0.0.1::1::SOCKET", visa_library="@py", timeout=0.5).ask("*IDN?")
except InstrumentError as error:
    print(type(error).__name__)
import pyvisa, pymeasure.adapters.visa, unittest.mock
assert pymeasure.adapters.visa.pyvisa.ResourceManager is pyvisa.ResourceManager
from pymeasure.adapters import ProtocolAdapter
assert isinstance(ProtocolAdapter().connection, unittest.mock.MagicMock)
""")
    assert out.split()[0] in ("ConnectionFailedError", "ReplyTimeoutError")


def test_pint_computes_with_dask_all_the_same():
    run("""
import sys
from labspin.units import parse_quantity
assert parse_quantity("3 furlong", "m") > 600
assert "dask" not in sys.modules
import pint
import dask.array
length = pint.UnitRegistry().Quantity(dask.array.ones(4), "m")
assert float(length.sum().compute().magnitude) == 4.0
""")


def test_whoever_imports_it_then_gets_the_real_one():
    pytest.importorskip("IPython")
    out = run("""
import sys
import labspin.experiment.procedure
assert not any(type(module).__name__ == "_Later" for module in sys.modules.values())
from pandas import DataFrame
from IPython import display
print(DataFrame({"a": [1]}).a.sum(), display.__name__)
""")
    assert out.split() == ["1", "IPython.display"]


def test_what_is_there_already_stays():
    run("""
import pandas
import pymeasure
from labspin.imports import import_lightly
import_lightly("pymeasure.experiment")
import pymeasure.experiment.results as results
assert results.pd is pandas
""")


def test_a_module_that_is_not_there_is_said_to_be_missing():
    from labspin.imports import import_without

    with pytest.raises(ImportError, match="no_such_module"):
        import_without("no_such_module", ["json.tool"])

"""A bench that was closed, and a run that is over, are freed at once.

Parts that know each other are freed when Python collects its garbage, which it does the later the more there
is in memory. A host that made runs on a simulated bench grew in steps: diamonds of 2.4 MB each were waiting.
"""

import gc
import weakref

import pytest

from labspin.experiment import run
from labspin.station import load_station
from tests.faults.reduced_cards import ROOT, reduced_runs
from tests.some import some

STATIONS = some(
    path.stem for path in sorted((ROOT / "instruments").glob("*.toml")) if "[simulation]" in path.read_text()
)
RUNS = {each.station.path.stem: each for each in reduced_runs(every_run=False).values()}


@pytest.fixture(autouse=True)
def nothing_is_collected():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def large(bench):
    """Return weak references to what takes most of the memory."""
    return {"bench": weakref.ref(bench), "sample": weakref.ref(bench.simulation.world.sample)}


def left(references):
    return [name for name, reference in references.items() if reference() is not None]


@pytest.mark.parametrize("station", STATIONS)
def test_a_bench_that_was_closed_is_freed(station):
    bench = load_station(ROOT / "instruments" / f"{station}.toml").connect()
    found = large(bench)
    bench.snapshot()
    bench.safe()
    bench.close()
    del bench
    assert left(found) == []


@pytest.mark.parametrize("station", RUNS)
def test_a_run_that_is_over_is_freed(station, tmp_path):
    bench = RUNS[station].station.connect()
    found = large(bench)
    run(RUNS[station].procedure(), bench, tmp_path / "run.h5")
    bench.close()
    del bench
    assert left(found) == []


def test_a_bench_lives_as_long_as_one_of_its_handles_until_it_is_closed():
    bench = load_station(ROOT / "instruments" / "levitated-diamond.toml").connect()
    found, magnet, closing = large(bench), bench.magnet, bench.close
    del bench
    assert left(found) == ["bench", "sample"], "its watchdog and its claims must not go"
    closing()
    del magnet, closing
    assert left(found) == []

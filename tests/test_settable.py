"""A mistyped setting of anything that a person assigns to is refused, with what may be meant."""

import copy
import pickle
from pathlib import Path

import pytest

from labspin.errors import CardError
from labspin.experiment import Control, Linear, Procedure
from labspin.procedures import Rabi
from labspin.session import Queue
from labspin.settable import Settable
from labspin.station import load_station
from tests.places import ROOT


@pytest.fixture(scope="module")
def bench():
    with load_station(ROOT / "instruments" / "levitated-diamond.toml").connect() as bench:
        yield bench


@pytest.mark.parametrize(
    ("thing", "mistyped", "meant"),
    [
        ("procedure", "avrages", "averages"),
        ("bench", "simulaton", "simulation"),
        ("bench.microwave", "frequncy", "frequency"),
        ("bench.counter", "relied_setting", "relied_settings"),
        ("adapter", "frequncy", "frequency"),
        ("driver", "frequncy", "frequency"),
        ("control", "requestd", "requested"),
        ("sweep", "axs", "axes"),
        ("queue", "pth", "path"),
    ],
)
def test_a_mistyped_setting_is_refused_and_the_one_that_is_meant_is_named(bench, thing, mistyped, meant):
    adapter = bench.raw("microwave", reason="for the test")
    found = {
        "procedure": Rabi(),
        "bench": bench,
        "bench.microwave": bench.microwave,
        "bench.counter": bench.counter,
        "adapter": adapter,
        "driver": adapter.device,
        "control": Control(),
        "sweep": Linear("x", 0, 1, 3),
        "queue": Queue(Path("queue.toml")),
    }[thing]
    with pytest.raises(AttributeError, match=f"{mistyped!r}; did you mean {meant!r}"):
        setattr(found, mistyped, 3)
    assert mistyped not in dir(found)


def test_an_instrument_of_a_bench_and_what_a_thing_does_cannot_be_replaced(bench):
    with pytest.raises(AttributeError, match="microwave is an instrument and cannot be replaced"):
        bench.microwave = 2.87e9
    with pytest.raises(AttributeError, match="pause is what it does; wanted it called, got True"):
        Control().pause = True


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("averages", "three", "parameter 'averages' of procedure 'rabi': .*wanted a whole number"),
        ("averages", 0, "wanted a whole number from 1"),
        ("averages", None, "wanted a whole number"),
        ("pulse_stop", "3 mT", "pulse_stop"),
    ],
)
def test_a_wrong_value_is_refused_where_it_is_assigned(name, value, text):
    procedure = Rabi()
    before = procedure.parameter_record()
    with pytest.raises(CardError, match=text):
        setattr(procedure, name, value)
    assert procedure.parameter_record() == before


def test_a_value_that_is_assigned_is_in_the_unit_of_its_parameter():
    procedure = Rabi()
    procedure.pulse_stop = "0.5 us"
    assert procedure.pulse_stop == pytest.approx(5e-7, rel=1e-12, abs=0)
    for other in (copy.deepcopy(procedure), pickle.loads(pickle.dumps(procedure))):
        other.pulse_stop = "300 ns"
        assert other.parameter_record()["pulse_stop"]["value"] == pytest.approx(3e-7, rel=1e-12, abs=0)
        assert procedure.pulse_stop == pytest.approx(5e-7, rel=1e-12, abs=0)


class Own(Procedure):
    """A laboratory's procedure, which keeps things of its own."""

    later: int

    def prepare(self, bench):
        self.offsets = [(setattr(self, name, 1), name)[1] for name in ("first", "second")]


def test_a_procedure_keeps_what_its_own_code_makes_and_what_pymeasure_gives_it():
    procedure = Own()
    procedure.prepare(None)
    assert (procedure.offsets, procedure.first, procedure.second) == (["first", "second"], 1, 1)
    procedure.offsets = []  # known now
    procedure.status, procedure.should_stop = Procedure.RUNNING, lambda: False
    procedure.emit, procedure.is_last = print, lambda: True
    with pytest.raises(AttributeError, match="has no setting 'offset'; did you mean 'offsets'"):
        procedure.offset = 3


def test_a_name_that_nothing_resembles_is_answered_with_what_there_is():
    class Thing(Settable):
        gain = 1

    with pytest.raises(AttributeError, match="Thing: has no setting 'zzz'; it has gain"):
        Thing().zzz = 3

"""What a person is told of instruments that could not be made safe, and of a bench that answers in part."""

from types import SimpleNamespace

import pytest

from labspin.bench.read_back import read_back
from labspin.bench.safety import SafeAction
from labspin.bench.verdict import unsafe_remarks
from labspin.errors import UnknownStateError


def actuator(name, read, *, moves=None, sent=None, safe=0.0, unit="A"):
    spec = SimpleNamespace(instrument=name.split(".")[0], name=moves or name, safe=safe, unit=unit)

    def reading():
        if isinstance(read, Exception):
            raise read
        return read

    return SimpleNamespace(name=name, spec=spec, read=reading, last_sent=sent, unit=unit)


def bench(*actuators):
    return SimpleNamespace(actuators={one.name: one for one in actuators})


def failed(name, message):
    return SafeAction(name, False, message, 0.0)


GONE = UnknownStateError("gone")


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (actuator("magnet.current", 1.2), "magnet at 1.2 A"),
        (actuator("magnet.current", GONE, sent=2.5), "magnet last set to 2.5 A (it cannot be read back)"),
        (actuator("magnet.current", GONE), "magnet at an unknown value (it cannot be read back)"),
    ],
)
def test_it_is_told_where_an_instrument_stands(one, told):
    assert unsafe_remarks(bench(one), [failed("magnet", "no answer")]) == {"magnet": told}


def test_a_magnet_is_told_once_by_what_is_sent():
    """Its field is the same current once more, in another unit."""
    current = actuator("magnet.current", 1.2)
    field = actuator("magnet.field", 0.003, moves="magnet.current", unit="T")
    told = unsafe_remarks(bench(current, field), [failed("magnet", "no answer")])
    assert told == {"magnet": "magnet at 1.2 A"}


def test_of_several_set_points_each_is_named():
    x, y = actuator("vector.x", 1.0), actuator("vector.y", 2.0)
    told = unsafe_remarks(bench(x, y), [failed("vector", "no answer")])
    assert told == {"vector": "vector.x at 1 A, vector.y at 2 A"}


def test_what_has_no_set_point_is_told_by_its_own_last_failure():
    actions = [
        failed("laser", "the key was turned"), failed("laser", "no answer"), failed("counter", "cable")
    ]  # fmt: skip
    told = unsafe_remarks(bench(), actions)
    assert told == {"laser": "laser (no answer)", "counter": "counter (cable)"}


class Lost:
    def identity(self):
        raise OSError("no answer")


class There:
    def identity(self):
        return "ACME"

    def settings(self):
        return {"range": 1}


def test_of_an_instrument_that_is_lost_nothing_is_asked_again():
    asked = []
    one = actuator("magnet.current", 1.2)
    one.read = lambda: asked.append(1) or 1.2
    found = read_back({"magnet": Lost()}, {"magnet.current": one}, tolerant=True)
    assert found["instruments"]["magnet"] == {"error": "OSError: no answer"}
    assert found["actuators"]["magnet.current"] == {"error": "OSError: no answer", "unit": "A"}
    assert asked == []
    with pytest.raises(OSError, match="no answer"):
        read_back({"magnet": Lost()}, {"magnet.current": one}, tolerant=False)
    there = read_back({"magnet": There()}, {"magnet.current": one}, tolerant=True)
    assert there["actuators"]["magnet.current"] == {"value": 1.2, "unit": "A"}

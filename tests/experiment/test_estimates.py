from dataclasses import replace

import pytest

from labspin.bench import Settle
from labspin.data import Column
from labspin.experiment import Linear, Procedure, Product, Shuffled, Values, estimate, run
from tests.experiment.fakes import FREQUENCY, MAGNET, fake_bench


class Timed(Procedure):
    """Says how long it measures, and moves by itself."""

    quantities = (Column(name="y"),)

    def settings(self):
        return {"microwave.frequency": 2.9e9}

    def plan(self):
        return Shuffled(Linear("magnet.field", 0.0, 0.02, 7, unit="T"), 3)

    def duration(self, point):
        return 2.0 + point.index

    def moves(self, point):
        return ({"magnet.field": 0.015}, point.setpoints)

    def measure(self, bench, point):
        for setpoints in self.moves(point):
            bench.actuator("magnet.field").move(setpoints["magnet.field"])
        bench.clock.sleep(self.duration(point))
        return {"y": 0.0}


class Patient(Timed):
    is_open_ended = True


class Station:
    def unconnected(self):
        return fake_bench()


def test_an_estimate_is_the_time_that_a_run_takes(tmp_path):
    told = estimate(Timed(), Station())
    bench = fake_bench()
    run(Timed(), bench, tmp_path / "run.h5")
    assert told.points == 7
    assert told.moving > 1.0
    assert abs(bench.clock.now() - told.total) < 1e-6 * told.total
    assert not told.is_typical


def test_who_waits_for_something_tells_a_typical_time():
    assert estimate(Patient(), Station()).is_typical


class Adaptive(Timed):
    coordinates = (Column(name="x", role="coordinate"),)

    def plan(self):
        for x in range(3):
            found = yield {"x": float(x)}
            if found is not None:
                return


def test_an_adaptive_plan_is_told_as_if_no_reading_changed_it():
    told = estimate(Adaptive(), Station())
    assert (told.points, told.is_adaptive, told.is_typical) == (3, True, True)
    assert told.measuring == 2.0 + 3.0 + 4.0


def test_an_adaptive_plan_that_cannot_go_without_readings_has_no_estimate():
    class Endless(Adaptive):
        def plan(self):
            while True:
                yield {"x": 1.0}

    class Reading(Adaptive):
        def plan(self):
            found = yield {"x": 1.0}
            yield {"x": found["counts"]}

    for kind in (Endless, Reading):
        assert estimate(kind(), Station()).total is None


def test_what_stands_where_it_is_asked_to_be_is_not_waited_for():
    """The field is set once and then stays, while another axis goes through its values."""

    class Standing(Timed):
        def plan(self):
            return Product(Values("magnet.current", [1.0], unit="A"), Linear("x", 0, 1, 5))

        def moves(self, point):
            return ()

    class Settling(Station):
        def unconnected(self):
            return fake_bench(actuators=(replace(MAGNET, settle=Settle(wait=10.0)), FREQUENCY))

    # 0.5 A/s: 2 s there and 2 s to the safe value, with a wait of 10 s at each of the two places.
    assert estimate(Standing(), Settling()).moving == pytest.approx(2 * (2.0 + 10.0), rel=0.02, abs=0)

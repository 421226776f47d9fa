"""At the wire no set-point leaves limits or ramp rates, whatever the plan; see benchmarks/random_plans.py."""

import dataclasses
import logging

import pytest
from hypothesis import HealthCheck, given, seed, settings

from labspin.bench import Actuator
from labspin.experiment import Values
from tests.experiment.random_plans import RandomScan, Trial, run_trial, trials

STATION = """
[station]
name = "mutant"
[simulation]
sample = "levitated_diamond"
[instruments.magnet]
role = "MagnetSupply"
driver = "kepco_bop"
[instruments.magnet.actuators.current]
limits = ["-5 A", "5 A"]
ramp_rate = "2 A/s"
[trust]
status = "record"  # a run that holds would repeat what is wrong about the way it moves
"""
LEFT = tuple(("magnet", line) for line in ("FUNC:MODE CURR", "VOLT 20", "CURR 3", "OUTP 1"))


@pytest.fixture(autouse=True)
def quiet():
    """Hold back what the mishaps log."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def keeps_to_limits_and_rates(tmp_path_factory, trial):
    outcome = run_trial(trial, tmp_path_factory.mktemp("run") / "run.h5")
    assert outcome.monitor is None or outcome.monitor.violations == []
    assert not (outcome.refused and outcome.points)


ALONE = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))


@seed(20240229)
@settings(ALONE, max_examples=6)
@given(trials())
def test_no_plan_leaves_limits_or_ramp_rates_at_the_wire(tmp_path_factory, trial):
    keeps_to_limits_and_rates(tmp_path_factory, trial)


@pytest.mark.slow
@settings(ALONE, max_examples=100)
@given(trials())
def test_none_of_a_hundred_plans_leaves_limits_or_ramp_rates(tmp_path_factory, trial):
    keeps_to_limits_and_rates(tmp_path_factory, trial)


def moved(tmp_path, left=(), values=(1.0, -1.0)):
    procedure = RandomScan()
    procedure.made = lambda: Values("magnet.current", values, unit="A")
    return run_trial(Trial(STATION, left, procedure, ("none", 0, 0)), tmp_path / "run.h5")


@pytest.mark.parametrize("left", [(), LEFT], ids=["off", "left at 3 A"])
def test_the_monitor_sees_every_step_of_a_good_run(tmp_path, left):
    outcome = moved(tmp_path, left)
    assert (outcome.ended, outcome.points, outcome.monitor.violations) == ("finished", 2, [])
    assert outcome.monitor.ramped >= (1 + 2 + 1) / 0.2
    assert 0.9 < outcome.monitor.worst <= 1


def _no_ramp(actuator, start, target, *more, **others):
    actuator._send(target)


def _faster(actuator, start, target, rate, *more):
    return _RAMP(actuator, start, target, 1.01 * rate, *more)


def _larger_steps(actuator, start, target, rate, *more):
    fine = actuator.spec  # a step is limited by interval and range, so both are twice as large
    wide = {"minimum": 2 * fine.minimum, "maximum": 2 * fine.maximum}
    actuator.spec = dataclasses.replace(fine, ramp_interval=2 * fine.ramp_interval, **wide)
    try:
        return _RAMP(actuator, start, target, rate, *more)
    finally:
        actuator.spec = fine


def _overshoots(actuator, start, target, rate, *more):
    _RAMP(actuator, start, target, rate, *more)
    _RAMP(actuator, target, target + 0.01, rate, *more)


def _from_zero(actuator, start, target, rate, *more):
    return _RAMP(actuator, 0.0, target, rate, *more)


_RAMP = Actuator._ramp


@pytest.mark.parametrize(
    ("mutant", "left", "values", "text"),
    [
        (_no_ramp, (), (1.0,), "from 0.0 to 1.0 after"),
        (_faster, (), (1.0,), "after 0.09"),
        (_larger_steps, (), (1.0,), "to 0.333333 after 0.166667 s"),
        (_overshoots, (), (5.0,), "set to 5.01, outside of its limits"),
        (_from_zero, LEFT, (1.0,), "from 3.0 to"),
    ],
)
def test_the_monitor_can_fail(tmp_path, monkeypatch, mutant, left, values, text):
    monkeypatch.setattr(Actuator, "_ramp", mutant)
    violations = moved(tmp_path, left, values).monitor.violations
    assert any(text in violation for violation in violations), violations


def test_the_monitor_sees_an_output_that_is_switched_on_with_a_jump(tmp_path, monkeypatch):
    def energise(actuator):
        actuator._device.output_enabled = True

    monkeypatch.setattr(Actuator, "energise", energise)
    left = (*LEFT[:3], ("magnet", "OUTP 0"))
    violations = moved(tmp_path, left).monitor.violations
    assert any("switched on 3 A away" in violation for violation in violations), violations

"""Experiments: what is moved, what is measured, and the bench made safe whatever happens.

An experiment is a `Procedure` (what to measure) on a `Bench` (with what); `run` brings the two together and
records the run. The names below are loaded on first use: a station that only needs `Bench` does not pay for
pymeasure's procedures.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labspin.experiment.actuators import Actuator, ActuatorSpec, Calibration, Settle
    from labspin.experiment.algebra import Filter, Product, Repeat, Shuffled, Snake, Zip
    from labspin.experiment.bench import Bench, Simulation
    from labspin.experiment.cards import Card, RunSpec, load_card
    from labspin.experiment.check import check_plan, preflight
    from labspin.experiment.control import Control, Observer, Progress, RunOutcome
    from labspin.experiment.engine import run
    from labspin.experiment.estimates import Estimate, estimate
    from labspin.experiment.interlocks import Interlock
    from labspin.experiment.parameters import (
        BooleanParameter,
        CountParameter,
        ListParameter,
        Parameter,
        QuantityParameter,
        SweepParameter,
    )
    from labspin.experiment.plan import CompiledPlan, PlanReport, compile_plan
    from labspin.experiment.procedure import Procedure, run_path
    from labspin.experiment.queue import Queue
    from labspin.experiment.queue_file import QueuedRun, QueueState
    from labspin.experiment.queue_runner import run_queue
    from labspin.experiment.resumption import resume
    from labspin.experiment.safety import SafeAction
    from labspin.experiment.sweep import MAX_POINTS, Linear, Logarithmic, Point, Sweep, Values
    from labspin.experiment.watchdog import Watchdog

_LAZY = {
    "MAX_POINTS": "sweep",
    "Actuator": "actuators",
    "ActuatorSpec": "actuators",
    "Bench": "bench",
    "BooleanParameter": "parameters",
    "Calibration": "actuators",
    "Card": "cards",
    "CompiledPlan": "plan",
    "Control": "control",
    "CountParameter": "parameters",
    "Estimate": "estimates",
    "Filter": "algebra",
    "Interlock": "interlocks",
    "Linear": "sweep",
    "ListParameter": "parameters",
    "Logarithmic": "sweep",
    "Observer": "control",
    "Parameter": "parameters",
    "PlanReport": "plan",
    "Point": "sweep",
    "Procedure": "procedure",
    "Product": "algebra",
    "Progress": "control",
    "QuantityParameter": "parameters",
    "Queue": "queue",
    "QueueState": "queue_file",
    "QueuedRun": "queue_file",
    "Repeat": "algebra",
    "RunOutcome": "control",
    "RunSpec": "cards",
    "SafeAction": "safety",
    "Settle": "actuators",
    "Shuffled": "algebra",
    "Simulation": "bench",
    "Snake": "algebra",
    "Sweep": "sweep",
    "SweepParameter": "parameters",
    "Values": "sweep",
    "Watchdog": "watchdog",
    "Zip": "algebra",
    "check_plan": "check",
    "compile_plan": "plan",
    "estimate": "estimates",
    "load_card": "cards",
    "preflight": "check",
    "resume": "resumption",
    "run": "engine",
    "run_path": "procedure",
    "run_queue": "queue_runner",
}

__all__ = [
    "MAX_POINTS",
    "Actuator",
    "ActuatorSpec",
    "Bench",
    "BooleanParameter",
    "Calibration",
    "Card",
    "CompiledPlan",
    "Control",
    "CountParameter",
    "Estimate",
    "Filter",
    "Interlock",
    "Linear",
    "ListParameter",
    "Logarithmic",
    "Observer",
    "Parameter",
    "PlanReport",
    "Point",
    "Procedure",
    "Product",
    "Progress",
    "QuantityParameter",
    "Queue",
    "QueueState",
    "QueuedRun",
    "Repeat",
    "RunOutcome",
    "RunSpec",
    "SafeAction",
    "Settle",
    "Shuffled",
    "Simulation",
    "Snake",
    "Sweep",
    "SweepParameter",
    "Values",
    "Watchdog",
    "Zip",
    "check_plan",
    "compile_plan",
    "estimate",
    "load_card",
    "preflight",
    "resume",
    "run",
    "run_path",
    "run_queue",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"labspin.experiment.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'labspin.experiment' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})

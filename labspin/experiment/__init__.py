"""Experiments: what is moved, what is measured, and the bench made safe whatever happens."""

from labspin.experiment.actuators import Actuator, ActuatorSpec, Calibration, Settle
from labspin.experiment.bench import Bench, Simulation
from labspin.experiment.interlocks import Interlock
from labspin.experiment.safety import SafeAction

__all__ = [
    "Actuator",
    "ActuatorSpec",
    "Bench",
    "Calibration",
    "Interlock",
    "SafeAction",
    "Settle",
    "Simulation",
]

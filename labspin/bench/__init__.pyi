from .actuators import (
    Actuator as Actuator,
    ActuatorSpec as ActuatorSpec,
    Calibration as Calibration,
    Settle as Settle,
)
from .bench import Bench as Bench
from .interlock import Interlock as Interlock
from .safety import SafeAction as SafeAction
from .simulation import Simulation as Simulation
from .trust import TrustRules as TrustRules
from .verdict import unsafe_remarks as unsafe_remarks
from .watchdog import Watchdog as Watchdog

from .algebra import (
    Alongside as Alongside,
    Filter as Filter,
    Product as Product,
    Repeat as Repeat,
    Shuffled as Shuffled,
    Snake as Snake,
    Sweep as Sweep,
    Zip as Zip,
)
from .check import check_plan as check_plan, preflight as preflight
from .control import Control as Control, Observer as Observer, Progress as Progress, RunOutcome as RunOutcome
from .engine import run as run
from .estimates import Estimate as Estimate, estimate as estimate
from .parameters import (
    BooleanParameter as BooleanParameter,
    CountParameter as CountParameter,
    ListParameter as ListParameter,
    Parameter as Parameter,
    QuantityParameter as QuantityParameter,
    ScanParameter as ScanParameter,
    SweepParameter as SweepParameter,
)
from .plan import CompiledPlan as CompiledPlan, PlanReport as PlanReport, compile_plan as compile_plan
from .procedure import Procedure as Procedure
from .resumption import resume as resume
from .scan import scanned as scanned
from .scan_axes import read_scan as read_scan, scan_table as scan_table
from .sweep import (
    MAX_POINTS as MAX_POINTS,
    Linear as Linear,
    Logarithmic as Logarithmic,
    Point as Point,
    Values as Values,
)

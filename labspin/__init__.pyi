from .data import open as open
from .errors import LabspinError as LabspinError
from .session import connect_host as connect_host, run as run, run_in_worker as run_in_worker
from .station import load_station as load_station

__version__: str

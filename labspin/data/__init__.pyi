from .events import (
    Event as Event,
    EventKind as EventKind,
    RunStatus as RunStatus,
    not_safe as not_safe,
    unsafe_instruments as unsafe_instruments,
)
from .export import export_copy as export_copy, export_csv as export_csv
from .fits import FitCurve as FitCurve, FitParameter as FitParameter, FitRecord as FitRecord
from .follow import RunFollower as RunFollower
from .foreign.axes import Pick as Pick, pick_axes as pick_axes
from .foreign.formats import FORMATS as FORMATS, Format as Format
from .foreign.read import (
    is_run_file as is_run_file,
    list_foreign as list_foreign,
    open_foreign as open_foreign,
    read_foreign as read_foreign,
)
from .foreign.source import (
    Contents as Contents,
    ForeignColumn as ForeignColumn,
    ForeignEntry as ForeignEntry,
)
from .formats import export_run as export_run
from .journal.postscript import Postscript as Postscript
from .metadata import RunMetadata as RunMetadata
from .nexus.publish import (
    annotate as annotate,
    open_run_metadata as open_run_metadata,
    write_fit as write_fit,
)
from .nexus.run_file import RunFile as RunFile, open_parts as open_parts
from .quality import Quality as Quality
from .reader import (
    list_runs as list_runs,
    open as open,
    read_run as read_run,
    summary_of as summary_of,
)
from .recovery import recover as recover
from .run import Points as Points, Run as Run
from .run_folder import FolderChanges as FolderChanges, RunFolder as RunFolder
from .schema import Column as Column, Dimension as Dimension, Layout as Layout, RunHeader as RunHeader
from .summary import Number as Number, RunSummary as RunSummary
from .trash import (
    TRASH as TRASH,
    restore_run as restore_run,
    trash_run as trash_run,
    trashed_run as trashed_run,
    trashed_runs as trashed_runs,
)
from .writer import RunWriter as RunWriter

from .card_file import new_card_text as new_card_text, save_card as save_card, write_card as write_card
from .cards import Card as Card, RunSpec as RunSpec, check_runs as check_runs, load_card as load_card
from .client import HostClient as HostClient, connect_host as connect_host
from .compare import Difference as Difference, differences_between as differences_between
from .crate import write_crate as write_crate
from .describe import (
    Description as Description,
    Listing as Listing,
    describe as describe,
    known_names as known_names,
)
from .drawn import (
    card_sequences as card_sequences,
    drawn_sequences as drawn_sequences,
    recorded_sequences as recorded_sequences,
    report_run as report_run,
)
from .host_record import (
    HostRecord as HostRecord,
    find_hosts as find_hosts,
    host_of as host_of,
    refuse_hosted as refuse_hosted,
)
from .host_start import start_host as start_host
from .notification import notify as notify
from .pymeasure_worker import run_in_worker as run_in_worker
from .queue import Queue as Queue
from .queue_ends import (
    expected_ends as expected_ends,
    station_name as station_name,
    station_path as station_path,
)
from .queue_file import QueuedRun as QueuedRun, QueueState as QueueState
from .queue_runner import Ending as Ending, run_queue as run_queue
from .queue_runs import (
    add_card as add_card,
    add_resume as add_resume,
    make_queued_run as make_queued_run,
    new_queued_path as new_queued_path,
)
from .recorded import recorded_parameters as recorded_parameters, recorded_procedure as recorded_procedure
from .run_list import (
    check_column as check_column,
    known_columns as known_columns,
    number_text as number_text,
    runs_where as runs_where,
    sorted_runs as sorted_runs,
)
from .runs import (
    metadata_of as metadata_of,
    new_run_path as new_run_path,
    recover_dead_runs as recover_dead_runs,
    resume_run as resume_run,
    run as run,
    run_exists as run_exists,
    station_of as station_of,
)
from .skeletons import make_skeleton as make_skeleton
from .workspace import (
    data_folder as data_folder,
    init_workspace as init_workspace,
    is_workspace as is_workspace,
    list_cards as list_cards,
    list_stations as list_stations,
    station_kind as station_kind,
    workspace_examples as workspace_examples,
)

"""Events: their kinds, what older files call them, and what they say of the bench."""

import pytest

from labspin.data import Event, EventKind, RunStatus, RunWriter, list_runs, read_run, unsafe_instruments
from labspin.data.journal.replay import EVENT
from labspin.errors import ArgumentError
from tests.data.samples import grid_header, grid_values


@pytest.fixture
def recorded(tmp_path):
    """Record a run with events as an older version wrote them."""
    path = tmp_path / "run.h5"

    def record(*events, finish=True):
        writer = RunWriter.create(path, grid_header())
        writer.append(0, 0.0, grid_values(0))
        for number, (kind, message, data) in enumerate(events):
            writer._journal.write((EVENT, float(number), kind, message, data))
        if finish:
            writer.finish("finished")
        else:
            writer.close()
        return path

    return record


def action(message, ok, instrument="magnet"):
    kind = "safe" if ok else "error"
    return kind, f"{instrument}: {message}", {"instrument": instrument, "ok": ok, "time": 1.0}


@pytest.mark.parametrize("finish", [True, False])
def test_files_of_earlier_versions_are_read_in_the_words_of_today(recorded, finish):
    failed = action("magnet.current at 0 A: OSError: gone", ok=False)
    path = recorded(("resume", "the run goes on", {}), ("error", "ValueError: x", {}), failed, finish=finish)
    run = read_run(path)
    kinds = [EventKind.CONTINUED, EventKind.ERROR, EventKind.SAFE_ACTION]
    assert [event.kind for event in run.events] == kinds
    assert run.unsafe == {"magnet": "magnet: magnet.current at 0 A: OSError: gone"}
    (summary,) = list_runs(path.parent)
    assert summary.unsafe == "magnet: magnet.current at 0 A: OSError: gone"


def test_a_second_attempt_that_worked_is_safe_in_an_older_file_too(recorded):
    failed = action("magnet.current at 0 A: OSError: gone", ok=False), action("safe(): not called", ok=False)
    done = action("magnet.current at 0 A", ok=True), action("safe()", ok=True)
    assert read_run(recorded(*failed, *done)).unsafe == {}


def test_a_kind_that_a_later_version_may_write_is_kept_as_text(recorded):
    run = read_run(recorded(("conjuration", "a word of tomorrow", {"x": 1})))
    assert [(event.kind, event.data) for event in run.events] == [("conjuration", {"x": 1})]


def test_only_known_kinds_are_written(tmp_path):
    writer = RunWriter.create(tmp_path / "run.h5", grid_header())
    with pytest.raises(ArgumentError, match=r"wanted one of log, .* got 'conjuration'"):
        writer.event("conjuration", "abracadabra")
    writer.close()


def verdict(**unsafe):
    return Event(time=0.0, kind=EventKind.VERDICT, message="", data={"unsafe": unsafe})


def test_the_last_verdict_counts_and_a_resumed_run_has_none_yet():
    resumed = Event(time=0.0, kind=EventKind.RESUMED, message="")
    bad, good = verdict(magnet="magnet at 1.2 A"), verdict()
    assert unsafe_instruments([]) is None
    assert unsafe_instruments([bad]) == {"magnet": "magnet at 1.2 A"}
    assert unsafe_instruments([bad, good]) == {}
    assert unsafe_instruments([bad, resumed]) is None


@pytest.mark.parametrize("status", [RunStatus.FINISHED, RunStatus.ABORTED, RunStatus.FAILED])
def test_list_and_run_know_one_set_of_words(tmp_path, status):
    path = tmp_path / "run.h5"
    writer = RunWriter.create(path, grid_header())
    writer.event(EventKind.VERDICT, "NOT SAFE: magnet at 1.2 A", unsafe={"magnet": "magnet at 1.2 A"})
    writer.finish(status)
    (summary,) = list_runs(tmp_path)
    assert (summary.status, summary.unsafe) == (status, "magnet at 1.2 A")
    assert isinstance(summary.status, RunStatus)
    assert read_run(path).status is status

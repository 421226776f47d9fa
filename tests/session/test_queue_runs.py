"""How a queued run is begun and resumed, and when a queue is expected to end; nothing is connected."""

import contextlib
import datetime
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from labspin.cli import main
from labspin.data import Column, Layout, RunHeader, RunStatus, RunWriter, read_run
from labspin.errors import RunFileError, StationError
from labspin.experiment import Control, RunOutcome
from labspin.session import Queue, QueuedRun, queue_ends, queue_runner, queue_runs, runs
from labspin.session.queue_ends import expected_ends
from labspin.session.queue_runs import make_queued_run, new_queued_path
from tests.session.hosts import make_workspace


@pytest.fixture
def lab(tmp_path):
    return make_workspace(tmp_path)


@pytest.fixture
def queue(lab):
    return Queue(lab / "queue.toml")


def entry(**more):
    return QueuedRun(**{"card": "procedures/quick.toml", "label": "quick", "file": "data/one.h5", **more})


@pytest.mark.parametrize("watchdog", [True, False])
def test_a_queued_run_is_watched_unless_somebody_says_otherwise(queue, monkeypatch, watchdog):
    asked = []

    @contextlib.contextmanager
    def connect(self, *, seed, watchdog):
        asked.append((seed, watchdog))
        yield SimpleNamespace()

    monkeypatch.setattr("labspin.station.Station.connect", connect)
    monkeypatch.setattr(queue_runs, "run_procedure", lambda *_, **__: None)
    make_queued_run(queue, entry(seed=5), watchdog=watchdog)
    assert asked == [(5, watchdog)]


def test_instruments_that_a_host_holds_are_not_connected_by_a_queue(queue, monkeypatch):
    def refuse(path):
        raise StationError("held by the host")

    monkeypatch.setattr(queue_runs, "refuse_hosted", refuse)
    with pytest.raises(StationError, match="held by the host"):
        make_queued_run(queue, entry())


def test_a_queued_run_is_made_on_the_station_that_was_chosen(lab, queue, monkeypatch):
    chosen = lab / "instruments" / "other.toml"
    shutil.copy(lab / "instruments" / "levitated-diamond.toml", chosen)
    seen = []

    @contextlib.contextmanager
    def connect(station, seed):
        seen.append(station.path.name)
        yield SimpleNamespace()

    monkeypatch.setattr(queue_runs, "run_procedure", lambda *_, **__: None)
    make_queued_run(queue, entry(station="instruments/other.toml"), connect=connect)
    make_queued_run(queue, entry(), connect=connect)
    assert seen == ["other.toml", "levitated-diamond.toml"]


def test_a_queued_run_is_resumed_with_what_was_set_beside_its_card(lab, queue, monkeypatch):
    (lab / "data").mkdir()
    (lab / "data" / "one.h5").touch()
    told = {}
    recorded = SimpleNamespace(status=RunStatus.ABORTED, points=())
    monkeypatch.setattr(queue_runs, "read_run", lambda path: recorded)
    monkeypatch.setattr(queue_runs, "run_exists", lambda path: True)
    monkeypatch.setattr(queue_runs, "resume_run", lambda path, **options: told.update(options, path=path))
    make_queued_run(queue, entry(overrides=("averages=7",), station="instruments/other.toml"))
    assert told["overrides"] == ("averages=7",)
    assert told["path"] == lab / "data" / "one.h5"
    assert told["on"] == lab / "instruments" / "other.toml"


def test_where_a_run_found_its_name_taken_the_queue_knows_its_file(queue):
    """Somebody put a file there between naming it and beginning the run."""
    queue.add([entry(file="")])
    ended = RunOutcome(queue.folder / "data" / "1-2.h5", RunStatus.FINISHED, 3, ())

    def execute(run, control, observers):
        for observer in observers:
            observer.on_finish(ended)
        return ended

    queue_runner.run_queue(queue, execute, file=lambda run: Path(f"data/{run.id}.h5"))
    assert [run.file for run in queue.read().runs] == ["data/1-2.h5"]


@pytest.fixture
def named(queue, monkeypatch):
    """A run whose file the queue has named, and which has not begun."""
    monkeypatch.setattr("labspin.session.runs.datetime", SimpleNamespace(datetime=OneSecond))
    queue.add([entry(file="")])
    return queue.begin(lambda run: str(new_queued_path(queue, run)))


def write_run(path, **more):
    layout = Layout(columns=(Column(name="v", unit="V"),))
    path.parent.mkdir(exist_ok=True)
    with RunWriter.create(path, RunHeader(procedure="p", layout=layout, **more)) as writer:
        writer.finish(RunStatus.FINISHED)


def test_a_file_that_another_run_put_at_the_name_of_a_queued_run_is_not_resumed(queue, named, monkeypatch):
    """It was taken for the finished run of the queue, and nothing was measured."""
    write_run(queue.folder / named.file)
    begun = {}

    def begin(procedure, bench, path, **more):
        begun.update(more, path=path)

    monkeypatch.setattr(queue_runs, "run_procedure", begin)
    make_queued_run(queue, named, connect=lambda *_: contextlib.nullcontext(SimpleNamespace()))
    (kept,) = queue.read().runs
    assert kept.file == "data/20260102-030405-quick-2.h5"
    assert begun["path"] == queue.folder / kept.file
    assert begun["run_id"] == kept.run_id != named.run_id
    write_run(queue.folder / kept.file, run_id=kept.run_id)
    assert make_queued_run(queue, kept).path == queue.folder / kept.file  # its own: it has finished


def test_a_file_that_another_run_put_at_the_name_of_a_queued_run_is_resumed_as_its_own(queue, named):
    """Else the queued run of that name would be begun instead."""
    write_run(queue.folder / named.file)
    queue.end(named.id, "failed", "its name was taken")
    with pytest.raises(RunFileError, match="finished"):
        queue_runs.add_resume(queue, queue.folder / named.file)
    assert [run.state for run in queue.read().runs] == ["failed"]


def test_two_benches_that_begin_in_one_second_name_two_files(queue, monkeypatch):
    """Else the one whose file comes later takes the other's for its own, to be resumed."""
    monkeypatch.setattr("labspin.session.runs.datetime", SimpleNamespace(datetime=OneSecond))
    queue.add([entry(file="", station=f"{bench}.toml") for bench in "ab"])
    names = [
        Queue(queue.path, at=queue.folder / f"{bench}.toml").begin(
            lambda run: str(new_queued_path(queue, run))
        )
        for bench in "ab"
    ]
    assert [run.file for run in names] == ["data/20260102-030405-quick.h5", "data/20260102-030405-quick-2.h5"]


class OneSecond(datetime.datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz=None):
        return cls(2026, 1, 2, 3, 4, 5)


# -- expected ends ----------------------------------------------------------------------------------------


@pytest.fixture
def an_hour(monkeypatch):
    """Every run takes an hour."""
    monkeypatch.setattr(queue_ends, "_seconds", lambda *_: 3600.0)


def started(queue, before):
    """Add three runs, the first of which began so many seconds before now."""
    queue.add([entry(file="")] * 3)
    queue.begin(lambda run: "data/1.h5")
    began = datetime.datetime.now().astimezone() - datetime.timedelta(seconds=before)
    text = queue.path.read_text()
    (line,) = [one for one in text.splitlines() if one.startswith("started")]
    queue.path.write_text(text.replace(line, f'started = "{began.isoformat(timespec="seconds")}"'))
    return began


@pytest.mark.parametrize("before", [0.0, 1800.0])
def test_a_run_that_has_begun_ends_an_hour_after_its_beginning(queue, an_hour, before):
    with queue.being_run():
        began = started(queue, before)
        ends = [(end - began).total_seconds() for end in expected_ends(queue).values()]
    assert ends == pytest.approx([3600.0, 7200.0, 10800.0], rel=1e-3, abs=0)


def test_a_run_that_takes_longer_than_expected_may_end_now(queue, an_hour):
    with queue.being_run():
        began = started(queue, 7200.0)
        now = datetime.datetime.now().astimezone()
        first, second, _ = expected_ends(queue).values()
    assert first >= now.replace(microsecond=0)
    assert (second - first).total_seconds() == pytest.approx(3600.0, rel=1e-6, abs=0)
    assert (first - began).total_seconds() >= 7199.0


def test_a_run_whose_time_step_is_the_benchs_is_resumed_by_the_queue(tmp_path, monkeypatch):
    """The card leaves the step open, the run records what it became."""
    monkeypatch.chdir(tmp_path)
    assert main(["init", ".", "--no-examples"]) == 0
    queue = Queue(tmp_path / "queue.toml")
    path = tmp_path / "data" / "one.h5"
    chosen = ("averages=1", "pulse_durations=3", "repetitions=1000", "scan=microwave_power = 0 dBm, 10 dBm")
    made = QueuedRun(label="first", card="procedures/first.toml", file="data/one.h5", overrides=chosen)

    class After:
        def __init__(self, control):
            self.control = control

        def on_point(self, index, values, done, total):
            if done == 2:
                self.control.abort("for the test")

        def on_start(self, *_): ...

        on_event = on_finish = on_start

    control = Control()
    assert make_queued_run(queue, made, control=control, observers=[After(control)]).points == 2
    assert read_run(path).header.parameters["time_step"]["value"] > 0
    assert make_queued_run(queue, made).status == "finished"
    assert len(read_run(path).points) == 6


@pytest.mark.parametrize(
    ("label", "ended", "told"),
    [
        ("noon", "finished", ("run", "labspin: noon has finished")),
        ("", "failed", ("failure", "labspin: procedures/quick.toml has failed")),
        ("noon", "aborted", None),
    ],
)
def test_a_person_is_told_of_a_failure_as_such_and_not_of_what_a_person_did(label, ended, told):
    assert queue_runner._told(entry(label=label), ended) == told


def test_runs_that_begin_within_one_second_have_files_of_their_own(tmp_path, monkeypatch):
    noon = datetime.datetime(2026, 3, 1, 12, 0, 0).astimezone()
    clock = SimpleNamespace(datetime=SimpleNamespace(now=lambda: noon))
    monkeypatch.setattr(runs, "datetime", clock)
    for number in range(3):
        path = runs.new_run_path(tmp_path, "My T1")
        assert path.name == f"20260301-120000-my-t1{('', '-2', '-3')[number]}.h5"
        path.touch()


@pytest.mark.parametrize("recorded", [{}, {"simulated": False}, {"kind": "mixed", "simulated": True}])
def test_a_run_is_not_gone_on_with_on_a_bench_of_another_kind(lab, recorded):
    station = lab / "instruments" / "levitated-diamond.toml"
    assert runs._station(lab / "run.h5", {"simulated": True}, station).simulated
    with pytest.raises(StationError, match=f"wanted a {recorded.get('kind', 'real')} station as recorded"):
        runs._station(lab / "run.h5", recorded, station)


def test_a_queued_run_is_named_as_the_workspace_of_its_card_says_wherever_its_data_go(lab, queue):
    (lab / "workspace.toml").write_text('names = "{date}-{time}-lab"\n', encoding="utf-8")
    outside = lab.with_name("share")
    assert new_queued_path(queue, entry(file="", output=str(outside))).stem.endswith("-lab")

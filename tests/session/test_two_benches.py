"""Two benches of one workspace: each works off its own runs, whatever becomes of the other."""

import shutil
from types import SimpleNamespace

import pytest

from labspin.data import read_run
from labspin.session import Queue, QueuedRun, run_queue
from tests.session.hosts import HostProcess, make_workspace, wait_for, wait_for_run


@pytest.fixture
def queue(tmp_path):
    return Queue(tmp_path / "queue.toml")


def runs(count, **options):
    return [QueuedRun(card="t1.toml", label=f"run {number}", **options) for number in range(1, count + 1)]


def at(queue, bench):
    return Queue(queue.path, at=queue.folder / bench)


def test_who_resumes_one_bench_leaves_the_others_paused(queue):
    queue.add(runs(1, station="a.toml") + runs(1, station="b.toml"))
    queue.pause()
    at(queue, "a.toml").resume()
    assert at(queue, "b.toml").read().paused
    assert not at(queue, "a.toml").read().paused
    assert not queue.read().paused, "one of its runs may begin"
    queue.resume()
    assert not at(queue, "b.toml").read().paused


def test_a_card_says_for_which_bench_a_run_waits_until_it_begins(queue):
    """Whatever else is wrong in it; a run that has begun stays one of its bench."""
    card = queue.folder / "t1.toml"
    queue.add(runs(2))
    first, second = queue.read().runs
    assert queue.bench_of(first) == ""
    card.write_text('station = "lab/a.toml"\nnonsense = 3', encoding="utf-8")
    assert queue.bench_of(first) == "lab/a.toml"
    assert at(queue, "b.toml").begin(lambda run: "data/1.h5") is None
    assert at(queue, "lab/../lab/a.toml").begin(lambda run: "data/1.h5").station == "lab/a.toml"
    card.write_text('station = "b.toml"', encoding="utf-8")
    assert [queue.bench_of(run) for run in queue.read().runs] == ["lab/a.toml", "b.toml"]
    card.write_text("station = [", encoding="utf-8")
    assert queue.bench_of(second) == "", "no bench takes it: labspin queue run says what is wrong"


def test_a_run_that_waits_for_a_bench_is_left_to_the_host_of_its_instruments(queue, monkeypatch):
    queue.add(runs(1, station="real.toml") + runs(1, station="simulated.toml"))
    monkeypatch.setattr("labspin.session.queue.is_held", lambda folder, bench: bench == "real.toml")
    made = []

    def execute(run, control, observers):
        made.append(run.id)
        return SimpleNamespace(status="finished", message="", path=queue.folder / "2.h5")

    assert run_queue(queue, execute, file=lambda run: queue.folder / f"{run.id}.h5") == 0
    assert (made, [run.state for run in queue.read().runs]) == ([2], ["waiting", "finished"])


def test_each_host_makes_the_runs_of_its_own_bench(tmp_path):
    """Runs wait for their bench while it is busy, safe, killed, and without a host."""
    lab = make_workspace(tmp_path / "lab", points=4, averages=1)
    first = lab / "instruments" / "levitated-diamond.toml"
    second = shutil.copy(first, lab / "instruments" / "second.toml")
    card, queue = lab / "procedures" / "quick.toml", Queue(lab / "queue.toml")

    def states():
        return {run.id: run.state for run in queue.read().runs}

    with HostProcess(first) as here, HostProcess(second) as there:
        one, other = here.client(), there.client()
        one.add(card, overrides=["dark_times=400", "averages=500"])
        for client in (other, one, other):
            client.add(card)
        assert one.start() == 2
        wait_for_run(one)
        assert other.start() == 2
        wait_for(lambda: states() == {1: "running", 2: "finished", 3: "waiting", 4: "finished"})
        made = [read_run(queue.folder / run.file) for run in queue.read().runs if run.state == "finished"]
        assert [run.header.station["path"] for run in made] == [str(second)] * 2

        other.safe()
        assert not one.queue.read().paused
        here.kill()
        wait_for(lambda: states()[1] == "interrupted")
        assert other.start() == 0
        assert one.queue.waiting(queue.read())[0].id == 3, "it waits for its own bench"
        with HostProcess(first) as again:
            assert again.client().start() == 1
            wait_for(lambda: states()[3] == "finished")

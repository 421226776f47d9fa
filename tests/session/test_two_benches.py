"""Two benches of one workspace: each works off its own runs, whatever becomes of the other."""

import shutil

from labspin.data import read_run
from labspin.session import Queue
from tests.session.hosts import HostProcess, make_workspace, wait_for, wait_for_run


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

"""Whatever is done to a queue, in any order, it holds what a list of its runs would hold."""

import contextlib
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from labspin.errors import PlanError
from labspin.session import Queue, QueuedRun

OVER = ("finished", "failed", "aborted", "interrupted")
COUNTS, PLACES = st.integers(1, 3), st.integers(-2, 9)
TURNS = st.integers(0, 7)
BENCHES = ("a.toml", "instruments/b.toml")
BENCH, PROCESS = st.sampled_from(BENCHES), st.sampled_from((*BENCHES, ""))
"""A process makes the runs of one bench, or, as a terminal does, those of all benches that none makes."""


class Queued(RuleBasedStateMachine):
    """A queue beside a list of ``[number, state, bench]``, and up to three processes that make its runs."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.queue = Queue(self.folder / "queue.toml")
        self.runs, self.next_id = [], 1
        self.paused, self.are_all_paused = set(), False
        self.processes, self.made_by = {}, {}

    def at(self, bench):
        return Queue(self.queue.path, at=self.folder / bench if bench else None)

    def waiting(self, bench):
        return [run for run in self.runs if run[1] == "waiting" and bench in ("", run[2])]

    def teardown(self):
        for _, process in self.processes.values():
            process.close()
        shutil.rmtree(self.folder)

    def one(self, turn):
        """Return the number of a run and the run; now and then one that is not there."""
        if turn == 0 or not self.runs:
            return 99, None
        run = self.runs[turn % len(self.runs)]
        return run[0], run

    def refused(self, do, *arguments):
        before = self.queue.path.read_bytes() if self.queue.path.exists() else b""
        with pytest.raises(PlanError, match="run"):
            do(*arguments)
        assert (self.queue.path.read_bytes() if self.queue.path.exists() else b"") == before

    @initialize()
    def begins_with_some(self):
        for bench in (*BENCHES, *BENCHES):
            self.add(2, bench)

    @rule(count=COUNTS, bench=BENCH)
    def add(self, count, bench):
        added = self.queue.add(QueuedRun(card="t1.toml", label=f"{n}", station=bench) for n in range(count))
        assert [run.id for run in added] == list(range(self.next_id, self.next_id + count))
        self.runs += [[run.id, "waiting", bench] for run in added]
        self.next_id += count

    @rule(turn=TURNS)
    def remove(self, turn):
        number, run = self.one(turn)
        if run is None or run[1] == "running":
            self.refused(self.queue.remove, number)
        else:
            self.queue.remove(number)
            self.runs.remove(run)

    @rule(turn=TURNS, place=PLACES)
    def move(self, turn, place):
        number, run = self.one(turn)
        if run is None or run[1] != "waiting":
            self.refused(self.queue.move, number, place)
            return
        self.queue.move(number, place)
        places = [at for at, one in enumerate(self.runs) if one[1] == "waiting" and one[2] == run[2]]
        waiting = [self.runs[at] for at in places]
        waiting.remove(run)
        waiting.insert(max(place, 1) - 1, run)
        for at, one in zip(places, waiting, strict=True):
            self.runs[at] = one

    @rule(turn=TURNS)
    def again(self, turn):
        number, run = self.one(turn)
        if run is None or run[1] not in ("interrupted", "aborted", "failed"):
            self.refused(self.queue.again, number)
            return
        self.queue.again(number)
        self.runs.remove(run)
        run[1] = "waiting"
        first = [at for at, one in enumerate(self.runs) if one[1] == "waiting"]
        self.runs.insert(first[0] if first else len(self.runs), run)

    @rule(waiting=st.booleans())
    def clear(self, waiting):
        left = [run for run in self.runs if run[1] not in (*OVER, *(["waiting"] if waiting else []))]
        assert self.queue.clear(waiting=waiting) == len(self.runs) - len(left)
        self.runs = left

    @rule(is_paused=st.booleans(), bench=PROCESS)
    def pause(self, is_paused, bench):
        (self.at(bench).pause if is_paused else self.at(bench).resume)()
        if is_paused and bench:
            self.paused.add(bench)
        elif is_paused:
            self.are_all_paused = True
        else:
            if self.are_all_paused and bench:
                self.paused |= {run[2] for run in self.waiting("")}
            self.paused = self.paused - {bench} if bench else set()
            self.are_all_paused = False

    @rule(bench=PROCESS, at_once=st.booleans())
    def a_process_begins_to_make_runs_or_dies(self, bench, at_once):
        if bench in self.processes:
            self.processes.pop(bench)[1].close()
            for run in self.runs:
                if run[1] == "running" and self.made_by[run[0]] == bench:
                    run[1] = "interrupted"
            if at_once:  # before the queue has seen it
                self.a_process_begins_to_make_runs_or_dies(bench, False)
        elif not bench or not any(run[1] == "running" and run[2] == bench for run in self.runs):
            queue, process = self.at(bench), contextlib.ExitStack()
            process.enter_context(queue.being_run())
            self.processes[bench] = queue, process

    @precondition(lambda self: self.processes)
    @rule(turn=TURNS, has_place=st.booleans())
    def begin(self, turn, has_place):
        def file(run):
            if not has_place:
                raise OSError("there is no room")
            return f"data/{run.id}.h5"

        bench = sorted(self.processes)[turn % len(self.processes)]
        busy = {run[2] for run in self.runs if run[1] == "running"} | set(self.processes) - {bench}
        may = [
            run
            for run in self.waiting(bench)
            if not (self.are_all_paused or run[2] in self.paused or (not bench and run[2] in busy))
        ]
        begun = self.processes[bench][0].begin(file)
        if not may:
            assert begun is None
            return
        assert begun.id == may[0][0]
        assert begun.state in ("running", "failed")
        assert begun.file or begun.state == "failed"
        may[0][1], self.made_by[begun.id] = begun.state, bench

    @precondition(lambda self: any(run[1] == "running" for run in self.runs))
    @rule(state=st.sampled_from(OVER))
    def end(self, state):
        run = next(run for run in self.runs if run[1] == "running")
        self.processes[self.made_by[run[0]]][0].end(run[0], state)
        run[1] = state

    @invariant()
    def holds_what_the_list_holds(self):
        for queue in (self.queue, *map(self.at, BENCHES)):
            found = queue.read()
            assert [[run.id, run.state, run.station] for run in found.runs] == self.runs
            bench = queue.bench
            meant = {bench} if bench else {run[2] for run in self.waiting("")}
            assert found.paused == (self.are_all_paused or (bool(self.paused) and meant <= self.paused))
            assert [run.id for run in queue.waiting(found)] == [run[0] for run in self.waiting(bench)]


TestAnyOrder = Queued.TestCase
TestAnyOrder.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)

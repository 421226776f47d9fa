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


class Queued(RuleBasedStateMachine):
    """A queue beside a list of ``[number, state]``."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.queue = Queue(self.folder / "queue.toml")
        self.runs, self.next_id, self.is_paused = [], 1, False
        self.process = contextlib.ExitStack()
        self.is_run = False

    def teardown(self):
        self.process.close()
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
        self.add(4)

    @rule(count=COUNTS)
    def more(self, count):
        self.add(count)

    def add(self, count):
        added = self.queue.add(QueuedRun(card="t1.toml", label=f"{n}") for n in range(count))
        assert [run.id for run in added] == list(range(self.next_id, self.next_id + count))
        self.runs += [[run.id, "waiting"] for run in added]
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
        places = [at for at, one in enumerate(self.runs) if one[1] == "waiting"]
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

    @rule(is_paused=st.booleans())
    def pause(self, is_paused):
        (self.queue.pause if is_paused else self.queue.resume)()
        self.is_paused = is_paused

    @precondition(lambda self: not self.is_run)
    @rule()
    def a_process_begins_to_run_it(self):
        self.process.enter_context(self.queue.being_run())
        self.is_run = True

    @precondition(lambda self: self.is_run)
    @rule()
    def the_process_dies(self):
        self.process.close()
        self.is_run = False
        for run in self.runs:
            run[1] = "interrupted" if run[1] == "running" else run[1]

    @precondition(lambda self: self.is_run)
    @rule(has_place=st.booleans())
    def begin(self, has_place):
        def file(run):
            if not has_place:
                raise OSError("there is no room")
            return f"data/{run.id}.h5"

        begun = self.queue.begin(file)
        waiting = [run for run in self.runs if run[1] == "waiting"]
        if self.is_paused or not waiting:
            assert begun is None
            return
        assert begun.id == waiting[0][0]
        assert begun.state in ("running", "failed")
        assert begun.file or begun.state == "failed"
        waiting[0][1] = begun.state

    @precondition(lambda self: any(run[1] == "running" for run in self.runs))
    @rule(state=st.sampled_from(OVER))
    def end(self, state):
        run = next(run for run in self.runs if run[1] == "running")
        self.queue.end(run[0], state)
        run[1] = state

    @invariant()
    def holds_what_the_list_holds(self):
        for queue in (self.queue, Queue(self.queue.path)):
            found = queue.read()
            assert [[run.id, run.state] for run in found.runs] == self.runs
            assert found.paused == self.is_paused


TestAnyOrder = Queued.TestCase
TestAnyOrder.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)

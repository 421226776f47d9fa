"""Runs that break at a step, and runs that are resumed: a sample of benchmarks/fault_injection.py.

The sample is another for every kind of fault and every card, and the same every time.
"""

import numpy as np
import pytest

from labspin.data import read_run
from labspin.experiment import Control, resume, run
from labspin.session import recorded_procedure
from tests.faults.injections import IN_PROCESS, SIGNALS, chosen_steps, count, inject, inject_signals
from tests.faults.killed_steps import can_be_served, count_served, kill_at
from tests.faults.reduced_cards import CARDS, REDUCED, reduced_runs
from tests.faults.resumed import StopAfter, aborted_and_resumed, killed_and_resumed, unlike, whole
from tests.some import some

RUNS = reduced_runs(every_run=False)
QUICK = ["pl_scan", "t1 on levitated-diamond-ens"]
SLOW = pytest.mark.slow
LONG = {"film_approach", "odmr"}
"""Cards of which three runs take longer than the normal suite allows, however much reduced."""


def test_every_card_has_a_reduced_version():
    assert sorted(REDUCED) == CARDS, "a card is missing in, or gone from, tests/faults/reduced_cards.py"


@pytest.fixture(scope="module")
def counted():
    return {}


def _steps(counted, name):
    if name not in counted:
        counted[name] = count(RUNS[name])
    return counted[name]


def _cards(*quick):
    return [name if name in quick else pytest.param(name, marks=SLOW) for name in RUNS]


@pytest.mark.parametrize("kind", IN_PROCESS)
@pytest.mark.parametrize("name", _cards(*QUICK))
def test_a_run_that_breaks_at_a_step_leaves_a_safe_bench_and_a_sound_file(counted, name, kind):
    log, connected = _steps(counted, name)
    steps = chosen_steps(log, connected, kind, most=len(log))
    offset = IN_PROCESS.index(kind) + len(name)
    for number in some(steps[offset :: max(1, len(steps) // 3)]):
        found = inject(RUNS[name], kind, number)
        assert found.fine, found


@pytest.mark.parametrize(
    "kind", [kind if kind == "disconnection" else pytest.param(kind, marks=SLOW) for kind in IN_PROCESS]
)
def test_every_step_of_the_shut_down_may_fail(counted, kind):
    log, connected = _steps(counted, "pl_scan")
    last = max(number for number, step in enumerate(log) if step.what == "finish")
    numbers = [n for n in chosen_steps(log, connected, kind, most=len(log)) if n >= last]
    for number in some(numbers[1::6]):
        found = inject(RUNS["pl_scan"], kind, number)
        assert found.fine, found


@pytest.mark.parametrize("kind", SIGNALS)
@pytest.mark.parametrize("name", _cards("pl_scan"))
def test_a_signal_at_any_step_ends_the_run_safely(counted, name, kind):
    log, connected = _steps(counted, name)
    steps = chosen_steps(log, connected, kind, most=len(log))
    for found in some(inject_signals(RUNS[name], kind, steps[3 :: max(1, len(steps) // 5)])):
        assert found.fine, found


def killed_near(reduced, number, tmp_path, steps):
    """Kill a run at a step, or before it: how often it looks while it waits differs from run to run."""
    while True:
        folder = tmp_path / str(number)
        folder.mkdir()
        found = kill_at(reduced, number, folder)
        if found.at or number < 0.7 * steps:
            return found
        number -= max(1, steps // 50)


@SLOW
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", [name for name, reduced in RUNS.items() if can_be_served(reduced)])
def test_a_run_that_is_killed_at_any_step_leaves_a_safe_bench(tmp_path, name):
    (tmp_path / "whole").mkdir()
    steps = count_served(RUNS[name], tmp_path / "whole")
    for number in some(np.linspace(1, steps - 2, 2 if name in LONG else 4).astype(int).tolist()):
        found = killed_near(RUNS[name], number, tmp_path, steps)
        assert found.fine, found


@pytest.mark.parametrize("name", _cards(*(set(RUNS) - LONG)))
def test_a_run_that_was_aborted_and_resumed_equals_the_uninterrupted_one_to_the_bit(tmp_path, name):
    reference = whole(RUNS[name], tmp_path)
    points = len(reference.points)
    assert aborted_and_resumed(RUNS[name], points // 2, tmp_path / "run.h5", reference) == []


@SLOW
@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_was_killed_and_resumed_equals_the_uninterrupted_one_to_the_bit(counted, tmp_path, name):
    log, _ = _steps(counted, name)
    measured = [number for number, step in enumerate(log) if step.what == "measure"]
    reference = whole(RUNS[name], tmp_path)
    step = sum(measured[1:3] if len(measured) > 2 else measured[:2]) // 2
    assert killed_and_resumed(RUNS[name], step, tmp_path / "killed.h5", reference) == []


def test_a_later_run_on_one_bench_is_resumed_exactly_too(tmp_path):
    """Its time is not zero when it begins, and its noise and drift are those of that time."""
    reduced = RUNS["rabi"]

    def two_runs(folder, points):
        folder.mkdir()
        control = Control()
        with reduced.connect() as bench:
            run(reduced.procedure(), bench, folder / "first.h5", label="first")
            observers = [StopAfter(control, points)]
            run(reduced.procedure(), bench, folder / "second.h5", label="second", observers=observers,
                control=control)  # fmt: skip
        return folder / "second.h5"

    whole_run = read_run(two_runs(tmp_path / "whole", None))
    broken = two_runs(tmp_path / "broken", 3)
    with reduced.connect() as bench:
        resume(broken, bench, procedure=recorded_procedure(read_run(broken).header))
    assert unlike(whole_run, read_run(broken)) == []


def test_a_simulated_bench_that_does_not_repeat_itself_says_so(tmp_path):
    path, control, reduced = tmp_path / "run.h5", Control(), RUNS["rabi"]
    with reduced.connect() as bench:
        observers = [StopAfter(control, 3)]
        run(reduced.procedure(), bench, path, label=reduced.label, observers=observers, control=control)
    with reduced.station.connect(seed=5) as bench:
        assert resume(path, bench, procedure=recorded_procedure(read_run(path).header)).status == "finished"
    (warning,) = read_run(path).events_of("warning")
    assert "does not repeat what is recorded, first at point" in warning.message

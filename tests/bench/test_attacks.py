"""Attacks on a run, at the wire: the bench becomes safe, by its ramps (`benchmarks/attack.py` has more)."""

import pytest

from labspin.bench.notices import notices
from tests.bench import attacks


def assert_safe(outcome):
    assert outcome.is_safe
    assert not outcome.rate_passed, outcome
    assert "hung" not in outcome.said


def test_a_run_that_hangs_with_the_magnet_on_is_ended_by_its_watchdog(tmp_path):
    outcome = attacks.hang_the_run(tmp_path / "bench", 1.0)
    assert_safe(outcome)
    assert "made no progress" in outcome.log


PAIRS = [("run", "watchdog"), ("run", "deputy"), ("watchdog", "deputy")]


@pytest.mark.parametrize("whom", PAIRS, ids=" and ".join)
def test_whichever_two_are_killed_at_once_the_bench_becomes_safe(tmp_path, whom):
    outcome = attacks.kill_together(tmp_path / "bench", 1.0, whom)
    assert_safe(outcome)
    assert outcome.remarks == []
    started = "the deputy has started another watchdog" in outcome.log
    assert started == (whom == ("run", "watchdog")), outcome.log


def test_a_watchdog_that_the_deputy_started_is_replaced_too(tmp_path):
    outcome = attacks.kill_the_heir(tmp_path / "bench", 0.5)
    assert_safe(outcome)
    assert outcome.remarks == []
    assert outcome.log.count("the deputy has started another watchdog") >= 1


def test_a_supply_that_gives_no_whole_answer_is_ramped_down_by_the_watchdog_all_the_same(tmp_path):
    outcome = attacks.kill_as_it_drips(tmp_path / "bench", 1.0)
    assert_safe(outcome)
    assert "it was told to ramp from its last set-point" in outcome.log


def test_a_run_notices_that_its_watchdog_is_gone(tmp_path):
    outcome = attacks.kill_the_watchdog(tmp_path / "bench", 0.5)
    assert_safe(outcome)
    assert "the watchdog makes the bench safe" in outcome.log


@pytest.mark.parametrize("names", [("magnet",), ("pulses", "microwave")])
def test_answers_that_drip_hold_nobody(tmp_path, names):
    outcome = attacks.drip_answers(tmp_path / "bench", 0.5, names)
    assert_safe(outcome)


def test_a_bench_that_was_cut_off_becomes_safe_when_it_is_back(tmp_path):
    outcome = attacks.pull_the_cables(tmp_path / "bench", 1.0)
    assert_safe(outcome)
    assert "NOT SAFE" in outcome.said
    assert attacks.GIVEN_UP in outcome.log
    assert notices(tmp_path / "bench") == [], "withdrawn when it was safe"


def test_a_second_run_by_a_copy_of_the_station_file_sends_nothing(tmp_path):
    outcome = attacks.begin_a_second_run(tmp_path / "bench", 0.5)
    assert_safe(outcome)
    assert outcome.remarks == []

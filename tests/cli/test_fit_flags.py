"""A sample of random flags of `labspin fit` (`tests.cli.fit_flags` tries any number of them)."""

import pytest

from tests.cli.fit_flags import outcomes, write_files


@pytest.mark.parametrize("number", [50, pytest.param(300, marks=pytest.mark.slow)])
def test_random_flags_give_a_result_or_a_sentence(tmp_path, monkeypatch, number):
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    found, wrong = outcomes(number, seed=20_000)
    assert not wrong, wrong[0]
    assert found["fitted"] > number // 20, found
    assert found["refused"] > number // 10

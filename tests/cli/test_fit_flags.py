"""A sample of random flags of `labspin fit` (`tests.cli.fit_flags` tries any number of them)."""

from tests.cli.fit_flags import outcomes, write_files


def test_random_flags_give_a_result_or_a_sentence(tmp_path, monkeypatch):
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    found, wrong = outcomes(150, seed=20_000)
    assert not wrong, wrong[0]
    assert found["fitted"] > 15, found
    assert found["refused"] > 15

"""Skeleton on the simulated bench, from the card to the run file."""

from pathlib import Path

from labspin.cli import main
from labspin.data import read_run

CARD = Path(__file__).parents[1] / "procedures" / "skeleton.toml"


def test_a_run_counts_at_every_field(tmp_path):
    assert main(["run", str(CARD), "--output", str(tmp_path), "--set", "points=3"]) == 0
    (file,) = tmp_path.glob("*.h5")
    run = read_run(file)
    assert run.status == "finished"
    assert run.data["counts"].shape == (3,)
    assert (run.data["counts"] > 0).all()

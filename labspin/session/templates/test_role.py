"""The role Skeleton: a procedure that asks for it runs on the driver that gives it."""

from pathlib import Path

import numpy as np

from labspin.cli import main
from labspin.data import read_run

CARD = Path(__file__).parents[1] / "procedures" / "skeleton.toml"


def test_the_procedure_runs_on_any_driver_of_the_role(tmp_path):
    assert main(["run", str(CARD), "--output", str(tmp_path)]) == 0
    (file,) = tmp_path.glob("*.h5")
    run = read_run(file)
    assert run.status == "finished"
    np.testing.assert_allclose(run.data["measured_level"], np.linspace(0, 2, 5), rtol=1e-5, atol=0)

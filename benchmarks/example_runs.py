"""Makes the runs that `labspin init` puts into a new workspace, on the simulated diamond.

They are small, but whole: what a user's own runs look like on the first day. The spectra are left to be
fitted. Run it as ``python benchmarks/example_runs.py`` where the file format or a recipe has changed, and
look at what comes out.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from labspin.cli import main
from labspin.session import init_workspace

EXAMPLES = Path(__file__).resolve().parents[1] / "labspin" / "session" / "examples"
RUNS = {
    "rabi": ["procedures/first.toml", "--fit"],
    "t1": ["procedures/t1.toml", "--only", "one class alone", "--set", "averages=2", "--fit"],
    "mdmr": [
        "procedures/mdmr.toml", "--set", "fields=10 G, 17 G", "--set", "averages=1",
        "--set", "frequencies=76",
    ],
}  # fmt: skip
WORDS = ["--operator", "labspin", "--sample", "simulated", "--tag", "example"]


def make(target: Path) -> None:
    """Make every run, and move them to ``target`` under their short names.

    Parameters
    ----------
    target
        The folder of the examples; files of the same names are replaced.
    """
    home = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        lab = Path(folder) / "lab"
        init_workspace(lab, examples=False)
        os.chdir(lab)  # so that no path of this machine is written into the files
        try:
            for name, arguments in RUNS.items():
                if main(["run", *arguments, *WORDS]) != 0:
                    raise SystemExit(f"{name}: the run failed")
                (made,) = Path("data").glob("*.h5")
                shutil.move(made, target / f"{name}.h5")
        finally:
            os.chdir(home)
    size = sum(path.stat().st_size for path in target.glob("*.h5"))
    print(f"{len(RUNS)} runs in {target}, {size / 1e3:.0f} kB")


if __name__ == "__main__":
    EXAMPLES.mkdir(exist_ok=True)
    make(EXAMPLES)

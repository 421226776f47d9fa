"""The faults by which tests are judged are those of the code as it stands."""

import subprocess
import sys

from tests.places import PATIENCE, ROOT, environment


def test_every_fault_can_be_put_into_the_code():
    """A change of the code moves a fault along: correct its pattern, or take one that matters now."""
    checked = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "mutation.py"), "--check"],
        capture_output=True, text=True, env=environment(), timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr

"""Where things stand, for tests in rooms of any depth and for the processes that they start."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MEASURED = ROOT / "tests" / "data"


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a process that finds labspin and the tests as this one does."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}

"""How far a fit moves when x and y are scaled or shifted: models × symmetries, the worse of both engines.

    python -m benchmarks.invariance [MODEL …]

The largest change of a value in its standard errors, and of a standard error, relative to it: scales of
1e-30, 1e-11, 1e13 and 1e30, shifts of −300 and 1000 ranges of x and of −7 and 100 ranges of y (further away,
the data themselves lose the digits).
"""

import sys

from tests.analysis.fitting.symmetries import SYMMETRIES, Change, deviations
from tests.analysis.models.test_models import LEAST_SQUARES

AMOUNTS = {
    "x scale": (1e-30, 1e-11, 1e13, 1e30),
    "y scale": (1e-30, 1e-11, 1e13, 1e30),
    "x shift": (-300.0, 1000.0),
    "y shift": (-7.0, 100.0),
}


def worst(name: str, kind: str) -> str:
    """Return the largest changes of values and of errors as text."""
    if name not in SYMMETRIES[kind]:
        return "–"
    found = []
    for amount in AMOUNTS[kind]:
        found += deviations(name, Change(**{kind.replace(" ", "_"): amount})).values()
    values, errors = (max(parts) for parts in zip(*found, strict=True))
    return f"{values:.0e}, {errors:.0e}"


def main() -> None:
    print(f"{'model':24}" + "".join(f"{kind:>18}" for kind in AMOUNTS))
    for name in sys.argv[1:] or LEAST_SQUARES:
        print(f"{name:24}" + "".join(f"{worst(name, kind):>18}" for kind in AMOUNTS), flush=True)


if __name__ == "__main__":
    main()

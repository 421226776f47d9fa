"""How many random examples a test takes: a quarter with every commit, all of them at night."""

import os


def examples(number):
    """Return ``number`` where LABSPIN_ALL_EXAMPLES is set, as at night, and a quarter elsewhere.

    They are others every time, so that many commits see what one night does.
    """
    return number if os.environ.get("LABSPIN_ALL_EXAMPLES") else max(5, number // 4)

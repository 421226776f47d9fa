"""Values out of a list: rounding in the last digits is forgiven, nothing else."""

import pytest

from labspin.errors import LimitError
from labspin.instruments.limits import listed

CHOICES = (1e-5, 3e-5, 1e-4, 0.1, 0.3, 1.0)


@pytest.mark.parametrize("entry", CHOICES)
def test_an_entry_is_taken_however_it_was_computed(entry):
    check = listed("time constant", "s")
    assert check(entry, CHOICES) == entry
    assert check(entry * (1 - 5e-7 if entry == 1.0 else 1 + 5e-7), CHOICES) == entry


@pytest.mark.parametrize(
    ("value", "neighbours"),
    [(0.12, "100 ms or 300 ms"), (0.1001, "100 ms or 300 ms"), (0.29999, "100 ms or 300 ms"),
     (8e-5, "30 µs or 100 µs"),
     (1.2e-5, "10 µs or 30 µs")],
)  # fmt: skip
def test_what_lies_between_is_refused_with_its_neighbours(value, neighbours):
    with pytest.raises(LimitError, match=f"take {neighbours}; nothing was sent"):
        listed("time constant", "s")(value, CHOICES)

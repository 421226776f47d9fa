"""The way of a magnet's current to zero, whichever way round it flows."""

import pytest

from labspin.clock import SimulatedClock
from labspin.errors import DeviceError
from labspin.instruments.magnet import wait_for_discharge


@pytest.mark.parametrize("start", [2.0, -2.0])
def test_the_wait_lasts_until_the_current_is_gone(start):
    clock = SimulatedClock()
    wait_for_discharge("coil", lambda: start * 0.5 ** clock.now(), residual=0.25, clock=clock)
    assert 3.0 <= clock.now() < 3.2  # 2 A halve every second


@pytest.mark.parametrize("stuck", [0.3, -0.3, float("nan"), float("inf")])
def test_a_current_that_does_not_go_is_an_error(stuck):
    clock = SimulatedClock()
    with pytest.raises(DeviceError, match=r"coil: .* still flow 10 s after"):
        wait_for_discharge("coil", lambda: stuck, residual=0.25, clock=clock)

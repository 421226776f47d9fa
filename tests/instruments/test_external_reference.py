"""A lock-in that follows a line of the pulse generator."""

import numpy as np
import pytest
from pymeasure.test import expected_protocol

from labspin.errors import DeviceError
from labspin.instruments.sr830 import SR830, SR830LockIn, SR830Options
from labspin.instruments.sr860 import SR860, SR860LockIn, SR860Options
from labspin.twin import Pattern, devices
from labspin.twin.adapter import SimulatedAdapter
from tests.twin.lockin_sample import make_world

KINDS = [(SR830LockIn, SR830Options, devices.SR830), (SR860LockIn, SR860Options, devices.SR860)]


def connected(kind, options, twin):
    world = make_world()
    device = twin(world, input_noise=0.0, wiring={"reference": "reference"})
    adapter = SimulatedAdapter(device, timeout=1.0)
    lockin = kind.open(adapter, name="lockin", options=options(reference="external"), clock=world.clock)
    return lockin, world


@pytest.mark.parametrize(("driver", "words"), [(SR830, "FMOD0;RSLP1"), (SR860, "RSRC 1;RTRG 1")])
def test_the_reference_is_taken_from_rising_edges(driver, words):
    with expected_protocol(driver, [(words, None)]) as lockin:
        lockin.use_external_reference()


@pytest.mark.parametrize(("kind", "options", "twin"), KINDS)
def test_its_frequency_is_read_and_cannot_be_set(kind, options, twin):
    lockin, world = connected(kind, options, twin)
    assert lockin.frequency == 0.0, "nothing is played"
    on = np.array([1.0, 0.0])
    world.play(Pattern(np.array([1e-3, 1e-3]), {"reference": on}))
    assert lockin.frequency == pytest.approx(500.0, rel=1e-5, abs=0)
    with pytest.raises(DeviceError, match="its reference is external; change it where"):
        lockin.frequency = 100.0
    assert lockin.settings()["reference_source"].lower().startswith("ext")

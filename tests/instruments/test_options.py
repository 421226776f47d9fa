"""Options that are given to a driver are its own."""

import pytest

from labspin.errors import ArgumentError
from labspin.instruments.kepco_bop import KepcoMagnet, KepcoOptions
from labspin.instruments.obis import OBISOptions


def test_ranges_follow_the_options_and_their_defaults():
    assert KepcoMagnet.ranges() == KepcoMagnet.ranges(KepcoOptions())


def test_the_options_of_another_driver_are_refused():
    with pytest.raises(
        ArgumentError, match="options: wanted a KepcoOptions or None, got a OBISOptions; give"
    ):
        KepcoMagnet.ranges(OBISOptions())

"""Every driver as a station file names it that says nothing else."""

import pytest

from labspin.instruments import driver_names, load_driver
from labspin.station import load_station


@pytest.mark.parametrize("driver", sorted(set(driver_names()) - {"cantilever_readout"}))
def test_each_driver_takes_its_own_simulated_device_without_options(write, driver):
    path = write(
        f"""
        [station]
        name = "one"
        [simulation]
        sample = "levitated_diamond"
        [instruments.one]
        role = "{load_driver(driver).adapter.role}"
        driver = "{driver}"
        """
    )
    with load_station(path).connect() as bench:
        assert bench.one is not None

"""Run files to test with."""

import pytest

from labspin.data import RunWriter
from tests.data.samples import ORDER, grid_header, grid_values


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.h5"


@pytest.fixture
def partial(path):
    """A writer that has taken the points of ``ORDER``; closed by the end of the test at the latest."""
    with RunWriter.create(path, grid_header()) as writer:
        for k, index in enumerate(ORDER):
            writer.append(index, 0.5 * k, grid_values(index))
        writer.event("log", "laser warmed up", power=0.1)
        yield writer


@pytest.fixture
def finished(path):
    """A finished run of all points."""
    writer = RunWriter.create(path, grid_header())
    for index in range(15):
        writer.append(index, 0.5 * index, grid_values(index))
    writer.event("safe", "magnet at 0 A", ok=True)
    return writer.finish("finished", snapshot={"microwave": {"settings": {"on": False}}})

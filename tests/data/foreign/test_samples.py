"""Every sample file is read unaided, with names, units and the numbers that its program wrote."""

import numpy as np
import pytest

from labspin.data import open_foreign, pick_axes, read_foreign
from tests.data.foreign.make_binary import WRITERS as BINARY
from tests.data.foreign.make_text import WRITERS as TEXT
from tests.data.foreign.samples import FOLDER, SAMPLES
from tests.some import some


def needs(sample):
    if sample.package:
        pytest.importorskip(sample.package)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.file)
def test_a_file_is_read_with_names_units_and_numbers(sample):
    needs(sample)
    x, y = sample.x, sample.y
    if sample.unaided:
        pick = pick_axes(open_foreign(sample.path))
        assert (pick.x, pick.y, pick.sigma) == (x, y, sample.sigma)
        assert len(pick.why) >= 2
    columns = read_foreign(sample.path, x=x, y=y)
    assert (columns["x"].unit, columns["y"].unit) == (sample.x_unit, sample.y_unit)
    for name, right in zip("xy", sample.numbers, strict=True):
        size = abs(right).max()
        np.testing.assert_allclose(columns[name].values / size, right / size, rtol=0, atol=sample.rtol)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.file)
def test_what_is_listed_can_be_read_by_its_name(sample):
    needs(sample)
    contents = open_foreign(sample.path)
    for entry in some(contents.entries()):
        column = contents.read({"y": entry.name})["y"]
        assert column.values.shape == entry.shape
        assert column.unit == entry.unit


def test_every_sample_has_its_writer():
    assert {sample.file for sample in SAMPLES} == {*TEXT, *BINARY} == {path.name for path in FOLDER.iterdir()}


@pytest.mark.parametrize("name", sorted(TEXT))
def test_a_sample_is_what_its_writer_writes(name, tmp_path):
    TEXT[name](tmp_path / name)
    assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()

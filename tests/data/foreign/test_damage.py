"""A few damaged copies of each sample; `tests.data.foreign.damage` makes any number of them."""

import pytest

from labspin.data.foreign.source import damage
from labspin.errors import DamagedFileError
from tests.data.foreign.damage import outcomes
from tests.data.foreign.samples import SAMPLES

IN_ANOTHER_PROCESS = (".h5", ".hdf5", ".mat", "packed.nc", "qcodes.nc")
"""Each copy of these costs a process of its own."""
QUICK = [sample for sample in SAMPLES if not sample.file.endswith(IN_ANOTHER_PROCESS)]
CAREFUL = [sample for sample in SAMPLES if sample.file.endswith(IN_ANOTHER_PROCESS)]


@pytest.mark.parametrize("sample", QUICK, ids=lambda sample: sample.file)
def test_a_damaged_file_is_numbers_or_one_sentence(sample, tmp_path):
    if sample.package:
        pytest.importorskip(sample.package)
    found, wrong = outcomes(sample, 12, tmp_path, seed=1)
    assert not wrong, wrong[0]
    assert found["refused"] > 1


@pytest.mark.slow
@pytest.mark.parametrize("sample", CAREFUL, ids=lambda sample: sample.file)
def test_a_damaged_file_brings_nothing_down(sample, tmp_path):
    found, wrong = outcomes(sample, 20, tmp_path, seed=1)
    assert not wrong, wrong[0]
    assert found["refused"] > 1


@pytest.mark.parametrize(
    ("error", "told"),
    [(KeyError("x"), DamagedFileError), (NameError("x"), NameError), (MemoryError(), DamagedFileError)],
)
def test_a_mistake_in_a_reader_is_not_told_as_a_damaged_file(error, told, tmp_path):
    with pytest.raises(told), damage(tmp_path / "a.dat"):
        raise error

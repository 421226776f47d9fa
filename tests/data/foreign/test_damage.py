"""A few damaged copies of each sample; `tests.data.foreign.damage` makes any number of them."""

import io
import struct

import pytest

from labspin.data import read_foreign
from labspin.data.foreign.source import damage
from labspin.errors import DamagedFileError
from tests.data.foreign.damage import outcomes
from tests.data.foreign.samples import FOLDER, SAMPLES

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


@pytest.mark.parametrize(
    ("before", "kind"),
    [
        (b"wf_samples", 0x1B),  # a kind that npTDMS knows by name, but does not read: NotImplementedError
        (b"wf_samples", 0x4F),  # a kind that there is not
        (struct.pack("<I", 20), 0x20),  # of the data: texts, of which the lengths are the numbers
    ],
    ids=["not read", "unknown", "texts"],
)
def test_a_tdms_file_with_a_damaged_kind_of_data_is_damaged(before, kind, tmp_path, monkeypatch):
    pytest.importorskip("nptdms")
    logs, printed = pytest.importorskip("nptdms.log"), io.StringIO()
    monkeypatch.setattr(logs.log_manager.console_handler, "stream", printed)
    content = (FOLDER / "waveform.tdms").read_bytes()
    known = before + struct.pack("<I", 3 if before.startswith(b"wf") else 0x0A)
    assert content.count(known) == 1
    (tmp_path / "it.tdms").write_bytes(content.replace(known, before + struct.pack("<I", kind)))
    with pytest.raises(DamagedFileError, match=r"it\.tdms: cut short or corrupted: \S"):
        read_foreign(tmp_path / "it.tdms", y="scope/APD")
    assert printed.getvalue() == "", "what npTDMS logs is in the sentence"

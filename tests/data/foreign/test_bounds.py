"""Files of a few kilobytes that would fill the memory are refused before they are unpacked."""

import functools
import gzip
import struct
import zlib

import h5py
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.io import savemat

from labspin.data import list_foreign, read_foreign
from labspin.data.foreign import archives
from labspin.data.foreign.archives import refuse_bomb
from labspin.errors import DamagedFileError


@functools.cache
def deflated(megabytes, wbits=15):
    packer = zlib.compressobj(1, zlib.DEFLATED, wbits)
    return b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(megabytes)), packer.flush()])


def matlab(packed):
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + struct.pack("<II", 15, len(packed)) + packed


def test_a_matlab_file_that_unpacks_without_bound_is_refused(tmp_path):
    path = tmp_path / "bomb.mat"
    path.write_bytes(matlab(deflated(300)))
    assert path.stat().st_size < 1 << 21
    with pytest.raises(DamagedFileError, match=r"bomb.mat: its [\d.]+ MB claim to unpack to 26\d MB or more"):
        list_foreign(path)


def test_a_matlab_file_of_data_is_read(tmp_path):
    values = np.random.default_rng(1).normal(size=(300, 4))
    savemat(tmp_path / "d.mat", {"x": values, "zeros": np.zeros(10_000)}, do_compression=True)
    assert_array_equal(read_foreign(tmp_path / "d.mat", v="x")["v"].values, values)


@pytest.mark.parametrize("parts", [1, 3])
def test_a_gzip_file_that_unpacks_without_bound_is_refused(tmp_path, parts):
    (tmp_path / "bomb.gz").write_bytes(deflated(300 // parts, wbits=31) * parts)
    with pytest.raises(DamagedFileError, match="claim to unpack"):
        refuse_bomb(tmp_path / "bomb.gz")


def test_gzip_files_are_counted_as_they_unpack(tmp_path, monkeypatch):
    text = b"".join(b"%d\n" % number for number in range(50_000))
    packed = gzip.compress(text) + gzip.compress(text) + bytes(100)
    (tmp_path / "data.gz").write_bytes(packed)
    monkeypatch.setattr(archives, "_MOST_PACKED", 0)
    monkeypatch.setattr(archives, "_LARGE", 2 * len(text))
    assert archives.refuse_bomb(tmp_path / "data.gz") is None
    monkeypatch.setattr(archives, "_LARGE", 2 * len(text) - 1)
    with pytest.raises(DamagedFileError, match="claim to unpack"):
        archives.refuse_bomb(tmp_path / "data.gz")


def test_an_hdf5_file_that_claims_more_than_it_holds_is_refused(tmp_path):
    with h5py.File(tmp_path / "bomb.h5", "w") as file:
        file.create_dataset("x", shape=(1 << 30,), dtype="f8", chunks=(1 << 20,), compression="gzip")
    with pytest.raises(DamagedFileError, match="claims"):
        read_foreign(tmp_path / "bomb.h5", v="/x")

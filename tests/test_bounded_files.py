"""Files that a person may have put somewhere: pipes, devices, gigabytes, and data that stand elsewhere."""

import ast
import os
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from labspin.analysis import load_recipe
from labspin.analysis.pictures import plots, runplots
from labspin.bench.notices import notices
from labspin.cli.outlet import tolerant_streams
from labspin.data import open_foreign
from labspin.data.foreign import winspec
from labspin.errors import DamagedFileError, LabspinError, RunFileError
from labspin.session import load_card
from labspin.session.queue import Queue
from labspin.session.workspace import station_kind
from labspin.station import load_station
from labspin.system import bounded_text, read_bounded

PACKAGE = Path(__file__).resolve().parents[1] / "labspin"
OWN = {"labspin/reproduction/measurement.py", "labspin/reproduction/catalogue.py",
       "labspin/session/skeletons.py"}  # fmt: skip
"""They read files of the package itself."""
ITS_OWN_LOG = {"labspin/session/host_start.py"}


def pipe(path):
    os.mkfifo(path)


def gigabytes(path):
    with path.open("wb") as file:
        file.truncate(1 << 35)


def zeros(path):
    path.symlink_to("/dev/zero")


READERS = {
    "card": lambda path: load_card(path),
    "station": load_station,
    "recipe": load_recipe,
    "queue": lambda path: Queue(path).read(),
    "bytes": read_bounded,
    "text": bounded_text,
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("make", [pipe, gigabytes, zeros])
def test_what_is_no_small_plain_file_is_refused_at_once(tmp_path, make, reader):
    path = tmp_path / "it.toml"
    make(path)
    with pytest.raises((LabspinError, OSError), match=r"is no plain file|bytes, more than the 16 MiB"):
        READERS[reader](path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
@pytest.mark.parametrize(
    "name", ["it.csv", "it.json", "it.spe", "it.trc", "it.bin", "it.h5", "it.mat", "it.dsc"]
)
@pytest.mark.parametrize("make", [pipe, zeros])
def test_what_is_no_plain_file_is_no_file_of_another_program(tmp_path, make, name):
    make(tmp_path / name)
    with pytest.raises(RunFileError, match="is no plain file"):
        open_foreign(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("it.csv", b"x,y\n1,2\n"),
        ("it.json", b"{"),
        ("it.trc", b"#9000000000WAVEDESC"),
        ("it.bin", b"AG10"),
        ("it.spe", bytes(4098) + b"\x55\x55"),
        ("it.DSC", b"#DESC 1.2\n"),
    ],
)
def test_a_file_that_is_read_whole_may_not_have_any_size(tmp_path, name, head):
    """Thirty-two gigabytes, of which the disk holds none."""
    with (tmp_path / name).open("wb") as file:
        file.write(head)
        file.truncate(1 << 35)
    (tmp_path / "it.DTA").write_bytes(bytes(8))
    with pytest.raises(RunFileError, match=r"read whole up to \d+ MiB; convert it"):
        open_foreign(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_pipe_beside_a_descriptor_is_refused(tmp_path):
    (tmp_path / "it.DSC").write_text("#DESC 1.2\nBSEQ BIG\nIRFMT D\nXPTS 4\nYPTS 1\n")
    pipe(tmp_path / "it.DTA")
    with pytest.raises(RunFileError, match="is no plain file"):
        open_foreign(tmp_path / "it.DSC")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_pipe_in_place_of_a_record_holds_nobody(tmp_path):
    pipe(tmp_path / "station.toml")
    assert station_kind(tmp_path / "station.toml") == ""
    assert notices() is not None


def test_lines_end_as_in_a_text_of_any_system(tmp_path):
    path = tmp_path / "it.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\rc = 3\n")
    assert bounded_text(path) == "a = 1\nb = 2\nc = 3\n"


def reads_unbounded(path):
    """Return the lines in which a module reads a whole file, however large it is."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [call for call in calls if isinstance(call.func, ast.Attribute)]
    return [
        call.lineno
        for call in named
        if call.func.attr == "read_text" or (call.func.attr == "read_bytes" and not call.args)
    ]


def test_no_module_reads_a_whole_file_that_may_be_a_pipe_or_have_any_size():
    found = {
        str(path.relative_to(PACKAGE.parent)): lines
        for path in sorted(PACKAGE.rglob("*.py"))
        if (lines := reads_unbounded(path))
    }
    assert set(found) <= OWN | ITS_OWN_LOG, found


# -- data that stand elsewhere ------------------------------------------------------------------------------


def raw(file, source):
    file.create_dataset("y", shape=(20,), dtype="u1", external=[(str(source), 0, 20)])


def virtual(file, source):
    layout = h5py.VirtualLayout(shape=(20,), dtype="f8")
    layout[:] = h5py.VirtualSource(str(source), "y", shape=(20,))
    file.create_virtual_dataset("y", layout)


@pytest.mark.parametrize("make", [raw, virtual])
@pytest.mark.parametrize("where", ["absolute", "above"])
def test_a_file_cannot_have_others_read_as_its_data(tmp_path, make, where):
    secret = tmp_path / "secret"
    secret.write_bytes(b"the password is none")
    folder = tmp_path / "data"
    folder.mkdir()
    with h5py.File(folder / "it.h5", "w") as file:
        file["x"] = np.arange(20.0)
        make(file, secret if where == "absolute" else "../secret")
    contents = open_foreign(folder / "it.h5")
    item = next(item for item in contents.items if item.name == "/y")
    with pytest.raises(DamagedFileError, match=r"'/y' is stored in another file.*copy that file beside"):
        item.load()


def test_virtual_data_beside_the_file_are_read(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "parts.h5", "w") as file:
        file["y"] = np.arange(20.0) ** 2
    with h5py.File(tmp_path / "it.h5", "w") as file:
        virtual(file, "parts.h5")
    item = next(item for item in open_foreign(tmp_path / "it.h5").items if item.name == "/y")
    assert item.load() == pytest.approx(np.arange(20.0) ** 2, rel=1e-15, abs=0)


# -- warnings -----------------------------------------------------------------------------------------------


def test_a_warning_about_a_strangers_text_is_no_command_to_the_terminal():
    before = warnings.formatwarning
    with tolerant_streams():
        shown = warnings.formatwarning("Glyph 27 (\x1b[31m) and \r are missing", UserWarning, "plots.py", 1)
    assert "Glyph 27" in shown
    assert "\x1b" not in shown
    assert "\r" not in shown
    assert warnings.formatwarning is before


# -- patterns that go over a text once ---


def ways_of_a_scan(text):
    column = SimpleNamespace(name="direction", description=text)
    layout = SimpleNamespace(coordinates=[column])
    run = SimpleNamespace(header=SimpleNamespace(layout=layout), data={"direction": np.ones(3)})
    return runplots._ways(run, (3,))


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (ways_of_a_scan, "1" * 200_000),
        (lambda text: plots._part_of_name(text, "1", "real part"), "(" + "( " * 100_000 + ")"),
        (winspec._WAVELENGTHS.search, b"<Wavelength" * 100_000),
    ],
)
def test_a_text_of_any_length_is_gone_over_once(read, text):
    """Each of them took a time that grows as the square of the length: minutes and more for these."""
    began = time.process_time()
    read(text)
    assert time.process_time() - began < 5.0

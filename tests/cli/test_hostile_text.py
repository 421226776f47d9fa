"""Text that is made to keep a reader busy: every command ends at once, with one sentence."""

import time
import zipfile

import numpy as np
import pytest

from labspin.cli import main
from labspin.data import RunWriter, list_foreign, read_foreign
from labspin.data.lock import lock_file
from labspin.errors import DamagedFileError, LabspinError, PlanError, StorageError
from labspin.experiment.conditions import holds
from labspin.session import Queue, load_card
from tests.data.samples import grid_header
from tests.places import ROOT

DEEP = "[" * 50_000 + "]" * 50_000
STATION = ROOT / "instruments" / "levitated-diamond.toml"


@pytest.fixture(autouse=True)
def at_once():
    begun = time.process_time()
    yield
    assert time.process_time() - begun < 20


@pytest.mark.parametrize("text", [f"x = {DEEP}", "x" * 200_000, "[" + " " * 100_000, "a." * 50_000 + "b = 1"])
@pytest.mark.parametrize("command", ["check", "queue", "fit", "doctor"])
def test_a_file_that_is_too_deep_or_too_long_is_one_sentence(tmp_path, capsys, command, text):
    path = tmp_path / "x.toml"
    path.write_text(text, encoding="utf-8")
    words = {
        "check": ["check", str(path)],
        "doctor": ["doctor", str(path)],
        "queue": ["queue", "--file", str(path), "list"],
        "fit": ["fit", "--with", str(path), str(path)],
    }[command]
    assert main(words) == 1
    said = capsys.readouterr().err
    assert said.startswith("labspin: ")
    assert "Traceback" not in said


@pytest.mark.parametrize("value", ["1 9**9**9 s", "1" + " " * 100_000 + "s", "1 " + "s*" * 10_000 + "s"])
def test_a_quantity_of_a_card_is_read_at_once(tmp_path, capsys, value):
    card = tmp_path / "card.toml"
    text = f'procedure = "rabi"\nstation = "{STATION}"\n[parameters]\npulse_start = "{value}"\n'
    card.write_text(text, encoding="utf-8")
    assert main(["check", str(card)]) == 1
    assert "card.toml" in capsys.readouterr().err


def test_a_path_that_none_can_be_is_one_sentence(tmp_path, capsys):
    card = tmp_path / "card.toml"
    card.write_text('procedure = "rabi"\nstation = "a\\u0000b"\n', encoding="utf-8")
    assert main(["check", str(card)]) == 1
    assert r"a\x00b' does not exist" in " ".join(capsys.readouterr().err.split())
    assert main(["check", "a\0b"]) == 1
    assert "is no name of a file (embedded null byte); correct it" in capsys.readouterr().err


@pytest.mark.parametrize("place", [".", "/"])
@pytest.mark.parametrize(
    "command",
    ["plot", "export", "trash", "report", "resume", "diff", "show", "note", "fit --with t1", "sequence",
     "check", "queue --file", "queue add"],
)  # fmt: skip
def test_a_folder_in_place_of_a_file_is_one_sentence(tmp_path, monkeypatch, capsys, command, place):
    monkeypatch.chdir(tmp_path)
    words = command.split()
    after = {"diff": [place], "note": ["a note"], "queue": ["list"] if "--file" in words else []}
    if "fit" in words:
        words.insert(1, "." if place == "." else str(tmp_path))  # a folder is fitted whole: not the machine's
    assert main([*words, *([] if "fit" in words else [place]), *after.get(words[0], [])]) == 1
    said = capsys.readouterr().err
    assert said.startswith("labspin: ")
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_what_is_wrong_with_a_command_line_is_no_order_to_the_terminal(capsys):
    with pytest.raises(SystemExit):
        main(["ls", "--\x1b[31mred"])
    said = capsys.readouterr().err
    assert r"\x1b[31mred" in said
    assert "\x1b" not in said


def test_a_card_with_a_byte_order_mark_is_read(tmp_path):
    card = tmp_path / "card.toml"
    card.write_text(f'procedure = "rabi"\nstation = "{STATION}"\n', encoding="utf-8-sig")
    assert load_card(card).procedure_name == "rabi"


def test_a_queue_with_a_byte_order_mark_is_read(tmp_path):
    queue = Queue(tmp_path / "queue.toml")
    queue.path.write_text("paused = true\n", encoding="utf-8-sig")
    assert queue.read().paused


@pytest.mark.parametrize("text", ["x" + " " * 100_000 + "y", "x <" + " " * 100_000 + "= y", "=" * 100_000])
def test_a_condition_is_read_at_once(text):
    with pytest.raises(PlanError):
        holds(text, {"x": np.arange(3.0)}, {"x": "s"})


@pytest.mark.parametrize("length", [1000, 1001, 20_000])
def test_a_label_that_no_run_can_have_is_refused_by_check(tmp_path, capsys, length):
    card = (ROOT / "procedures" / "t1.toml").read_text(encoding="utf-8").replace("../", f"{ROOT}/")
    path = tmp_path / "t1.toml"
    path.write_text(card + f'\n[[runs]]\nlabel = "{"l" * length}"\n', encoding="utf-8")
    assert main(["check", str(path)]) == (length > 1000)
    said = capsys.readouterr().err
    assert ("label" in said and f"wanted at most 1000 characters, got {length}" in said) == (length > 1000)
    assert len(said) < 500


def test_an_archive_that_unpacks_without_bound_is_refused(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as member:
        np.lib.format.write_array_header_1_0(
            member, {"descr": "<f8", "fortran_order": False, "shape": (1 << 26,)}
        )
        for _ in range(1 << 9):
            member.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(DamagedFileError, match="claim to unpack"):
        list_foreign(path)


def test_an_archive_of_data_is_read(tmp_path):
    np.savez_compressed(tmp_path / "d.npz", x=np.zeros(1000), y=np.arange(3.0))
    assert {entry.name for entry in list_foreign(tmp_path / "d.npz")} == {"x", "y"}


def test_a_title_without_end_is_read_at_once(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x" + " (" * 50_000 + ",y\n1,2\n3,4\n", encoding="utf-8")
    assert read_foreign(path, v="y")["v"].values.tolist() == [2.0, 4.0]


@pytest.mark.parametrize("number", ["ENOLCK", "EOPNOTSUPP"])
def test_a_share_without_locks_says_what_to_do(tmp_path, monkeypatch, number):
    import errno
    import fcntl

    def refuse(*_):
        raise OSError(getattr(errno, number), "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StorageError, match=r"set spool = .FOLDER. on a local disk .* no run was started"):
        RunWriter.create(tmp_path / "run.h5", grid_header())
    assert not list(tmp_path.iterdir())
    with pytest.raises((LabspinError, OSError)), lock_file(tmp_path / "queue.toml"):
        pass


def test_a_share_that_knows_no_fsync_of_a_folder_takes_a_run(tmp_path, monkeypatch):
    import errno
    import os
    import stat

    fsync = os.fsync

    def refuse(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EOPNOTSUPP, "not supported")
        return fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    writer = RunWriter.create(tmp_path / "run.h5", grid_header())
    assert writer.finish("aborted").exists()

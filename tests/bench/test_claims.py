"""One process has an instrument, by where it is."""

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from labspin.bench import Bench
from labspin.bench.claims import Claims, claim_file, note_watchdog, turn
from labspin.bench.notices import confirm, leave_notice, notices, withdraw_notice
from labspin.cli import main
from labspin.clock import SimulatedClock
from labspin.errors import SafetyError
from labspin.session.host_record import host_file

PLACE = f"TCP 127.0.0.1 {os.getpid()} in a test"
HOLD = f"""
import sys
from labspin.bench.claims import Claims
claims = Claims.take({{"magnet": {PLACE!r}}})
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LABSPIN_CLAIMS", str(tmp_path / "claims"))


def test_a_place_is_claimed_once():
    claims = Claims.take({"magnet": PLACE})
    with pytest.raises(SafetyError, match=r"magnet at .*: this process has it already; close the other"):
        Claims.take({"supply": "TCP 127.0.0.1 elsewhere", "magnet": PLACE}, patience=0.0)
    claims.close()
    again = Claims.take({"magnet": PLACE, "its other output": PLACE})
    assert len(again.descriptors) == 1
    again.close()
    assert again.descriptors == ()


def test_a_claim_that_fails_leaves_none_behind():
    held = Claims.take({"magnet": PLACE})
    with pytest.raises(SafetyError):
        Claims.take({"a": "A PLACE BEFORE", "magnet": PLACE}, patience=0.0)
    Claims.take({"a": "A PLACE BEFORE"}).close()
    held.close()


def test_what_is_forgotten_is_let_go():
    Claims.take({"magnet": PLACE})
    kept = Claims.take({"magnet": PLACE}, patience=0.0)
    with pytest.raises(SafetyError, match="this process has it already"):
        Claims.take({"magnet": PLACE}, patience=0.0)
    kept.close()


def test_another_process_is_named_and_its_death_frees_the_place():
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(SafetyError, match=rf"is in use by .*process {other.pid}, since .*; let it end"):
            Claims.take({"magnet": PLACE}, patience=0.2)
        other.kill()
        other.wait()
        Claims.take({"magnet": PLACE}).close()


def test_an_heir_of_the_descriptors_keeps_the_place():
    claims = Claims.take({"magnet": PLACE})
    code = "import sys\nprint('here', flush=True)\nsys.stdin.readline()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        pass_fds=claims.descriptors,
    ) as heir:  # fmt: skip
        assert heir.stdout.readline() == "here\n"
        claims.close()
        with pytest.raises(SafetyError):
            Claims.take({"magnet": PLACE}, patience=0.2)
        heir.communicate("\n")
    Claims.take({"magnet": PLACE}).close()


def test_a_folder_that_cannot_be_written_is_said_with_the_way_out(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("LABSPIN_CLAIMS", str(tmp_path / "file"))
    with pytest.raises(SafetyError, match="name another one, the same for everybody, in the variable LAB"):
        Claims.take({"magnet": PLACE})
    assert claim_file(PLACE).parent == tmp_path / "file"


def test_a_watchdog_that_is_still_at_work_is_waited_for():
    held = Claims.take({"magnet": PLACE})
    note_watchdog([PLACE])
    later = threading.Timer(0.5, held.close)
    later.start()
    Claims.take({"magnet": PLACE}, patience=0.0).close()
    later.join()


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links are followed here")
def test_a_link_in_the_place_of_a_claim_is_not_followed(tmp_path):
    """All users share the folder: one might have another's file emptied."""
    private = tmp_path / "private"
    private.write_text("mine")
    claim_file(PLACE).parent.mkdir()
    claim_file(PLACE).symlink_to(private)
    with pytest.raises(SafetyError, match="its claim cannot be written"):
        Claims.take({"magnet": PLACE})
    assert private.read_text() == "mine"


# -- turns --------------------------------------------------------------------------------------------------

MAGNET = f"the magnet of {PLACE}"
SENT, ELSEWHERE = {"magnet.current": 2.0}, {"magnet.current": 0.5}


def test_one_at_a_time_has_its_turn():
    with turn(MAGNET) as mine:
        assert mine is not None
        with turn(MAGNET) as other:
            assert other is None
    with turn(MAGNET) as next_one:
        assert next_one is not None


def test_what_was_done_for_another_run_is_of_no_use():
    with turn(MAGNET) as mine:
        assert mine.begin("one run", SENT) == SENT
        mine.end("one run", ELSEWHERE)
    with turn(MAGNET) as mine:
        assert mine.begin("another run", SENT) == SENT


def test_a_ramp_goes_on_from_where_the_one_before_came():
    with turn(MAGNET) as mine:
        mine.begin("the run", SENT)
        mine.end("the run", ELSEWHERE)
    with turn(MAGNET) as mine:
        assert mine.begin("the run", SENT) == ELSEWHERE


def test_after_one_that_broke_off_nothing_is_known():
    with turn(MAGNET) as mine:
        mine.begin("the run", SENT)
    with turn(MAGNET) as mine:
        assert mine.begin("the run", SENT) == {}


def test_where_no_claim_can_be_written_it_is_everybodys_turn(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("LABSPIN_CLAIMS", str(tmp_path / "file"))
    with turn(MAGNET) as mine:
        assert mine.begin("the run", SENT) == SENT
        mine.end("the run", ELSEWHERE)


# -- notices ------------------------------------------------------------------------------------------------


def test_every_command_says_what_is_not_safe_until_somebody_confirms(tmp_path, monkeypatch, capsys):
    (tmp_path / "instruments").mkdir()
    station = tmp_path / "instruments" / "lab.toml"
    monkeypatch.chdir(tmp_path)
    leave_notice(
        station, "lab", {"magnet": "magnet at 2.5 A", "microwave": "microwave on"}, tmp_path / "r.h5"
    )
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path / "data")
    main(["ls", "."])
    said = capsys.readouterr().err
    assert "NOT SAFE since" in said
    assert "magnet at 2.5 A; microwave on" in said
    assert f"labspin unsafe --confirm {station}" in said
    withdraw_notice(station, ["microwave"])
    assert [one.unsafe for one in notices()] == [{"magnet": "magnet at 2.5 A"}]
    assert main(["unsafe"]) == 4
    assert main(["unsafe", "--confirm", str(station)]) == 0
    assert not confirm(station)
    capsys.readouterr()
    main(["ls", "."])
    assert "NOT SAFE" not in capsys.readouterr().err


class Trying:
    """Stands for a watchdog."""

    process_id = None

    def entrust(self, names, path):
        return os.getpid()


def fails():
    raise SafetyError("no process can be started")


@pytest.mark.parametrize(("heir", "said"), [(Trying, "keeps trying"), (fails, "no process is trying")])
def test_what_is_left_unsafe_is_written_down_whether_or_not_a_process_tries(tmp_path, heir, said):
    station = {"path": str(tmp_path / "lab.toml")}
    bench = Bench(
        name="lab", clock=SimulatedClock(), instruments={"magnet": None}, description=station, heir=heir
    )
    with contextlib.suppress(SafetyError):
        bench.entrust({"magnet": "magnet at 2.5 A"}, tmp_path / "run.h5")
    (notice,) = notices(tmp_path)
    assert notice.unsafe == {"magnet": "magnet at 2.5 A"}
    assert notice.run == str(tmp_path / "run.h5")
    assert said in notice.sentence


@pytest.mark.skipif(sys.platform == "win32", reason="modes of files are others there")
def test_every_user_may_claim_in_the_folder_that_one_has_made(tmp_path, monkeypatch):
    monkeypatch.setenv("LABSPIN_CLAIMS", str(tmp_path / "claims"))
    former = os.umask(0o077)
    try:
        Claims.take({"magnet": "here"}).close()
    finally:
        os.umask(former)
    assert (tmp_path / "claims").stat().st_mode & 0o7777 == 0o1777, "and removes no claim of others"
    assert claim_file("here").stat().st_mode & 0o777 == 0o666


def test_a_notice_that_is_damaged_is_still_one(tmp_path):
    station = tmp_path / "lab.toml"
    leave_notice(station, "lab", {"magnet": "magnet at 2.5 A"}, tmp_path / "r.h5")
    (path,) = (tmp_path / ".labspin").glob("not-safe-*.json")
    path.write_text('{"unsafe": 3')
    (notice,) = notices(tmp_path)
    assert "cannot be read" in notice.sentence


def test_places_in_folders_whose_names_are_no_utf_8_are_told_apart():
    """A watchdog that fails here leaves its instruments as they are."""
    stations = [Path(f"/lab{byte}/instruments/a.toml") for byte in ("\udcff", "\udcfe", "")]
    assert len({claim_file(f"magnet of {station}") for station in stations}) == 3
    assert len({host_file(station) for station in stations}) == 3


def test_a_notice_stands_in_a_folder_whose_name_is_no_utf_8(tmp_path):
    station = tmp_path / "lab\udcff" / "instruments" / "a.toml"
    try:
        station.parent.mkdir(parents=True)
    except OSError:
        pytest.skip("this file system wants names in UTF-8")
    leave_notice(station, "a", {"magnet": "magnet (no answer)"}, tmp_path / "run.h5")
    assert [notice.name for notice in notices(tmp_path / "lab\udcff")] == ["a"]

"""What a run tells its watchdog and the deputy: processes stand in that write down what they hear."""

import contextlib
import json
import os
import select
import signal
import sys
import threading
import time

import pytest

from labspin.bench import Watchdog, deputy
from labspin.bench.claims import Claims
from labspin.bench.deputy import Deputy
from labspin.bench.watch import LIFE, lines_of, show_life
from labspin.errors import SafetyError
from tests.bench.attacks import wait_for
from tests.places import PATIENCE

# Writes down every line that it is told. "mute": hears signs of life and does not answer them. "deaf": reads
# the order and nothing more. "interrupts": sends Ctrl-C to the run before it lets itself be dismissed.
STANDS_IN = """
import json, os, signal, sys, time
log, how = sys.argv[1], sys.argv[2]
while line := sys.stdin.buffer.readline():
    said = json.loads(line)
    with open(log, "a") as file:
        file.write(json.dumps([os.getpid(), said]) + "\\n")
    if "dismiss" in said and how == "interrupts":
        how = "answers"
        os.kill(os.getppid(), signal.SIGINT)
        time.sleep(0.3)
    if "alive" in said and how != "mute":
        answer = {"heard": said["alive"]}
    elif "sent" in said or "alive" in said:
        continue
    else:
        answer = {"done": True}
    sys.stdout.write(json.dumps(answer) + "\\n")
    sys.stdout.flush()
    if how == "deaf":
        time.sleep(3600)
if how == "stays":
    while not os.path.exists(log + ".go"):
        time.sleep(0.01)
"""


def standing_in(log, how="answers"):
    return [sys.executable, "-S", "-c", STANDS_IN, str(log), how]


def heard(log):
    """Return (process, message) of all that was written down."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [tuple(json.loads(line)) for line in lines]


@pytest.fixture
def log(tmp_path):
    return tmp_path / "heard"


def watchdog_of(log, how="answers", **options):
    return Watchdog(standing_in(log, how), name="lab", **options)


def test_a_longer_silence_is_told_at_once(log, tmp_path):
    watchdog = watchdog_of(log)
    with watchdog.watching(tmp_path / "run.h5"):
        assert watchdog.beat(10.0) == ""
        assert watchdog.beat(5.0) == "", "soon after another, and nothing new"
        assert watchdog.beat(500.0) == ""
    watchdog.close()
    told = [said["patience"] for _, said in heard(log) if "alive" in said]
    assert told == [10.0, 500.0]


def test_a_mute_watchdog_is_ended_and_its_successor_knows_all_that_it_knew(log, tmp_path, monkeypatch):
    monkeypatch.setattr("labspin.bench.watchdog._BEAT", 0.0)
    watchdog = watchdog_of(log, "mute")
    with watchdog.watching(tmp_path / "run.h5"):
        first = watchdog._process
        watchdog.note_sent("magnet.current", 1.5)
        watchdog.note_sent("laser.power", 0.1)
        assert watchdog.beat(100.0) == ""
        monkeypatch.setattr("labspin.bench.watchdog._MUTE", -1.0)
        assert "another one" in watchdog.beat(200.0)
        monkeypatch.undo()
        assert first.returncode == -signal.SIGKILL, "else it might wake up and act"
        assert watchdog.process_id not in (None, first.pid)
        second = watchdog.process_id
    watchdog.close()
    told = [said for process, said in heard(log) if process == second]
    assert told[0]["watch"] == str(tmp_path / "run.h5")
    assert {"sent": {"magnet.current": 1.5, "laser.power": 0.1}} in told
    assert [said["patience"] for said in told if "alive" in said] == [200.0]


def test_what_is_read_by_a_thread_is_closed_by_that_thread(log, tmp_path, monkeypatch):
    """Closed by another, its number went to the next pipe, and the thread took a byte from that."""
    streams = []

    def reading_a_copy(stream, *, closes=False):
        streams.append((stream, closes))
        return lines_of(os.fdopen(os.dup(stream.fileno()), "rb", buffering=0), closes=True)

    monkeypatch.setattr("labspin.bench.watchdog.lines_of", reading_a_copy)
    watchdog = watchdog_of(log)
    with watchdog.watching(tmp_path / "run.h5"):
        pass
    watchdog.close()
    ((stream, closes),) = streams
    assert closes
    with stream:
        assert not stream.closed


def test_a_pipe_is_closed_once_it_is_read_to_its_end():
    reading, writing = os.pipe()
    stream = os.fdopen(reading, "rb", buffering=0)
    lines = lines_of(stream, closes=True)
    os.write(writing, b"one\n")
    assert lines.get(timeout=PATIENCE) == b"one\n"
    assert not stream.closed
    os.close(writing)
    assert lines.get(timeout=PATIENCE) is None
    assert stream.closed


def test_a_watchdog_that_had_nothing_to_answer_is_not_taken_for_mute(log, tmp_path):
    watchdog = watchdog_of(log)
    with watchdog.watching(tmp_path / "run.h5"):
        first = watchdog.process_id
        watchdog._heard_at -= 1000.0  # a point that took a quarter of an hour
        assert watchdog.beat(10.0) == ""
        assert watchdog.process_id == first
    watchdog.close()


def test_a_watchdog_that_takes_nothing_is_replaced(log, tmp_path):
    watchdog = watchdog_of(log, "deaf", patience=30.0)
    with watchdog.watching(tmp_path / "run.h5"):
        first = watchdog.process_id
        for number in range(20_000):  # more than any pipe holds
            watchdog.note_sent("magnet.current", float(number))
        assert "another one" in watchdog.beat(10.0)
        assert watchdog.process_id != first
        watchdog._process.kill()
    watchdog.close()


def test_after_an_inner_run_the_outer_one_is_watched_again(log, tmp_path):
    watchdog = watchdog_of(log)
    with watchdog.watching(tmp_path / "host"), watchdog.watching(tmp_path / "run.h5"):
        pass
    watchdog.close()
    orders = [said for _, said in heard(log) if "watch" in said or "dismiss" in said]
    names = [str(tmp_path / name) for name in ("host", "run.h5", "host")]
    assert [said.get("watch") for said in orders[:3]] == names
    assert orders[0]["token"] == orders[2]["token"] != orders[1]["token"]
    assert orders[3] == {"dismiss": True}


def test_once_what_was_entrusted_is_over_another_watchdog_is_on_watch(log, tmp_path, monkeypatch):
    """A host lives on beside the watchdog that it left an instrument to, and has to be watched after it."""
    monkeypatch.setattr("labspin.bench.watchdog._BEAT", 0.0)
    watchdog = watchdog_of(log, "stays")
    with watchdog.watching(tmp_path / "host"):
        watchdog.note_sent("magnet.current", 1.5)
        watchdog.note_sent("laser.power", 0.1)
        heir = watchdog.entrust(["magnet"], tmp_path / "run.h5")
        assert watchdog.is_trying
        assert watchdog.beat(10.0) == ""
        assert watchdog.process_id is None, "two of them would pull to and fro"
        log.with_name("heard.go").touch()
        assert wait_for(lambda: not watchdog.is_trying)
        assert "is over; another one" in watchdog.beat(20.0)
        assert watchdog._heir is None
        second = watchdog.process_id
        assert second not in (None, heir)
    watchdog.close()
    told = [said for process, said in heard(log) if process == second]
    assert told[0]["watch"] == str(tmp_path / "host")
    assert {"sent": {"laser.power": 0.1}} in told
    assert [said["patience"] for said in told if "alive" in said] == [20.0]


def test_a_signal_does_not_come_between_the_dismissal_and_its_answer(log, tmp_path):
    """An answer that nobody took would be taken for that to the next order."""
    watchdog = watchdog_of(log, "interrupts")
    with pytest.raises(KeyboardInterrupt), watchdog.watching(tmp_path / "run.h5"):
        pass
    assert watchdog.process_id is not None
    time.sleep(0.6)  # the answer comes 0.3 s after the signal, if it was not waited for
    assert watchdog._answers.empty()
    watchdog.close()


# -- the deputy -------------------------------------------------------------------------------------------


class Noting:
    """Stands for a deputy."""

    def __init__(self):
        self.told, self.is_alive, self.process_id = [], True, 1

    def tell(self, message):
        self.told.append(message)
        return True

    def close(self):
        self.told.append("closed")


def test_while_the_watchdog_is_replaced_the_deputy_is_asked_for_patience(log, tmp_path, monkeypatch):
    watchdog = watchdog_of(log, patience=30.0)
    with watchdog.watching(tmp_path / "run.h5"):
        former = watchdog._deputy = Noting()
        watchdog._process.kill()
        watchdog._process.wait()
        assert "ended with code -9" in watchdog.beat(10.0)
        assert former.told[-1] == "closed"
        assert former.told[-2]["alive"] == 0
        assert former.told[-2]["patience"] > 30.0
    watchdog.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no deputy")
def test_what_was_left_to_a_watchdog_that_is_killed_is_done_for_the_deputy(log, tmp_path, monkeypatch):
    """The spare watchdog hears what is left, and where it was sent, and holds the instruments."""
    monkeypatch.setenv("LABSPIN_CLAIMS", str(tmp_path / "claims"))
    place, spare = {"magnet": f"in a test of {os.getpid()}"}, tmp_path / "spare"
    claims = Claims.take(place)
    watchdog = watchdog_of(
        log, "stays", spare=standing_in(spare, "stays"), inherited=lambda: claims.descriptors, feed=""
    )
    with watchdog.watching(tmp_path / "run.h5"):
        token = watchdog._token
        watchdog.note_sent("magnet.current", 1.5)
        watchdog.note_sent("laser.power", 0.1)
        left = watchdog.entrust(["magnet"], tmp_path / "run.h5")
        assert watchdog._sent == {"laser.power": 0.1}, "the magnet is moved by others from now on"
        os.kill(left, signal.SIGKILL)
        claims.close()
        assert wait_for(lambda: watchdog._heir.poll() is not None)
        assert watchdog.is_trying, "the deputy lives"
        assert wait_for(lambda: len(heard(spare)) == 3)
    watch, sent, keep = (said for _, said in heard(spare))
    assert (watch["watch"], watch["token"]) == (str(tmp_path / "run.h5"), token)
    assert sent == {"sent": {"magnet.current": 1.5, "laser.power": 0.1}}
    assert keep == {"keep": ["magnet"]}
    with pytest.raises(SafetyError, match="still tries"), watchdog.watching(tmp_path / "next.h5"):
        pytest.fail("another run began")
    with pytest.raises(SafetyError):
        Claims.take(place, patience=0.0)
    watchdog._heirs_deputy._process.kill()
    watchdog._heirs_deputy._process.wait()
    watchdog._forget_heir()
    with pytest.raises(SafetyError):
        Claims.take(place, patience=0.0)
    spare.with_name("spare.go").touch()
    Claims.take(place, patience=PATIENCE).close()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no deputy")
def test_a_deputy_that_was_killed_is_replaced(log, tmp_path):
    watchdog = watchdog_of(log, spare=standing_in(tmp_path / "spare"), patience=PATIENCE)
    with watchdog.watching(tmp_path / "run.h5"):
        first = watchdog._deputy._process
        first.kill()
        first.wait()
        assert "deputy was gone; another one" in watchdog.beat(10.0)
        assert watchdog.deputy_id not in (None, first.pid)
    watchdog.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no deputy")
def test_a_deputy_that_does_not_let_itself_be_dismissed_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(deputy, "_GOING", 0.0)
    one = unheeding(tmp_path, monkeypatch, "import time; time.sleep(60)")
    one.close()
    assert one._process.returncode == -signal.SIGKILL


def unheeding(tmp_path, monkeypatch, program):
    """Return a deputy whose process runs a program of the test."""
    path = tmp_path / "program.py"
    path.write_text(program)
    monkeypatch.setattr(deputy, "_PROGRAM", path)
    life, shown = os.pipe()
    found = Deputy([], "", "lab", watchdog=os.getpid(), life=life, inherited=())
    os.close(life)
    os.close(shown)
    return found


def test_a_deputy_that_reads_nothing_is_noticed_and_holds_nobody(tmp_path, monkeypatch):
    one = unheeding(tmp_path, monkeypatch, "import time\ntime.sleep(3600)\n")
    taken = [one.tell({"sent": {"magnet.current": float(number)}}) for number in range(20_000)]
    assert taken[0]
    assert not taken[-1]
    one._process.kill()
    one._process.wait()
    one.leave()


def test_the_terminal_does_not_end_a_deputy(tmp_path, monkeypatch):
    life, shown = os.pipe()
    one = Deputy([], "", "lab", watchdog=os.getpid(), life=life, inherited=())
    assert one.is_ready(PATIENCE)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(one.process_id, number)
    one.close()
    assert one._process.returncode == 0
    os.close(life)
    os.close(shown)


# -- the far end of the pipe ------------------------------------------------------------------------------


def shown(fill=b"", error=None):
    """Return what a watchdog showed its deputy, and whether that held it."""
    reading, writing = os.pipe()
    os.environ[LIFE] = str(writing)
    os.set_blocking(writing, False)
    while fill:
        try:
            os.write(writing, fill)
        except BlockingIOError:
            break
    os.set_blocking(writing, True)

    def work():
        with contextlib.suppress(RuntimeError), show_life():
            if error:
                raise error

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(10.0 if fill else PATIENCE)
    was_held = thread.is_alive()
    os.set_blocking(reading, False)
    said = b""
    if was_held or select.select([reading], [], [], 0.0)[0]:
        said = os.read(reading, 1 << 20)
    thread.join(PATIENCE)
    os.close(reading)
    os.close(writing)
    return said, was_held


def test_a_watchdog_says_that_it_is_done_if_it_is():
    assert shown() == (b"!", False)
    said, _ = shown(error=RuntimeError("it failed"))
    assert b"!" not in said
    # It wrote a byte now and then into whatever had the number of the pipe next: a socket, a journal, a pool.
    assert "signs of life" not in [thread.name for thread in threading.enumerate()]
    assert shown(fill=b"." * 4096)[1] is False, "a deputy that does not read holds nobody"

"""Exchanges stay whole: across threads, time-outs, late answers, Ctrl-C and broken connections."""

import logging
import socket
import threading
from unittest import mock

import pytest
import pyvisa

from labspin.clock import SimulatedClock
from labspin.errors import (
    ConnectionFailedError,
    IdentityError,
    LimitError,
    ReplyError,
    ReplyTimeoutError,
)
from labspin.instruments import LabspinInstrument, check_limits, on_off
from labspin.instruments.kepco_bop import KepcoBOP
from labspin.instruments.sg384 import SG384
from labspin.instruments.sr400 import SR400
from labspin.twin import devices
from labspin.twin.adapter import SimulatedAdapter
from tests.instruments.wires import Wire
from tests.places import PATIENCE
from tests.twin.lamp import make_world

IDENTITY = "Acme,Box 1,42,1.0"


class Box(LabspinInstrument):
    maker = "Acme"
    models = ("Box 1",)


def answer(command):
    return IDENTITY if command == "*IDN?" else f"answer to {command}"


def test_a_question_gets_its_answer():
    assert Box(Wire(answer)).ask("A?") == "answer to A?"


@pytest.mark.parametrize("reads_late", [1, 2, 3, 5])
def test_a_late_answer_is_never_taken_for_the_next(reads_late):
    box = Box(Wire(answer, late={"A?": reads_late}), retries=0)
    with pytest.raises(ReplyTimeoutError, match=r"no answer to 'A\?' within 3 s"):
        box.ask("A?")
    answers = [ask_or_none(box, question) for question in "BCDEFG"]
    assert answers[reads_late - 1 :] == [f"answer to {question}" for question in "BCDEFG"[reads_late - 1 :]]
    assert answers[: reads_late - 1] == [None] * (reads_late - 1)


def ask_or_none(box, question):
    try:
        return box.ask(question)
    except ReplyTimeoutError:
        return None


def test_a_question_that_times_out_is_asked_again_and_gets_its_own_answer(caplog):
    wire = Wire(answer, late={"A?": 1})
    with caplog.at_level(logging.WARNING):
        assert Box(wire, retries=1).ask("A?") == "answer to A?"
    assert wire.sent == ["A?", "*IDN?", "A?"]
    assert "asking again" in caplog.text


def test_a_lost_answer_is_asked_for_again():
    wire = Wire(answer, silent=["A?"])
    assert Box(wire, retries=1).ask("A?") == "answer to A?"


def test_a_late_identity_is_not_taken_for_the_sentinel():
    wire = Wire(answer, late={"*IDN?": 2})
    box = Box(wire)
    with pytest.raises(ReplyTimeoutError, match=r"\*IDN\?"):
        box.identify()
    assert box.ask("B?") == "answer to B?"
    assert box.ask("C?") == "answer to C?"


def test_retries_end_with_one_error_that_says_all():
    wire = Wire(answer, silent=["A?"] * 5)
    with pytest.raises(ReplyTimeoutError, match=r"magnet: no answer to 'A\?' within 0.5 s, asked 3 times"):
        Box(wire, "magnet", retries=2, timeout=0.5).ask("A?")
    assert wire.sent.count("A?") == 3


def test_a_question_that_changes_the_instrument_is_asked_once():
    wire = Wire(answer, silent=["*ESR?"])
    with pytest.raises(ReplyTimeoutError):
        Box(wire, retries=5).ask("*ESR?")
    assert wire.sent.count("*ESR?") == 1


def test_ctrl_c_between_question_and_answer_leaves_nothing_behind():
    class Interrupted(Box):
        struck = False

        def wait_for(self, query_delay=None):
            if not self.struck:
                self.struck = True
                raise KeyboardInterrupt

    box = Interrupted(Wire(answer))
    with pytest.raises(KeyboardInterrupt):
        box.ask("A?")
    assert box.ask("B?") == "answer to B?"


def test_answers_without_end_are_an_error():
    class Chatterbox(Wire):
        def _read(self, **kwargs):
            return "noise"

    box = Box(Chatterbox(answer), retries=0)
    box._line.unanswered.append("A?")
    with pytest.raises(ReplyError, match="answers do not end"):
        box.ask("B?")


def test_a_command_without_answer_is_sent_even_while_answers_are_missing():
    wire = Wire(lambda command: None if command == "OFF" else answer(command), silent=["A?", "*IDN?"])
    box = Box(wire, retries=0)
    with pytest.raises(ReplyTimeoutError):
        box.ask("A?")
    box.write("OFF")
    assert wire.sent[-1] == "OFF"


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError("reset by peer"),
        OSError("no route"),
        pyvisa.errors.VisaIOError(pyvisa.constants.StatusCode.error_connection_lost),
        pyvisa.errors.InvalidSession(),
        ConnectionFailedError("dropped"),
    ],
)
def test_a_broken_connection_is_said_to_be_one(error):
    wire = Wire(answer)
    wire.error = error
    box = Box(wire, "counter")
    for call in (lambda: box.ask("A?"), lambda: box.write("A"), lambda: box.read()):
        with pytest.raises(ConnectionFailedError, match="counter: the connection failed at"):
            call()


def test_a_visa_time_out_is_a_time_out():
    wire = Wire(answer)
    wire.error = pyvisa.errors.VisaIOError(pyvisa.constants.StatusCode.error_timeout)
    with pytest.raises(ReplyTimeoutError, match="within 3 s"):
        Box(wire, retries=0).ask("A?")


def test_bytes_that_are_no_text_are_shown():
    wire = Wire(answer)
    wire.error = UnicodeDecodeError("ascii", b"\xff\x00", 0, 1, "ordinal not in range")
    with pytest.raises(ReplyError, match=r"got the bytes b'\\xff\\x00'"):
        Box(wire).ask("A?")


@pytest.mark.parametrize(
    ("reply", "cast"), [("abc", float), ("", float), ("1,x", float), ("2", on_off), ("1.5", int)]
)
def test_text_is_never_handed_back_for_a_number(reply, cast):
    with pytest.raises(ReplyError, match=r"in answer to 'A\?', got '" + reply):
        Box(Wire(lambda command: reply)).values("A?", cast=cast)


def test_values_cast_split_and_preprocess():
    box = Box(Wire(lambda command: "X1;2"))
    assert box.values("A?", separator=";", preprocess_reply=lambda reply: reply[1:]) == [1.0, 2.0]
    assert Box(Wire(lambda command: "0,1")).values("A?", cast=bool) == [False, True]


def test_another_instrument_is_refused():
    with pytest.raises(IdentityError, match=r"box: wanted Acme Box 1, but 'Other,Box 2,1,1' answers"):
        Box(Wire(lambda command: "Other,Box 2,1,1"), "box").identify()


def test_eight_threads_never_take_each_others_answers():
    wire = Wire(answer, pause=1e-6)
    box = Box(wire)
    wrong = []

    def ask(thread):
        for n in range(300):
            question = f"{thread}.{n}?"
            if box.ask(question) != f"answer to {question}":
                wrong.append(question)

    threads = [threading.Thread(target=ask, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(wire.sent) == 8 * 300


def test_two_instruments_on_one_connection_share_its_lock():
    wire = Wire(answer, pause=1e-6)
    boxes = [Box(wire, "one"), Box(wire, "two")]
    assert boxes[0]._line is boxes[1]._line
    wrong = []

    def ask(box):
        wrong.extend(n for n in range(200) if box.ask(f"{box.name}{n}") != f"answer to {box.name}{n}")

    threads = [threading.Thread(target=ask, args=(box,)) for box in boxes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_waits_go_through_the_clock():
    clock = SimulatedClock()
    Box(Wire(answer), clock=clock).ask("A?", query_delay=100.0)
    assert clock.now() == 100.0


def test_nothing_at_the_address_is_a_clear_error():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        port = held.getsockname()[1]
        with pytest.raises(ConnectionFailedError, match=rf"box.*{port}.*check"):
            Box(f"TCPIP::127.0.0.1::{port}::SOCKET", "box", timeout=0.5, visa_library="@py").ask("*IDN?")


@pytest.mark.parametrize("value", [11, -1, float("nan"), float("inf"), "x", None, True])
def test_limits_refuse_and_name_the_property(value):
    with pytest.raises(LimitError, match=r"thing: wanted 0 A to 10 A, got .*nothing was sent"):
        check_limits("thing", value, 0, 10, "A")


@pytest.mark.parametrize(
    ("kind", "address", "expected"),
    [
        (Box, "TCPIP::127.0.0.1::5025::SOCKET", {"read_termination": "\n", "write_termination": "\n"}),
        (SG384, "GPIB0::3::INSTR", {"read_termination": "\n", "write_termination": "\n"}),
        (KepcoBOP, "GPIB0::6::INSTR", {"read_termination": "\n", "write_termination": "\n"}),
        (SR400, "ASRL1::INSTR", {"read_termination": "\r", "write_termination": "\r"}),
        (SR400, "GPIB0::23::INSTR", {"write_termination": "\n"}),  # read until END
    ],
)
def test_line_ends_and_time_outs_reach_visa(monkeypatch, kind, address, expected):
    opened = {}

    def open_resource(manager, name, **settings):
        opened.update(settings, name=name)
        return mock.Mock()

    monkeypatch.setattr(pyvisa.ResourceManager, "open_resource", open_resource)
    kind(address, timeout=1.5, visa_library="@py")
    assert opened == {"name": address, "timeout": 1500, "open_timeout": 1500, **expected}


class SlowServer(threading.Thread):
    """A line server on a socket; answers questions listed in ``late`` that many seconds late."""

    def __init__(self, late):
        super().__init__(daemon=True)
        self.late = late
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"TCPIP::127.0.0.1::{self.listener.getsockname()[1]}::SOCKET"
        self.stopped = threading.Event()

    def run(self):
        connection, _ = self.listener.accept()
        with connection, connection.makefile("rb") as lines:
            for line in lines:
                command = line.decode().strip()
                if delay := self.late.pop(command, 0):
                    self.stopped.wait(delay)
                connection.sendall(f"{answer(command)}\n".encode())


def test_a_late_answer_over_a_real_socket():
    server = SlowServer({"A?": 2.5})
    server.start()
    box = Box(server.address, "box", timeout=1.0, retries=0, visa_library="@py")
    try:
        assert box.ask("B?") == "answer to B?"
        with pytest.raises(ReplyTimeoutError, match=r"box at TCPIP.*: no answer to 'A\?' within 1 s"):
            box.ask("A?")
        found = [ask_or_none(box, "C?") for _ in range(6)]  # the server is asleep for some of them
        assert set(found) <= {None, "answer to C?"}
        assert found[-1] == "answer to C?"
    finally:
        box.close()
        server.join(PATIENCE)
        server.listener.close()


def test_a_socket_that_the_instrument_has_closed_is_an_error_and_no_endless_loop():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        box = Box(
            f"TCPIP::127.0.0.1::{listener.getsockname()[1]}::SOCKET",
            "box",
            timeout=0.2,
            retries=1,
            visa_library="@py",
        )
        listener.accept()[0].close()
    try:
        for _ in range(3):
            with pytest.raises((ConnectionFailedError, ReplyTimeoutError), match="box at TCPIP"):
                box.ask("A?")
    finally:
        box.close()


@pytest.mark.parametrize("bad", ["", "\x00", "\x00+1.5", "+1.", "1,5", "?", "1.5 V"])
def test_an_answer_that_cannot_be_read_is_asked_again_and_counted(bad):
    answers = iter([bad, "1.5"])

    def answer(command):
        return IDENTITY if command == "*IDN?" else next(answers)

    wire = Wire(answer)
    box = Box(wire, "box", retries=1)
    if bad == "+1.":
        assert box.values("A?") == [1.0]  # which is a number
    elif bad == "1,5":
        assert box.values("A?") == [1.0, 5.0]
    else:
        assert box.values("A?") == [1.5]
        assert wire.sent == ["A?", "*IDN?", "A?"], "brought back into step in between"
        assert box.repeated == {"timeouts": 0, "unreadable": 1}


def test_an_answer_of_the_wrong_kind_every_time_is_one_error_that_shows_it():
    box = Box(Wire(lambda command: IDENTITY if command == "*IDN?" else "what"), "box", retries=2)
    with pytest.raises(ReplyError, match=r"wanted numbers .* 'A\?', got 'what'.*asked 3 times"):
        box.values("A?")
    assert box.repeated == {"timeouts": 0, "unreadable": 2}


def test_an_answer_that_belongs_to_another_question_is_not_taken_for_the_next():
    """One stray line waits; the first question gets it, and the answers stay in step afterwards."""
    wire = Wire(lambda command: {"*IDN?": IDENTITY, "A?": "1", "B?": "2"}[command])
    wire.queue.append([0, "welcome"])
    box = Box(wire, "box", retries=1)
    assert box.values("A?") == [1.0]
    assert box.values("B?") == [2.0]


def test_connecting_again_and_again_leaves_nothing_behind():
    connected = [SG384(SimulatedAdapter(devices.SG384(make_world()))) for _ in range(5)]
    handlers = logging.getLogger("Adapter").handlers
    assert len(handlers) <= 1
    with pytest.raises(ConnectionFailedError):
        SG384("TCPIP::none::such", visa_library="@py")
    assert len(handlers) <= 1
    assert connected[-1].ask("*IDN?").startswith("Stanford Research Systems,SG384")

"""Who is heard by a host, and by whom a client is answered: both ends in this process."""

import socket
import sys
import threading
from multiprocessing.connection import Connection

import pytest

from labspin.data.plain import pack, unpack
from labspin.errors import ArgumentError, ConnectionFailedError, StationError
from labspin.session import host_wire
from labspin.session.host_record import claimed, host_file, host_of, new_record, refuse_hosted
from labspin.session.host_wire import Server, dial
from tests.places import PATIENCE
from tests.some import some

SECRET = "that nobody guesses"


@pytest.fixture
def served():
    """A server that answers with what it was asked, and a list of that."""
    asked = []

    def answer(verb, arguments):
        if verb == "refuse":
            raise ArgumentError("wanted something else")
        asked.append((verb, arguments))
        return {"said": verb}

    server = Server(SECRET, answer)
    yield server, asked
    server.close()


def test_who_knows_the_secret_is_answered(served):
    server, asked = served
    line = dial(server.port, SECRET, "gone")
    assert line.ask("set", {"name": "magnet.current", "value": 1.0}) == {"said": "set"}
    assert asked == [("set", {"name": "magnet.current", "value": 1.0})]
    with pytest.raises(ArgumentError, match="wanted something else"):
        line.ask("refuse", {})
    line.close()


def challenged(port):
    """Return a connection whose other end has sent its challenge."""
    plug = socket.create_connection(("127.0.0.1", port))
    return plug, Connection(plug.dup().detach())


def ordered(connection):
    """Give an order all the same."""
    connection.send_bytes(pack({"verb": "set", "arguments": {}}))
    return unpack(connection.recv_bytes())


def test_who_cannot_answer_the_challenge_is_not_heard(served):
    server, asked = served
    plug, connection = challenged(server.port)
    with plug, connection:
        assert connection.recv_bytes().startswith(b"#CHALLENGE#")
        connection.send_bytes(b"not the answer")
        assert connection.recv_bytes() == b"#FAILURE#"
        with pytest.raises((EOFError, OSError)):
            ordered(connection)
    assert asked == []


def test_a_client_tells_nothing_to_who_took_the_port_of_a_host():
    """A host that is gone may have left its port to any program, which lets everybody in."""
    heard = []
    listener = socket.create_server(("127.0.0.1", 0))

    def impostor():
        plug, _ = listener.accept()
        with plug, Connection(plug.dup().detach()) as connection:
            connection.send_bytes(b"#CHALLENGE#" + 20 * b"x")
            connection.recv_bytes()
            connection.send_bytes(b"#WELCOME#")
            try:
                while True:
                    heard.append(connection.recv_bytes())
                    connection.send_bytes(b"whatever")
            except (EOFError, OSError):
                return  # the client has hung up

    thread = threading.Thread(target=impostor)
    thread.start()
    with pytest.raises(ConnectionFailedError):
        dial(listener.getsockname()[1], SECRET, "gone").ask("set", {"value": 1.0}, patience=PATIENCE)
    thread.join(PATIENCE)
    listener.close()
    assert not thread.is_alive()
    assert heard[0].startswith(b"#CHALLENGE#")
    assert all(message.startswith(b"#") for message in some(heard)), "no order"


def test_a_host_listens_to_this_computer_only(served):
    server, _ = served
    assert server._socket.getsockname()[0] == "127.0.0.1"


def test_a_message_without_end_is_not_taken(monkeypatch):
    monkeypatch.setattr(host_wire, "_LONGEST", 1000)
    asked = []
    server = Server(SECRET, lambda verb, arguments: asked.append(verb))
    line = dial(server.port, SECRET, "gone")
    with pytest.raises(ConnectionFailedError):
        line.ask("set", {"value": "x" * 2000})
    server.close()
    assert asked == []


def test_who_says_nothing_is_let_go_in_time(monkeypatch):
    monkeypatch.setattr(host_wire, "_HANDSHAKE", 0.2)
    server = Server(SECRET, lambda verb, arguments: None)
    plug, connection = challenged(server.port)
    with plug, connection:
        connection.recv_bytes()  # the challenge, which stays without an answer
        assert connection.poll(PATIENCE)
        with pytest.raises((EOFError, OSError)):
            connection.recv_bytes()
    server.close()


def test_a_host_that_does_not_answer_is_not_waited_for():
    is_over = threading.Event()
    server = Server(SECRET, lambda verb, arguments: is_over.wait(PATIENCE))
    line = dial(server.port, SECRET, "gone")
    asking, found = threading.Event(), []

    def ask():
        try:
            line.ask("status", {}, patience=0.2)
        except ConnectionFailedError as error:
            found.append(str(error))
        asking.set()

    threading.Thread(target=ask, daemon=True).start()
    assert asking.wait(PATIENCE / 4)
    is_over.set()
    server.close()
    assert found == ["gone: no answer to 'status' within 0.2 s"]


# -- the file of a host -----------------------------------------------------------------------------------


@pytest.fixture
def station(tmp_path):
    path = tmp_path / "instruments" / "lab.toml"
    path.parent.mkdir()
    path.write_text("")
    return path


def publish(claim, station, *, simulated):
    claim.publish(new_record(station, "lab", simulated=simulated, port=1, secret=claim.secret))


@pytest.mark.skipif(sys.platform == "win32", reason="others have no rights there anyway")
def test_only_its_user_reads_the_secret_of_a_host(station):
    path = host_file(station)
    path.parent.mkdir()
    path.touch(mode=0o644)  # as another program may have left it
    with claimed(station, "lab") as claim:
        publish(claim, station, simulated=False)
        assert claim.secret in path.read_text()
        assert path.stat().st_mode & 0o077 == 0


def test_real_instruments_of_a_host_are_not_connected_beside_it(station):
    with claimed(station, "lab") as claim:
        publish(claim, station, simulated=True)
        refuse_hosted(station)
        publish(claim, station, simulated=False)
        with pytest.raises(StationError, match="held by the host"):
            refuse_hosted(station)
    refuse_hosted(station)


def test_a_host_that_has_died_is_none(station):
    """Its file is as it was; only the lock is gone."""
    with claimed(station, "lab") as claim:
        publish(claim, station, simulated=False)
        assert host_of(station) is not None
        left = host_file(station).read_text()
    host_file(station).write_text(left)
    assert host_of(station) is None

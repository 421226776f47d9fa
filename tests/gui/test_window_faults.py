"""What goes wrong while the window is open is said in it, and nothing is lost."""

import functools
import resource
import shutil
import sys
import threading
from pathlib import Path

import pytest

from tests.qt import PATIENCE, WHY_NOT

if WHY_NOT:
    pytest.skip(WHY_NOT, allow_module_level=True)

from labspin.data import read_run
from labspin.gui.link import HostLink
from labspin.gui.tasks import in_background
from labspin.session.host_record import claimed, new_record
from labspin.session.host_wire import PROTOCOL, Server
from tests.bench.killed_runs import ServedBench
from tests.session.hosts import HostProcess, make_workspace, wait_for_run


@pytest.fixture
def until(qtbot):
    return functools.partial(qtbot.waitUntil, timeout=PATIENCE)


@pytest.fixture
def impatient(tmp_path):
    """A served bench whose microwave source is lost after 0.4 s without an answer, and not asked twice."""
    with ServedBench(tmp_path) as served:
        head, tail = served.station.read_text().split("[instruments.microwave]", 1)
        assert 'timeout = "2 s"' in tail
        brief = tail.replace('timeout = "2 s"', 'timeout = "0.4 s"\nretries = 0', 1)
        served.station.write_text(f"{head}[instruments.microwave]{brief}")
        yield served


def test_an_instrument_that_is_lost_is_named_and_the_others_go_on(until, tmp_path, open_window, impatient):
    with HostProcess(impatient.station, "--interval", "0.2") as host:
        host.client()
        window = open_window(tmp_path)
        panel = lambda: window.bench.panels.get("microwave")  # noqa: E731 - built when the host answers
        until(lambda: panel() is not None and panel().values["microwave.frequency"].text().endswith("Hz"))
        assert window.kind.text() == "REAL"
        answers = impatient.devices["microwave"].receive
        impatient.devices["microwave"].receive = lambda data: None  # it hears, and says nothing any more
        until(lambda: "lost: microwave" in window.state.text())
        until(lambda: panel().values["microwave.frequency"].text() == "—")
        assert panel().problem.isVisibleTo(panel())
        assert "microwave" in window.notice.text.text()
        before = window.link.status["readings"]["magnet.current"]["time"]
        until(lambda: window.link.status["readings"]["magnet.current"]["time"] > before)
        assert window.safe_button.isEnabled()
        impatient.devices["microwave"].receive = answers
        until(lambda: "lost" not in window.state.text())
        until(lambda: panel().values["microwave.frequency"].text().endswith("Hz"))


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs prlimit")
def test_a_disk_that_is_full_ends_the_run_with_a_sentence_and_every_point_is_kept(
    until, tmp_path, open_window
):
    lab = make_workspace(tmp_path / "lab")
    with HostProcess(lab / "instruments" / "levitated-diamond.toml") as host:
        client = host.client()
        window = open_window(lab)
        until(lambda: bool(window.link.status.get("readings")))
        resource.prlimit(host.process.pid, resource.RLIMIT_FSIZE, (60_000, 60_000))
        client.add(lab / "procedures" / "quick.toml", overrides=["averages=200"])
        client.start()
        path = wait_for_run(client)["run"]["path"]
        until(lambda: window.notice.isVisible() and "quick" in window.notice.text.text())
        assert "Traceback" not in window.notice.text.text()
        until(lambda: window.link.status["run"] is None)
        until(lambda: bool(window.see.frames) and window.see.frames[0].run.status != "running")
        kept = len(read_run(path).points)
        assert kept > 0
        assert len(window.see.frames[0].run.points) == kept
        assert window.link.is_connected


def test_a_host_of_another_version_is_named_with_what_to_do(until, tmp_path, open_window):
    lab = make_workspace(tmp_path / "lab")
    station = lab / "instruments" / "levitated-diamond.toml"
    asked = []

    def answer(verb, arguments):
        asked.append(verb)
        return [] if verb == "safe" else {"protocol": PROTOCOL - 1, "version": "0.0.9", "process": 1}

    with claimed(station, "levitated diamond") as claim:
        server = Server(claim.secret, answer)
        try:
            claim.publish(
                new_record(
                    station, "levitated diamond", simulated=True, port=server.port, secret=claim.secret
                )
            )
            window = open_window(lab)
            until(lambda: "is of labspin 0.0.9" in window.notice.text.text())
            assert "labspin bench stop" in window.notice.text.text()
            assert window.state.text() == "not connected"
            window.connect_chosen()
            until(lambda: window.connect_button.isEnabled())
            assert not window.link.is_connected
            window.make_safe()
            until(lambda: "safe" in asked)  # what every release understands
        finally:
            server.close()


@pytest.mark.parametrize("text", ["[units]\nfield = 'parsec'\n", "data = 3\n", "nonsense"])
def test_a_workspace_file_edited_to_nonsense_is_said_and_the_window_opens(until, tmp_path, open_window, text):
    lab = make_workspace(tmp_path / "lab")
    (lab / "workspace.toml").write_text(text)
    window = open_window(lab)
    until(lambda: "workspace.toml" in window.notice.text.text())
    assert window.start.stations.count() == 1
    window.tabs.setCurrentWidget(window.browse)
    window.browse.look()


@pytest.mark.skipif(sys.platform != "linux", reason="permissions of other systems differ")
def test_a_file_of_the_layout_that_is_rubbish_does_not_keep_the_window_shut(until, tmp_path, open_window):
    lab = make_workspace(tmp_path / "lab")
    (lab / ".labspin").mkdir()
    (lab / ".labspin" / "window.ini").write_bytes(
        b"[General]\ngeometry=@Variant(nonsense)\ntab=seven\n\0\xff"
    )
    window = open_window(lab)
    assert window.tabs.currentIndex() >= 0


class _SlowHost:
    """A client whose bench is described only when it is let."""

    record = None

    def __init__(self):
        self.may_answer, self.is_closed = threading.Event(), False

    def describe(self):
        self.may_answer.wait(PATIENCE / 1000)
        return {}

    def close(self):
        self.is_closed = True


def test_a_host_that_begins_later_is_found_and_no_other_takes_its_place(until, tmp_path, open_window):
    """Without *Connect*; an order goes to the bench that is before the eyes, or to none."""
    lab = make_workspace(tmp_path / "lab")
    first = lab / "instruments" / "levitated-diamond.toml"
    second = shutil.copy(first, lab / "instruments" / "second.toml")
    window = open_window(lab)
    assert not window.link.is_connected
    with HostProcess(second) as other:
        until(lambda: window.link.is_connected)
        assert Path(window.link.record.station) == second
        other.kill()
        until(lambda: not window.link.is_connected)
    with claimed(first, "first") as claim:
        claim.publish(new_record(first, "first", simulated=True, port=1, secret=claim.secret))
        with HostProcess(second):
            until(lambda: window.link.is_connected)
            assert Path(window.link.record.station) == second


def test_a_host_that_describes_its_bench_after_the_link_was_closed_is_let_go(qtbot):
    link, client, seen = HostLink(), _SlowHost(), []
    link.connected.connect(seen.append)
    link.follow(client)
    link.close()
    client.may_answer.set()
    qtbot.waitUntil(lambda: client.is_closed, timeout=PATIENCE)
    assert seen == []


@pytest.mark.parametrize("words", ["Internal C++ object already deleted.", "Signal source has been deleted"])
def test_work_that_ends_after_its_window_is_let_go(qtbot, words):
    reported = threading.Event()

    def done(_):
        reported.set()
        raise RuntimeError(words)

    with qtbot.captureExceptions() as raised:
        in_background(lambda: None, done)
        qtbot.waitUntil(reported.is_set, timeout=PATIENCE)
    assert raised == []

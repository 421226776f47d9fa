"""Windows on a workspace with one host; everything is real but the diamond."""

import os
from pathlib import Path

import pytest

from tests.qt import PATIENCE, WHY_NOT
from tests.session.hosts import HostProcess, make_workspace, wait_until_idle


def pytest_collection_modifyitems(items):
    """Give tests of the window, which start processes and windows, more time than others."""
    folder = str(Path(__file__).parent) + os.sep
    for item in items:
        if str(item.path).startswith(folder) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(2 * PATIENCE / 1000))


@pytest.fixture(scope="package")
def lab(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("window") / "lab")


@pytest.fixture(scope="package")
def host(lab):
    with HostProcess(lab / "instruments" / "levitated-diamond.toml", "--interval", "0.2") as process:
        process.client()
        yield process


@pytest.fixture(scope="package", autouse=True)
def collector(request):
    """Free Qt's objects in its own thread only, as the window does; where there is no Qt, nothing is done."""
    if WHY_NOT:
        yield None
        return
    from labspin.gui.collector import Collector

    request.getfixturevalue("qapp")
    collector = Collector()
    yield collector
    collector.stop()


@pytest.fixture
def client(host):
    """A client beside the window; the host is idle and its queue empty."""
    client = host.client()
    if client.status()["run"]:
        client.abort(pause_queue=True)
    wait_until_idle(client)
    client.queue.clear(waiting=True)
    client.queue.resume()
    client.safe()
    return client


@pytest.fixture
def open_window(qtbot):
    """Return a function that opens a window on a folder; all are closed at the end."""
    from labspin.gui.theme import use_theme
    from labspin.gui.window import MainWindow

    before, opened = Path.cwd(), []

    def open_one(folder):
        use_theme("light")
        window = MainWindow(folder)
        opened.append(window)
        window.show()
        return window

    yield open_one
    for window in opened:
        window.close()
        window.deleteLater()
    os.chdir(before)


@pytest.fixture
def window(qtbot, lab, client, open_window):
    """A window that has found the host."""
    window = open_window(lab)
    qtbot.waitUntil(lambda: bool(window.link.status.get("readings")), timeout=PATIENCE)
    return window

"""`labspin start`: which runs it gives to the host."""

import types
from contextlib import nullcontext

import pytest

from labspin.cli import main
from labspin.session import Queue, QueuedRun


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "instruments").mkdir()
    started = []
    host = types.SimpleNamespace(
        record=types.SimpleNamespace(station=str(tmp_path / "instruments" / "mine.toml")),
        queue=Queue(tmp_path / "queue.toml"),
        start=lambda: started.append(True) or 1,
        started=started,
    )
    monkeypatch.setattr("labspin.session.connect_host", lambda station, **_: nullcontext(host))
    return host


def queued(host, station):
    run = QueuedRun(card="c.toml", label="a run", file="data/a.h5", station=station)
    host.queue.add([run])


def test_runs_for_another_station_are_named_and_not_begun(folder, capsys):
    queued(folder, "instruments/mine.toml")
    queued(folder, "instruments/other.toml")
    assert main(["start"]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "wanted runs for mine.toml, which this host holds, but run 2 is for other.toml" in said
    assert "labspin queue remove 2" in said
    assert "--on" in said
    assert not folder.started


def test_runs_for_the_station_of_the_host_are_begun(folder, capsys):
    queued(folder, "instruments/../instruments/mine.toml")
    assert main(["start"]) == 0
    assert folder.started == [True]

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
        queue=Queue(tmp_path / "queue.toml", at=tmp_path / "instruments" / "mine.toml"),
        start=lambda: started.append(True) or 1,
        started=started,
    )
    monkeypatch.setattr("labspin.session.connect_host", lambda station, **_: nullcontext(host))
    return host


def queued(host, station):
    run = QueuedRun(card="c.toml", label="a run", file="data/a.h5", station=station)
    host.queue.add([run])


def test_runs_for_another_station_are_named_and_left_waiting(folder, capsys):
    queued(folder, "instruments/mine.toml")
    queued(folder, "instruments/other.toml")
    queued(folder, "instruments/other.toml")
    assert main(["start"]) == 0
    assert "1 run waits; 2 runs wait for other: 2, 3" in " ".join(capsys.readouterr().out.split())
    assert folder.started == [True]


def test_runs_for_the_station_of_the_host_are_begun(folder, capsys):
    queued(folder, "instruments/../instruments/mine.toml")
    assert main(["start"]) == 0
    assert folder.started == [True]

"""SAFE goes to every host of a workspace, whatever one of them does."""

import threading
from types import SimpleNamespace

import pytest

pytest.importorskip("PySide6")

from labspin.errors import ConnectionFailedError, StationError
from labspin.gui import safe_order
from tests.places import PATIENCE


@pytest.fixture
def hosts(monkeypatch):
    """Hosts by name, each with what it does when it is to make its bench safe; what was made safe."""
    answers, made = {}, []

    class Client:
        def __init__(self, record, *, any_version):
            self.name = record.station

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def safe(self):
            answers[self.name]()
            made.append(self.name)
            return []

    monkeypatch.setattr(safe_order, "HostClient", Client)
    monkeypatch.setattr(
        safe_order, "find_hosts", lambda workspace: [SimpleNamespace(station=name) for name in answers]
    )
    return answers, made


@pytest.mark.parametrize("error", [ConnectionFailedError("it is silent"), StationError("its host is ending")])
def test_a_host_that_refuses_keeps_no_other_bench_from_its_safe_state(hosts, tmp_path, error):
    answers, made = hosts

    def refuse():
        raise error

    answers.update(first=refuse, second=lambda: None)
    with pytest.raises(StationError, match=f"first: {error}"):
        safe_order._make_safe(None, tmp_path)
    assert made == ["second"]


def test_a_host_that_hangs_keeps_no_other_bench_from_its_safe_state(hosts, tmp_path):
    answers, made = hosts
    is_made, may_end = threading.Event(), threading.Event()
    answers.update(first=lambda: may_end.wait(PATIENCE), second=is_made.set)
    order = threading.Thread(target=safe_order._make_safe, args=(None, tmp_path), daemon=True)
    order.start()
    try:
        assert is_made.wait(PATIENCE / 8), "while the first one hangs"
        assert "first" not in made
    finally:
        may_end.set()
        order.join(PATIENCE)
    assert sorted(made) == ["first", "second"]

"""What is done with instruments that are connected already where another cannot be."""

import pytest

from labspin.errors import ConnectionFailedError
from labspin.station import Station, load_station
from tests.places import ROOT

SIMULATED = ROOT / "instruments" / "levitated-diamond.toml"


def test_what_is_connected_already_is_closed_where_another_cannot_be(monkeypatch):
    opened, closed = [], []
    usual = Station._open

    def third_fails(self, spec, *others, **options):
        if len(opened) == 2:
            raise ConnectionFailedError(f"{spec.name!r} does not answer")
        adapter = usual(self, spec, *others, **options)
        opened.append(spec.name)
        end = adapter.close
        monkeypatch.setattr(adapter, "close", lambda: [closed.append(spec.name), end()], raising=False)
        return adapter

    monkeypatch.setattr(Station, "_open", third_fails)
    with pytest.raises(ConnectionFailedError, match="does not answer"):
        load_station(SIMULATED).connect()
    assert len(opened) == 2
    assert closed == opened[::-1]

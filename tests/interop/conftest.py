"""Served benches for foreign programs."""

from __future__ import annotations

import pytest

from labspin.station import load_station

HEADER = '[station]\nname = "interop"\n\n[simulation]\nsample = "{sample}"\nseed = 7\n\n'
SECTION = '[instruments.{name}]\nrole = "{role}"\ndriver = "{driver}"\n{more}\n\n'
ROLES = {
    "sg384": "MicrowaveSource",
    "smb100a": "MicrowaveSource",
    "scpi_source": "MicrowaveSource",
    "kepco_bop": "MagnetSupply",
    "e36312a": "MagnetSupply",
    "lakeshore425": "Gaussmeter",
    "lakeshore336": "TemperatureController",
    "lakeshore372": "TemperatureController",
    "pulse_streamer": "PulseGenerator",
    "sr830": "LockIn",
    "sr860": "LockIn",
}


@pytest.fixture
def served(tmp_path):
    """Return a function that serves instruments given as ``name=(driver, more lines)`` on free ports."""
    open_benches = []

    def start(sample="levitated_diamond", speed=1.0, **instruments):
        sections = [
            SECTION.format(name=name, role=ROLES[driver], driver=driver, more=more)
            for name, (driver, more) in instruments.items()
        ]
        path = tmp_path / f"bench{len(open_benches)}.toml"
        # Without drift, or the darkest of a few points is not always the line.
        still = "[simulation.parameters]\ndrift = 0.0\n" if sample == "levitated_diamond" else ""
        path.write_text(HEADER.format(sample=sample) + still + "".join(sections))
        bench = load_station(path).serve(port_base=0, speed=speed)
        open_benches.append(bench)
        return bench

    yield start
    for bench in open_benches:
        bench.close()

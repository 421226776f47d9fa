"""A bench that is being commissioned: some instruments are real, the others simulated."""

import dataclasses

import pytest

from labspin import cli
from labspin.analysis import write_report
from labspin.bench.claims import Claims
from labspin.data import Column, list_runs, read_run
from labspin.errors import RunAborted, SafetyError, StationError
from labspin.experiment import CountParameter, Linear, Procedure, run
from labspin.station import load_station
from tests.bench.attacks import wait_for

ELSEWHERE = """
[station]
name = "the coil next door"

[simulation]
sample = "levitated_diamond"
clock = "wall"

[instruments.magnet]
role = "MagnetSupply"
driver = "kepco_bop"
"""

STATION = """
[station]
name = "half a bench"

[simulation]
sample = "levitated_diamond"
mixed = true

[instruments.microwave]
role = "MicrowaveSource"
driver = "sg384"

[instruments.microwave.actuators.frequency]
limits = ["2 GHz", "4 GHz"]

[instruments.magnet]
role = "MagnetSupply"
driver = "kepco_bop"
address = "{address}"

[instruments.magnet.actuators.current]
limits = ["-1 A", "1 A"]
safe = "0 A"
"""


class Steps(Procedure):
    """Steps the current of a magnet, with the microwave on."""

    roles = {}  # noqa: RUF012
    quantities = (Column(name="seen", unit="A"),)
    points = CountParameter("Points", default=3)

    def plan(self):
        return Linear("magnet.current", 0.1, 0.3, self.points, unit="A")

    def prepare(self, bench):
        bench.magnet.output_enabled = True
        bench.microwave.output_enabled = True

    def measure(self, bench, point):
        return {"seen": bench.magnet.measured_current}


@pytest.fixture
def next_door(tmp_path):
    """A served supply, which stands for the real one: it is another world, behind a socket."""
    path = tmp_path / "elsewhere.toml"
    path.write_text(ELSEWHERE)
    with load_station(path).serve(port_base=0) as served:
        yield served


@pytest.fixture
def station(next_door, tmp_path):
    path = tmp_path / "station.toml"
    path.write_text(STATION.format(address=next_door["magnet"].address))
    return load_station(path)


def changed(station, tmp_path, old, new):
    path = tmp_path / "changed.toml"
    assert old in station.text
    path.write_text(station.text.replace(old, new))
    return path


def test_what_is_set_is_set_on_the_real_one(station, next_door):
    with station.connect(watchdog=False) as bench:
        bench.magnet.output_enabled = True
        bench.actuator("magnet.current").move(0.25)
        arrived = pytest.approx(0.25, rel=1e-2, abs=0)  # its coil takes its time
        assert wait_for(lambda: bench.magnet.measured_current == arrived)
        assert "magnet" not in bench.simulation.devices
        assert "microwave" in bench.simulation.devices
        bench.safe()
        assert wait_for(lambda: abs(bench.magnet.measured_current) < 1e-3)


def test_the_real_one_is_claimed(station):
    with station.connect(watchdog=False):
        (place,) = station.places(["microwave", "magnet"]).values()
        with pytest.raises(SafetyError):
            Claims.take({"magnet": place}, patience=0.1)


def test_the_watchdog_takes_care_of_the_real_one_only(station):
    assert station.kind == "mixed"
    assert not station.simulated
    with station.connect() as bench:
        command = bench._watchdog._command
    assert "magnet" in command
    assert "microwave" not in command


def test_a_run_says_everywhere_that_it_is_mixed(station, tmp_path, capsys):
    told = []

    class Listener:
        def on_start(self, header, total):
            pass

        def on_point(self, index, values, done, total):
            pass

        def on_event(self, kind, message):
            told.append((kind, message))

        def on_finish(self, outcome):
            pass

    folder = tmp_path / "data"
    with station.connect(watchdog=False) as bench:
        run(Steps(), bench, folder / "run.h5", observers=[Listener()])
    recorded = read_run(folder / "run.h5")
    (warning,) = [event.message for event in recorded.events_of("warning")]
    assert warning.startswith("MIXED BENCH: simulated are microwave, real are magnet; ")
    assert ("warning", warning) in told
    assert recorded.header.simulated == "microwave"
    assert recorded.header.station["kind"] == "mixed"
    (summary,) = list_runs(folder)
    assert summary.mixed == "microwave"
    assert cli.main(["ls", str(folder)]) == 0
    assert "MIXED: microwave simulated" in " ".join(capsys.readouterr().out.split())
    page = write_report(folder / "run.h5", tmp_path / "report.html")
    assert "MIXED: microwave simulated" in page.read_text(encoding="utf-8")
    assert cli.main(["show", str(station.path)]) == 0
    assert "MIXED, simulated are microwave" in capsys.readouterr().out


def test_a_mixed_run_is_summed_up_while_it_lasts(station, tmp_path):
    found = []

    class Peek(Steps):
        def measure(self, bench, point):
            found.extend(list_runs(tmp_path / "data"))
            raise RunAborted("enough")

    with station.connect(watchdog=False) as bench:
        run(Peek(), bench, tmp_path / "data" / "run.h5")
    assert found[0].mixed == "microwave"


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("mixed = true", "", "unless \\[simulation\\] says mixed = true"),
        ("mixed = true", 'mixed = true\nclock = "fast"', "wanted the time of the real instruments"),
        ("[instruments.magnet]", "[instruments.magnet]\nwiring = { a = 'b' }", "belongs to a simulated"),
    ],
)
def test_a_mixture_that_makes_no_sense_is_refused(station, tmp_path, old, new, text):
    with pytest.raises(StationError, match=text):
        load_station(changed(station, tmp_path, old, new))


def test_mixed_wants_both(station, tmp_path):
    (line,) = [line for line in station.text.splitlines() if line.startswith("address")]
    with pytest.raises(StationError, match="none has an address"):
        load_station(changed(station, tmp_path, line, ""))
    everywhere = 'driver = "sg384"\naddress = "TCPIP::127.0.0.1::9::SOCKET"'
    with pytest.raises(StationError, match="all have an address"):
        load_station(changed(station, tmp_path, 'driver = "sg384"', everywhere))


def test_it_is_not_served(station):
    with pytest.raises(StationError, match="it has real addresses"):
        station.serve(port_base=0)


def test_a_composed_instrument_is_simulated_if_a_part_of_it_is(station):
    lockin = dataclasses.replace(station.instruments[0], name="readout", uses={"drive": "microwave"})
    with_readout = dataclasses.replace(station, instruments=(*station.instruments, lockin))
    assert with_readout.simulated_among(["magnet", "readout"]) == ["readout"]

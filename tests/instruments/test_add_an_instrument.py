"""The pages of instruments: the list is what the code says, and the how-to works as it is written."""

import importlib.util
import re
from pathlib import Path

import pytest

from labspin import plugins
from labspin.cli import main
from labspin.errors import ConfigurationError, LimitError, StationError
from labspin.instruments import DRIVERS, load_driver
from labspin.station import load_station

DOCS = Path(__file__).resolve().parents[2] / "docs"
TEXT = (DOCS / "how-to" / "add-an-instrument.md").read_text(encoding="utf-8")
CODE, TRY, PROTOCOL = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
STATION, ENTRY_POINT = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    assert main(["init", str(tmp_path / "lab")]) == 0
    monkeypatch.chdir(tmp_path / "lab")
    Path("instruments/lp1.py").write_text(CODE, encoding="utf-8")
    Path("instruments/laser.toml").write_text(STATION, encoding="utf-8")
    return tmp_path / "lab"


def test_the_page_of_instruments_is_what_the_code_says():
    spec = importlib.util.spec_from_file_location("instruments_page", DOCS / "reference" / "instruments.py")
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    written = page.PAGE.read_text(encoding="utf-8")
    assert all(f"\n## {name}\n" in written for name in DRIVERS)
    assert written == page.render(), "run: python docs/reference/instruments.py"


def test_the_device_of_the_how_to_is_found_and_identified(workspace, capsys):
    (line,) = re.findall(r"```console\n(.*)\n```", TEXT)
    capsys.readouterr()
    assert main(line.split()[1:]) == 0
    assert "Acme,LP1,0042,1.3" in capsys.readouterr().out


def test_the_device_of_the_how_to_does_what_the_page_says(workspace, capsys):
    exec(compile(TRY, "try", "exec"), {})
    assert capsys.readouterr().out == re.search(r"```text\n(.*?)```", TEXT, re.DOTALL)[1]
    exec(compile(PROTOCOL, "protocol", "exec"), {})


def test_the_device_of_the_how_to_is_bounded_and_made_safe(workspace):
    with load_station("instruments/laser.toml").connect() as bench:
        bench.laser.power = 3e-3
        with pytest.raises((LimitError, StationError), match=r"0 W to 4 mW"):
            bench.laser.power = 4.5e-3
        with pytest.raises(LimitError, match=r"LP1 power: wanted 0 W to 5 mW, got 0\.006"):
            bench.raw("laser", reason="try the limits of the driver itself").device.power = 6e-3
        assert bench.simulation.world.level("laser.power") == 3e-3
        bench.laser.safe()
        assert bench.simulation.world.level("laser.power") == 0.0


def test_the_device_of_the_how_to_is_served_to_other_programs(workspace):
    import pyvisa

    with load_station("instruments/laser.toml").serve() as bench:
        manager = pyvisa.ResourceManager("@py")
        line = manager.open_resource(
            bench["laser"].address, read_termination="\n", write_termination="\n", timeout=2000
        )
        assert line.query("*IDN?") == "Acme,LP1,0042,1.3"
        assert line.query("POW 9;SYST:ERR?").startswith("-222")
        line.close()
        manager.close()


def test_the_entry_point_of_the_how_to_names_the_driver(workspace, tmp_path, monkeypatch):
    (tmp_path / "acme_lp1.py").write_text(CODE, encoding="utf-8")
    information = tmp_path / "acme_lp1-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-lp1\nVersion: 1.0\n")
    group, line = re.fullmatch(r'\[project\.entry-points\."(.*)"\]\n(.*)\n', ENTRY_POINT).groups()
    (information / "entry_points.txt").write_text(f"[{group}]\n{line.replace(chr(34), '')}\n")
    with pytest.raises(ConfigurationError):
        load_driver("lp1")
    monkeypatch.syspath_prepend(tmp_path)
    plugins.installed.cache_clear()
    assert load_driver("lp1").role == "LaserPower"

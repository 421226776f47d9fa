"""What a laboratory adds is short, and works as its page has it."""

import json
import re
import runpy
import shutil
from pathlib import Path

import pytest

from labspin.cli import main
from tests.some import some

TEXT = (Path(__file__).resolve().parents[1] / "docs/how-to/extend.md").read_text(encoding="utf-8")
METER, TEST, PROCEDURE, MODEL = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
STATION, CARD, RECIPE = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = "".join(re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)).splitlines()


@pytest.fixture
def lab(tmp_path, monkeypatch):
    assert main(["init", str(tmp_path / "lab"), "--no-examples"]) == 0
    monkeypatch.chdir(tmp_path / "lab")
    for name, text in {
        "instruments/meter.py": METER,
        "tests/test_meter.py": TEST,
        "procedures/light_saturation.py": PROCEDURE,
        "procedures/light_saturation.toml": CARD,
        "analysis/light.py": MODEL,
        "analysis/light.toml": RECIPE,
    }.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    shutil.copy("instruments/levitated-diamond.toml", "instruments/meter.toml")
    with Path("instruments/meter.toml").open("a", encoding="utf-8") as station:
        station.write(f"\n{STATION}")
    return tmp_path / "lab"


def lines(*texts):
    return sum(text.strip().count("\n") + 1 for text in texts)


def test_each_part_is_short():
    own = STATION.partition("[instruments.laser]")[0]  # the laser is one of labspin's
    assert lines(METER, TEST, own) <= 60
    assert lines(PROCEDURE, CARD) <= 30
    assert lines(MODEL, RECIPE) <= 25


def test_the_meter_passes_its_own_test(lab):
    tests = {name: one for name, one in runpy.run_path("tests/test_meter.py").items() if name[:5] == "test_"}
    for test in tests.values():
        test()
    assert tests.keys() == {"test_wire", "test_bench"}


def test_the_commands_of_the_page_lead_to_the_fit(lab, capsys):
    assert COMMANDS[0].startswith("cp ")
    for command in some(COMMANDS[1:-1]):
        assert main(command.split()[1:]) == 0, command
    assert "wavelength" in capsys.readouterr().out
    assert main(COMMANDS[-1].split()[1:]) == 0
    capsys.readouterr()
    (path,) = Path("data").glob("*.h5")
    assert main(["fit", str(path), "--json"]) == 0
    found = {row["parameter"]: row for row in json.loads(capsys.readouterr().out)["fits"]}
    assert found["rate"]["value"] > 0
    assert 0 < found["saturation_power"]["value"] < 1
    assert found["rate"]["stderr"] < 0.1 * found["rate"]["value"]

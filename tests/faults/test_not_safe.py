"""A bench that could not be made safe is said so by exit code, output, list and report."""

import json
import re
from unittest import mock

import pytest

from labspin.analysis import write_report
from labspin.bench import Bench
from labspin.cli import main
from labspin.data import EventKind, read_run
from labspin.errors import InterlockError
from labspin.procedures import load_procedure
from tests.faults.reduced_cards import CARDS, REDUCED, reduced_runs

RUNS = reduced_runs(every_run=False)


def breaking(name, kind="drop"):
    """Let one instrument fail for good from the moment at which the bench is to be made safe."""
    make_safe = Bench.safe

    def safe(bench):
        bench.simulation.devices[name].faults.add(kind, times=-1)
        return make_safe(bench)

    return mock.patch.object(Bench, "safe", safe)


def reduced_card(folder, name):
    """Write the card with its reduced parameters, and its scan if it has one."""
    run = RUNS[name]
    procedure = run.procedure()
    values = {key: json.dumps(value) for key, value in REDUCED[run.card.stem].items()}
    text = run.card.read_text(encoding="utf-8")
    lines = [f"procedure = {json.dumps(procedure.name)}", f"station = {json.dumps(str(run.station.path))}"]
    own = re.search(r"^\[parameters\]\n(.*?)(?=^\[\[|\Z)", text, re.DOTALL | re.MULTILINE)
    kept = [line for line in own[1].splitlines() if line.partition("=")[0].strip() not in values]
    card = folder / f"{run.card.stem}.toml"
    table = [f"{key} = {value}" for key, value in values.items()]
    scan = re.search(r"^\[scan\]\n.*?(?=^\[)", text, re.DOTALL | re.MULTILINE)
    lines += [scan[0]] if scan else []
    card.write_text("\n".join([*lines, "[parameters]", *kept, *table]), encoding="utf-8")
    return card


def first_to_be_safe(name):
    """Return an instrument of the card's bench that has a simulated device, magnets first."""
    with RUNS[name].connect() as bench:
        there = [one for one in bench.safe_order if one in bench.simulation.devices]
        return "magnet" if "magnet" in there else there[0]


# One card for every kind of bench; the others say the same by the same way.
ONE_OF_A_KIND = {"film_approach", "hahn_echo", "mdmr_lockin", "mrfm_temperature", "rabi", "relaxometry"}


def test_there_is_a_card_for_every_kind_of_bench():
    assert {RUNS[name].station.path for name in ONE_OF_A_KIND} == {RUNS[name].station.path for name in CARDS}


@pytest.mark.parametrize(
    "name",
    [name if name in ONE_OF_A_KIND else pytest.param(name, marks=pytest.mark.slow) for name in CARDS],
)
def test_whoever_looks_sees_that_the_bench_is_not_safe(name, tmp_path, capsys, caplog, monkeypatch):
    monkeypatch.chdir(tmp_path)
    card, broken = reduced_card(tmp_path, name), first_to_be_safe(name)
    with breaking(broken):
        code = main(["run", str(card), "--quiet", "--output", "data"])
    printed = capsys.readouterr().out
    assert code == 4, printed
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert any(re.match(rf"not made safe: {broken}: .*; check it by hand", error) for error in errors)
    assert re.match(rf"NOT SAFE: .*{broken}", printed)
    (path,) = (tmp_path / "data").glob("*.h5")

    recorded = read_run(path)
    assert recorded.status == "finished"
    assert broken in recorded.unsafe
    failed = [e for e in recorded.events_of(EventKind.SAFE_ACTION) if not e.data["ok"]]
    assert {event.data["instrument"] for event in failed} == set(recorded.unsafe)

    assert main(["ls", "data"]) == 0
    assert re.match(rf"NOT SAFE: .*{broken}", capsys.readouterr().out)

    page = write_report(path).read_text(encoding="utf-8")
    body = page.partition("<body>")[2]
    assert re.match(rf"\s*NOT SAFE: .*{broken}", re.sub(r"<[^>]+>", " ", body))
    assert "FAILED" in body


def test_a_magnet_that_cannot_be_ramped_is_named_with_its_current(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    card = reduced_card(tmp_path, "pl_scan")
    with breaking("magnet"):
        assert main(["run", str(card), "--quiet"]) == 4
    assert re.match(r"NOT SAFE: magnet last set to [\d.]+ m?A ", capsys.readouterr().out)


def test_the_next_run_that_ends_safely_takes_the_warning_away(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    card = reduced_card(tmp_path, "rabi")
    with breaking("microwave"):
        assert main(["run", str(card), "--quiet", "--json"]) == 4
    (record,) = json.loads(capsys.readouterr().out)
    assert record["safe"] is False
    assert list(record["unsafe"]) == ["microwave"]
    assert main(["run", str(card), "--quiet"]) == 0
    capsys.readouterr()
    assert main(["ls"]) == 0
    printed = capsys.readouterr().out
    assert not printed.startswith("NOT SAFE")
    assert "finished, NOT SAFE" in printed


def test_a_run_that_fails_on_a_bench_that_is_not_safe_says_both(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    card = reduced_card(tmp_path, "rabi")

    def measure(self, bench, point):
        raise InterlockError("the laser's door is open")

    with breaking("microwave"), mock.patch.object(load_procedure("rabi"), "measure", measure):
        assert main(["run", str(card), "--quiet"]) == 4
    said = capsys.readouterr().err
    assert re.search(r"^NOT SAFE: microwave", said, re.MULTILINE)
    assert "the laser's door is open" in said


def test_a_queue_stops_and_says_so(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    card = reduced_card(tmp_path, "rabi")
    assert main(["queue", "add", str(card), "--repeat", "2"]) == 0
    with breaking("microwave"):
        assert main(["queue", "run", "--quiet"]) == 4
    assert "NOT SAFE: microwave" in capsys.readouterr().out
    assert main(["queue", "list"]) == 0
    listed = capsys.readouterr().out
    assert "(paused at levitated-diamond)" in listed
    assert "NOT SAFE" in listed

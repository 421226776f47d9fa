"""The page on run cards says what is so: every form of sweep there is the same in a card and in Python."""

import re
import tomllib
from pathlib import Path

import pytest

from labspin import experiment
from labspin.cli import main
from labspin.experiment import Sweep
from labspin.session import load_card

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "run-card.md").read_text(encoding="utf-8")
# A card's block and the Python block behind it.
PAIRS = re.findall(r"```toml\n([^`]*)```\n```python\n([^`]*)```", PAGE)
KINDS = [tomllib.loads(card)["parameters"]["sweep"]["sweep"] for card, _ in PAIRS]


@pytest.mark.parametrize(("card", "code"), PAIRS, ids=KINDS)
def test_a_form_is_the_same_in_a_card_and_in_python(card, code):
    described = tomllib.loads(card)["parameters"]["sweep"]
    made = eval(code, {name: getattr(experiment, name) for name in experiment.__all__})
    assert Sweep.from_dict(described) == made
    assert list(Sweep.from_dict(described)) == list(made)
    assert list(Sweep.from_dict(made.to_dict())) == list(made)


@pytest.mark.parametrize("card", [card for card, _ in PAIRS], ids=KINDS)
def test_a_form_runs_as_it_stands_on_the_page(tmp_path, card):
    (code,) = re.findall(r"```python\n(from labspin[^`]*)```", PAGE)
    (tmp_path / "mine.py").write_text(code, encoding="utf-8")
    head = f'procedure = "mine.py:Currents"\nstation = "{ROOT}/instruments/levitated-diamond.toml"\n'
    (tmp_path / "mine.toml").write_text(head + card, encoding="utf-8")
    (one,) = load_card(tmp_path / "mine.toml").runs
    assert list(one.make().plan())


def test_every_form_stands_on_the_page():
    assert set(KINDS) == set(Sweep._kinds)


def test_the_card_and_the_procedure_of_the_page_run(tmp_path, capsys):
    (card,) = re.findall(r"```toml\n(procedure = [^`]*)```", PAGE)
    (tmp_path / "t1.toml").write_text(card.replace("..", str(ROOT)), encoding="utf-8")
    assert [run.label for run in load_card(tmp_path / "t1.toml").runs] == [
        "one class alone", "two classes resonant",
    ]  # fmt: skip
    assert main(["check", str(tmp_path / "t1.toml")]) == 0
    (code,) = re.findall(r"```python\n(from labspin[^`]*)```", PAGE)
    (tmp_path / "mine.py").write_text(code, encoding="utf-8")
    form = next(card for card, _ in PAIRS if '"values"' in card)
    (tmp_path / "mine.toml").write_text(
        f'procedure = "mine.py:Currents"\nstation = "{ROOT}/instruments/levitated-diamond.toml"\n'
        f"{form}", encoding="utf-8",
    )  # fmt: skip
    assert main(["run", str(tmp_path / "mine.toml"), "--quiet", "--output", str(tmp_path)]) == 0
    assert "finished: 3 points" in capsys.readouterr().out

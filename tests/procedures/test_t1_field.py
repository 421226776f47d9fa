from pathlib import Path

import numpy as np
import pytest

from labspin.analysis import fit_run
from labspin.data import read_run
from labspin.errors import PlanError
from labspin.experiment import run
from labspin.procedures import T1, T1Field
from labspin.session import load_card

ROOT = Path(__file__).parents[2]
FOLLOWED = {"known_fields": ["10 G", "25 G"], "known_frequencies": ["2.79 GHz", "2.748 GHz"]}


def test_at_every_field_stands_the_plan_of_t1():
    procedure = T1Field(fields=["12 G", "20 G"], **FOLLOWED, dark_times=4, averages=2, seed=3)
    points = list(procedure.plan())
    alone = list(T1(dark_times=4, averages=2, seed=3).plan())
    assert [point.coordinates for point in points] == [point.coordinates for point in alone] * 2
    assert {point.setpoints["magnet.field"] for point in points[:8]} == {12e-4}
    assert {point.setpoints["magnet.field"] for point in points[8:]} == {20e-4}


def test_the_microwave_follows_the_transition():
    procedure = T1Field(fields=["10 G", "17.5 G", "25 G"], **FOLLOWED)
    assert procedure.frequencies() == pytest.approx([2.79e9, 2.769e9, 2.748e9], rel=1e-6, abs=0)
    one_each = T1Field(fields=["25 G", "10 G"], known_frequencies=["2.748 GHz", "2.79 GHz"])
    assert one_each.frequencies() == pytest.approx([2.748e9, 2.79e9], rel=1e-6, abs=0)
    assert T1Field(fields=["1 G", "2 G"]).frequencies() == pytest.approx([2.87e9] * 2, rel=1e-6, abs=0)


def test_between_known_frequencies_nothing_overshoots():
    known = np.array([2.79e9, 2.7901e9, 2.75e9, 2.7499e9])
    procedure = T1Field(
        fields=np.linspace(0, 3e-3, 101), known_fields=[0.0, 1e-3, 2e-3, 3e-3], known_frequencies=known
    )
    found = procedure.frequencies()
    assert found.min() >= known.min() - 1
    assert found.max() <= known.max() + 1


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"fields": ["30 G"], **FOLLOWED}, "give more of them"),
        ({"fields": ["1 G", "2 G"], "known_frequencies": ["2 GHz"]}, "a known frequency for each of 2"),
        ({"fields": ["1 G", "1 G"], "known_frequencies": ["2 GHz", "3 GHz"]}, "for 1 different fields"),
    ],
)
def test_frequencies_that_are_not_known_are_refused(parameters, text):
    with pytest.raises(PlanError, match=text):
        T1Field(**parameters).plan()


@pytest.mark.parametrize("parameters", [{"magnet_field": "3 G"}, {"magnet": "nothing"}])
def test_the_magnet_cannot_be_set_beside_the_scan(parameters):
    with pytest.raises(PlanError, match="moves the magnet's field itself"):
        T1Field(**parameters).settings()


def test_t1_falls_at_the_resonance(bench, tmp_path):
    card = load_card(ROOT / "procedures" / "t1_field.toml", overrides=["fields=11 G, 17 G", "averages=2"])
    (spec,) = card.runs
    recorded = read_run(run(spec.make(), bench, tmp_path / "run.h5").path)
    assert recorded.data["difference"].shape == (2, 2, 15)
    frequencies = recorded.data["microwave_frequency"]
    assert np.unique(frequencies[0]) != np.unique(frequencies[1])
    beside, at = ({p.name: p for p in fit.parameters} for fit in fit_run(recorded))
    assert beside["T1"].value > 1.6e-3 - 4 * beside["T1"].stderr
    assert at["T1"].value == pytest.approx(490e-6, abs=4 * at["T1"].stderr)
    assert beside["T1"].value - at["T1"].value > 3 * np.hypot(beside["T1"].stderr, at["T1"].stderr)

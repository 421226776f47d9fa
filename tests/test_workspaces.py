"""The workspace is found from every folder in it, and says what holds for all runs."""

from pathlib import Path

import numpy as np
import pytest

from labspin.errors import ConfigurationError
from labspin.workspaces import belonging_to, find_workspace, liked_units

FILE = """
operator = "M. Curie"
project = "torque"
data = "measured"
[samples.D7]
description = "15 µm diamond"
[samples.D8]
"""


@pytest.fixture
def lab(tmp_path, monkeypatch):
    (tmp_path / "workspace.toml").write_text(FILE, encoding="utf-8")
    (tmp_path / "measured" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_is_the_same_from_every_folder_in_it(lab, monkeypatch):
    assert find_workspace().data == Path("measured")
    monkeypatch.chdir(lab / "measured" / "deep")
    found = find_workspace()
    assert (found.root, found.data) == (lab, lab / "measured")
    assert (found.operator, found.project) == ("M. Curie", "torque")
    assert found.samples == {"D7": "15 µm diamond", "D8": ""}


def test_a_file_belongs_to_its_workspace_from_outside_of_it(lab, tmp_path_factory, monkeypatch):
    outside, other = tmp_path_factory.mktemp("outside"), tmp_path_factory.mktemp("other")
    (other / "workspace.toml").write_text('[units]\nfield = "G"', encoding="utf-8")
    (lab / "measured" / "linked.toml").symlink_to(outside / "card.toml")
    monkeypatch.chdir(outside)
    for place in (lab / "measured" / "run.h5", lab / "measured", lab / "measured" / "linked.toml"):
        with belonging_to(place, outside / "no-workspace.h5"):
            assert find_workspace().data == lab / "measured"
    with belonging_to(lab):
        with belonging_to(other):
            assert (find_workspace().root, liked_units()) == (other, {"field": "G"})
        with belonging_to(outside):
            assert find_workspace().root == lab
    for places in ([], [outside / "card.toml"], [lab / "a.h5", other / "a.h5"], [Path("no\0file")]):
        with belonging_to(*places):
            assert find_workspace().root == Path()
    monkeypatch.chdir(other)
    with belonging_to(lab / "measured" / "run.h5"):
        assert (find_workspace().root, liked_units()) == (lab, {})
    assert liked_units() == {"field": "G"}


def test_it_says_in_which_units_quantities_are_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_workspace().units == {}
    (tmp_path / "workspace.toml").write_text('[units]\nfield = "G"\nfrequency = "MHz"')
    assert find_workspace().units == {"field": "G", "frequency": "MHz"}


def test_without_a_file_the_current_folder_is_the_workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_workspace().data == Path("data")
    assert find_workspace().check_sample("anything") == "anything"


def test_a_sample_that_is_not_registered_is_refused(lab):
    found = find_workspace()
    assert found.check_sample("D7") == "D7"
    assert found.check_sample("") == ""
    with pytest.raises(
        ConfigurationError,
        match=r"sample 'D9': wanted one of D7, D8; for a new one add a table \[samples\.D9\] to",
    ):
        found.check_sample("D9")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("operater = 'x'", "line 1: operater: is not known here; did you mean 'operator'"),
        ("operator = 3", "line 1: operator: wanted text, got 3"),
        ("[samples.D7]\ndescripton = 'x'", r"line 2: samples\.D7\.descripton: .* did you mean 'description'"),
        ("[units]\nfeild = 'G'", r"line 2: units\.feild: wanted one of field, .* did you mean 'field'"),
        (
            "[units]\nfield = 'MHz'",
            r"line 2: units\.field: unit 'MHz' cannot be converted to 'T'; write the value in 'T'$",
        ),
        ("[units]\nfield = 3", r"line 2: units\.field: wanted text, got 3"),
        ("[", "is not TOML"),
    ],
)
def test_a_file_that_cannot_be_meant_says_where(tmp_path, monkeypatch, text, match):
    (tmp_path / "workspace.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=match):
        find_workspace()


def test_a_workspace_shows_its_units_in_text_and_on_axes(tmp_path, monkeypatch):
    """And what is changed in its file holds at once."""
    from labspin.analysis.names import place_words
    from labspin.analysis.outcome import with_error
    from labspin.analysis.pictures.plots import axis_scale
    from labspin.analysis.report.words import with_unit
    from labspin.experiment import PlanReport

    monkeypatch.chdir(tmp_path)
    assert with_error(1.69e-3, 2e-5, "T") == "1.690 ± 0.020 mT"
    (tmp_path / "workspace.toml").write_text('[units]\nfield = "G"\nfrequency = "MHz"\n', "utf-8")
    assert with_error(1.69e-3, 2e-5, "T") == "16.90 ± 0.20 G"
    assert place_words("magnet_field", 1.7e-3, "T") == "magnet field 17 G"
    assert with_unit(2.7705e9, "Hz") == "2770.5 MHz"
    assert axis_scale(np.array([1e-3, 2.4e-3]), "T") == (pytest.approx(1e4, rel=1e-12, abs=0), "G")
    assert PlanReport(1, {"field": (1e-3, 2e-3, "T")}).text() == "field 10 G … 20 G"
    (tmp_path / "workspace.toml").write_text('[units]\nfield = "uT"\n', "utf-8")
    assert with_error(1.69e-3, 2e-5, "T") == "1690 ± 20 uT"

"""`labspin fit FILE` of a file by another program: what it would take, why, and the fit."""

import json

import numpy as np
import pytest

from labspin.analysis import Section, fit_foreign, load_model, propose
from labspin.analysis.fitting.grids import curve_grid, fine_grid, is_log_spaced
from labspin.analysis.recipes import unaided
from labspin.analysis.recipes.foreign import fit_foreign_trace
from labspin.cli import main
from labspin.data import open_foreign
from labspin.errors import FitError, UnitError
from tests.data.foreign.samples import FOLDER


@pytest.fixture
def sample(tmp_path):
    def copied(name):
        path = tmp_path / name
        path.write_bytes((FOLDER / name).read_bytes())
        return path

    return copied


def fitted(capsys, *words):
    assert main(["fit", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("file", "model", "parameter", "value"),
    [
        ("qudi_old.dat", "lorentzian_dips", "center_1", 2.855e9),
        ("origin.txt", "stretched_exponential", "T1", 1.3e-3),
        ("sep.csv", "ring_down", "ring_down_time", 0.8),
        ("rigol_scope.csv", "rabi_oscillation", "frequency", 3.1e6),
        ("utf16.txt", "lorentzian_dips", "center_1", 637.4),
        ("percent.dat", "resonator_amplitude", "f0", 7972.0),
        ("one_port.s1p", "resonator_response", "Q", 1200.0),
        ("complex_two.csv", "resonator_response", "f0", 7972.0),
    ],
)
def test_an_unknown_file_is_fitted_unaided(sample, capsys, file, model, parameter, value):
    path = sample(file)
    answer = fitted(capsys, path)
    row = {row["parameter"]: row for row in answer["fits"]}[parameter]
    assert row["model"] == model
    assert row["value"] == pytest.approx(value, abs=4 * row["stderr"])
    assert len(answer["taken"]["why"]) >= 3
    assert answer["candidates"][0]["model"] == model
    assert answer["picture"] == str(path.with_name(f"{path.stem}-fit.png"))


def test_the_command_that_is_printed_gives_the_same_fit(sample, capsys):
    import shlex

    path = sample("origin.txt")
    assert main(["fit", str(path), "--from", "20 us"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("the same as: ")]
    words = shlex.split(line.removeprefix("the same as: labspin fit "))
    assert "--sigma" in words
    told, found = fitted(capsys, *words), fitted(capsys, path, "--from", "20 us")
    assert [row["value"] for row in told["fits"]] == [row["value"] for row in found["fits"]]


def test_what_is_not_clear_is_shown_and_not_fitted(sample, capsys):
    path = sample("nanonis.dat")
    assert main(["fit", str(path)]) == 1
    shown = capsys.readouterr()
    assert "x = Bias calc" in shown.out
    assert "none is clear" in shown.out
    assert "name the model: labspin fit" in shown.err
    assert not list(path.parent.glob("*.png"))
    path = sample("rohde_fsv.dat")
    assert main(["fit", str(path)]) == 1
    assert "y is a level in dBm" in capsys.readouterr().err


def test_a_spectrum_that_says_its_averages_is_fitted_by_its_statistics(tmp_path, capsys):
    """Measured elsewhere; least squares would take it for three lines within each other."""
    path = tmp_path / "spectrum.h5"
    path.write_bytes((FOLDER.parents[1] / "brownian_thermal_spectrum.h5").read_bytes())
    row = {row["parameter"]: row for row in fitted(capsys, path)["fits"]}["ring_down_time"]
    assert row["model"] == "thermal_spectrum"
    assert row["value"] == pytest.approx(0.399, abs=0.032)


def test_lines_within_each_other_are_no_clear_fit(tmp_path, capsys):
    x = np.linspace(2.8e9, 2.9e9, 301)
    shape = 1 / (1 + np.abs((x - 2.85e9) / 4e6) ** 1.2)
    path = tmp_path / "cusp.csv"
    y = 1 - 0.1 * shape + np.random.default_rng(3).normal(0, 2e-4, 301)
    np.savetxt(path, np.column_stack([x, y]), delimiter=",", header="f (Hz),pl", comments="")
    assert main(["fit", str(path)]) == 1
    assert "name the model" in capsys.readouterr().err


def test_noise_is_no_line(tmp_path, capsys):
    x = np.linspace(2.8e9, 2.9e9, 101)
    y = 1 + np.random.default_rng(3).normal(0, 1e-3, 101)
    path = tmp_path / "noise.csv"
    np.savetxt(path, np.column_stack([x, y]), delimiter=",", header="f (Hz),pl", comments="")
    assert main(["fit", str(path)]) == 1
    assert "name the model" in capsys.readouterr().err


def test_a_model_alone_takes_the_columns_of_the_file(sample, capsys):
    rows = fitted(capsys, sample("qudi.dat"), "--model", "gaussian_dips", "--option", "count=2")["fits"]
    assert rows[0]["quantity"] == "Signal"


def test_a_section_is_by_value_and_by_number(sample):
    path = sample("qudi.dat")
    told = {"x": "Frequency", "y": "Signal", "model": "lorentzian_dips"}
    outcome = fit_foreign(path, **told, section=Section("2.86 GHz", 2.91e9, 3, 2))
    assert outcome.x.min() >= 2.86e9
    assert outcome.x.max() <= 2.91e9
    whole = np.linspace(2.82e9, 2.92e9, 61)[3::2]
    np.testing.assert_allclose(outcome.x, whole[(whole >= 2.86e9) & (whole <= 2.91e9)], rtol=1e-12, atol=0)
    for section, error, match in (
        (Section(3e9), FitError, "no points are left"),
        (Section("2 ms"), UnitError, "wanted a quantity in 'Hz'"),
    ):
        with pytest.raises(error, match=match):
            fit_foreign(path, **told, section=section)
    with pytest.raises(FitError, match="every ≥ 1"):
        Section(every=0)


def test_complex_data_and_real_models_do_not_mix(sample):
    told = {"x": "frequency", "y": "S11"}
    with pytest.raises(FitError, match=r"complex, and model lorentzian_dips is real; fit 'abs\(S11\)'"):
        fit_foreign(sample("one_port.s1p"), **told, model="lorentzian_dips")
    with pytest.raises(FitError, match="real, and model resonator_response is complex"):
        fit_foreign(sample("percent.dat"), x="freq", y="abs(w)", model="resonator_response")
    outcome = fit_foreign(sample("one_port.s1p"), x="frequency", y="abs(S11)", model="resonator_amplitude")
    assert outcome["f0"].value == pytest.approx(7972.0, abs=4 * outcome["f0"].stderr)


def test_errors_in_another_unit_are_converted(tmp_path):
    x = np.linspace(0, 5, 40)
    y = np.exp(-x) + np.random.default_rng(1).normal(0, 0.01, 40)
    path = tmp_path / "a.csv"
    head = "t (ms),y (V),y err (mV)"
    np.savetxt(path, np.column_stack([x, y, np.full(40, 10.0)]), delimiter=",", header=head, comments="")
    told = {"x": "t", "y": "y", "model": "stretched_exponential", "sigma": "y err"}
    assert 0.3 < fit_foreign(path, **told).statistics.chi2red < 2
    path.write_text(path.read_text().replace("(mV)", "(Hz)"))
    with pytest.raises(FitError, match="wanted errors in the unit of y, 'V', got 'Hz'"):
        fit_foreign(path, **told)


def test_an_axis_is_logarithmic_only_where_points_are_spaced_so():
    assert is_log_spaced(np.geomspace(1e-6, 1e-2, 30))
    assert is_log_spaced(np.concatenate([[0.0], np.geomspace(1e-6, 1e-2, 30)]))
    assert not is_log_spaced(np.linspace(2e-9, 2e-6, 500))
    assert not is_log_spaced(np.linspace(0, 1, 500))
    assert is_log_spaced(np.geomspace(1, 50, 30))  # equal ratios over a decade
    assert not is_log_spaced(np.geomspace(1, 9, 30))
    assert not is_log_spaced(np.linspace(1, 50, 30))
    assert not is_log_spaced(np.geomspace(1, 50, 30) * (1 + 0.05 * (-1.0) ** np.arange(30)))
    assert not is_log_spaced(np.array([1.0, 5.0, 25.0]))


def test_a_curve_misses_no_narrow_line():
    x = np.linspace(2.7e9, 3.0e9, 30_001)
    model = load_model("lorentzian_dips")
    values = {"center_1": 2.87e9 + 3e3, "width_1": 3e4, "depth_1": 0.3, "offset": 1.0}
    grid = curve_grid(x, lambda at: model.evaluate(at, values))
    assert grid.size < 7000
    assert model.evaluate(grid, values).min() == pytest.approx(0.7, rel=0.01, abs=0)
    assert model.evaluate(fine_grid(x), values).min() > 0.9
    middle = (grid[1:] + grid[:-1]) / 2
    straight = np.interp(middle, grid, model.evaluate(grid, values))
    assert np.abs(straight - model.evaluate(middle, values)).max() < 0.01


KINKS = {
    "a kink": lambda t, a: np.abs(t - a),
    "a start": lambda t, a: np.exp(-9 * np.maximum(t - a, 0)),
    "a cusp": lambda t, a: np.exp(-30 * np.abs(t - a)),
    "a narrow line": lambda t, a: 1 / (1 + np.square(1200 * (t - a))),
    "two lines": lambda t, a: 1 / (1 + np.square(900 * (t - a))) + 1 / (1 + np.square(900 * (t - a - 2e-3))),
}


@pytest.mark.parametrize("name", KINKS)
def test_a_curve_is_nowhere_coarse(name):
    """Straight lines between the points of the grid leave the curve by less than a pixel anywhere."""
    x, dense = np.linspace(0, 1, 201), np.linspace(0, 1, 100_001)
    for place in np.random.default_rng(1).uniform(0.05, 0.95, 20):
        curve = lambda t, at=place: KINKS[name](t, at)  # noqa: E731
        grid = curve_grid(x, curve)
        assert grid.size < 2000
        off = np.abs(np.interp(dense, grid, curve(grid)) - curve(dense))
        assert off.max() < 4e-3 * np.ptp(curve(dense))


def test_show_lists_names_units_and_what_a_fit_would_take(sample, capsys):
    assert main(["show", str(sample("labber.hdf5"))]) == 0
    shown = capsys.readouterr().out
    assert "x = Cantilever - Frequency: the file says" in shown
    assert "complex128" in shown
    assert "resonance" in shown


def test_a_ring_down_in_decibels_and_a_derivative_are_known(tmp_path, capsys):
    rng = np.random.default_rng(0)
    t, f = np.linspace(0, 3, 200), np.linspace(2.8e9, 2.9e9, 201)
    level = 20 * np.log10(np.hypot(np.exp(-t / 0.5), 1e-3)) + rng.normal(0, 0.05, 200)
    z = (f - 2.85e9) / 4e6
    signal = -2e-3 * z / (1 + z * z) ** 2 + rng.normal(0, 1e-5, 201)
    for name, head, columns, model, parameter, value in (
        ("a.csv", "t (s),level (dB)", (t, level), "ring_down_decibel", "ring_down_time", 0.5),
        ("b.csv", "f (Hz),X (V)", (f, signal), "lorentzian_derivative", "center_1", 2.85e9),
    ):
        path = tmp_path / name
        np.savetxt(path, np.column_stack(columns), delimiter=",", header=head, comments="")
        row = {row["parameter"]: row for row in fitted(capsys, path)["fits"]}[parameter]
        assert row["model"] == model
        assert row["value"] == pytest.approx(value, abs=4 * row["stderr"])


def test_a_curve_without_lines_is_not_tried_with_eight(monkeypatch):
    """A current against voltage took 22 fits of up to 8 lines, 3.6 s."""
    tried = []

    def counted(trace, model, **settings):
        tried.append((model, settings["options"]))
        return fit_foreign_trace(trace, model, **settings)

    monkeypatch.setattr(unaided, "fit_foreign_trace", counted)
    found = propose(open_foreign(FOLDER / "nanonis.dat"))
    assert found.clear is None
    assert len(tried) <= 4, tried


def test_lines_on_a_slope_are_still_listed(tmp_path, capsys):
    x = np.linspace(2.8e9, 2.95e9, 151)
    dips = sum(0.03 / (1 + ((x - center) / 3e6) ** 2) for center in (2.84e9, 2.9e9))
    y = 1 + 0.02 * (x - x[0]) / np.ptp(x) - dips + np.random.default_rng(2).normal(0, 1e-3, x.size)
    np.savetxt(tmp_path / "a.txt", np.column_stack([x, y]), header="frequency (Hz)\tsignal", delimiter="\t")
    main(["fit", str(tmp_path / "a.txt")])
    said = capsys.readouterr()
    assert "lorentzian_dips" in said.out + said.err


def test_errors_of_single_measurements_are_left_out(tmp_path):
    """A mean of one has no scatter: the program that wrote the file says 0."""
    x = np.linspace(2.8e9, 2.94e9, 60)
    y = 1 - 0.05 / (1 + ((x - 2.87e9) / 4e6) ** 2) + np.random.default_rng(1).normal(0, 2e-3, x.size)
    path = tmp_path / "mean.csv"
    rows = (f"{a:.9g},{b:.9g},0.0" for a, b in zip(x, y, strict=True))
    path.write_text("\n".join(["Frequency (Hz),Mean,Standard_error", *rows]) + "\n")
    proposal = propose(open_foreign(path))
    assert proposal.trace.sigma is None
    assert proposal.pick.sigma == ""
    assert any("Standard_error holds errors that are not > 0" in why for why in proposal.pick.why)
    assert proposal.clear is not None
    assert proposal.clear.outcome["center_1"].value == pytest.approx(2.87e9, rel=1e-4, abs=0)


def test_a_line_in_five_points_is_no_answer(tmp_path):
    """A dip has four parameters: five points fit one, whatever they are."""
    path = tmp_path / "flow.tsv"
    path.write_text("T (K)\tmass (kg)\n298.1\t1.0\n298.2\t1.1\n298.3\t1.9\n298.4\t1.2\n298.5\t1.1\n")
    proposal = propose(open_foreign(path))
    assert proposal.candidates
    assert proposal.clear is None

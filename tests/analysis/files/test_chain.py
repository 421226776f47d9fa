"""Chains: a fit over the results of fits, with errors that know of correlations."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from labspin.analysis import (
    Recipe,
    derive,
    fit_chain,
    fit_run,
    load_recipe,
    outcomes_of,
    report_html,
    write_chain,
)
from labspin.analysis.files import many as many_module
from labspin.analysis.files.chain import chain_fit, chain_names
from labspin.analysis.files.results import FileResult, fingerprint
from labspin.analysis.pictures.runplots import draw_run
from labspin.cli import main
from labspin.data import FitParameter, FitRecord, read_run
from labspin.errors import FitError, RecipeError, RunFileError
from tests.analysis.samples import NOISE, decay_run

FIELDS = np.linspace(-2e-3, 2e-3, 13)
DIP = {"center": 2e-4, "sigma": 5e-4, "depth": 600.0, "slope": 0.0, "offset": 1500.0}
FIRST = """
[data]
x = "dark_time"
y = "difference"
sigma = "difference_errors"
[model]
name = "stretched_exponential"
fixed = {beta = 0.8}
[result]
derived = {rate = "1/T1 [1/s]"}
"""
LAW = """
[chain]
recipe = "first.toml"
y_unit = "1/s"
[data]
x = "magnet_field"
y = "1/T1"
[model]
name = "cross_relaxation_dip"
fixed = {saturation = 0.0, slope = 0.0}
[result]
name = "law"
"""


def rate(field):
    """A dip upside down would be a peak; the law is what the model says, written out once more."""
    return DIP["offset"] - DIP["depth"] * np.exp(-0.5 * ((field - DIP["center"]) / DIP["sigma"]) ** 2)


@pytest.fixture
def recipes(tmp_path):
    (tmp_path / "first.toml").write_text(FIRST)
    (tmp_path / "law.toml").write_text(LAW)
    return tmp_path


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scan")
    return [
        decay_run(folder / f"{k}.h5", 1 / rate(field), field=float(field), seed=k, label=f"run {k}")
        for k, field in enumerate(FIELDS)
    ]


def test_T1_of_each_run_against_its_field(recipes, scan):
    chain = fit_chain(scan, recipes / "law.toml", write=False, workers=1)
    for name in DIP.keys() - {"slope"}:
        fitted = chain.outcome[name]
        assert abs(fitted.value - DIP[name]) < 4 * fitted.stderr, name
    assert chain.outcome.statistics.p_value > 1e-3
    np.testing.assert_allclose(chain.x, FIELDS, atol=0)
    assert chain.outcome.x_unit == "T"
    assert chain.outcome.y_unit == "1/s"
    assert chain.labels[3] == "run 3"
    # Error of 1/T1 by hand: σ/T1².
    (alone,) = fit_run(scan[4], recipes / "first.toml")
    assert chain.sigma[4] == pytest.approx(alone["T1"].stderr / alone["T1"].value ** 2, rel=1e-5, abs=0)
    assert chain.y[4] == pytest.approx(1 / alone["T1"].value, rel=1e-6, abs=0)


def test_one_run_with_many_fields_gives_the_same_as_many_runs(recipes, tmp_path):
    path = decay_run(tmp_path / "all.h5", 1 / rate(FIELDS), fields=FIELDS, field=99.0)
    chain = fit_chain([path], recipes / "law.toml", write=False, workers=1)
    # The axis of the run goes before its parameter of the same name.
    np.testing.assert_allclose(chain.x, FIELDS, atol=0)
    assert abs(chain.outcome["center"].value - DIP["center"]) < 4 * chain.outcome["center"].stderr
    assert len(set(chain.labels)) == FIELDS.size


def record(values, covariance, name="f"):
    parameters = tuple(
        FitParameter(name=key, value=value, stderr=math.sqrt(covariance[k][k]), unit="Hz")
        for k, (key, value) in enumerate(values.items())
    )
    return FitRecord(
        name=name, quantity="q", model="m", parameters=parameters, covariance=np.array(covariance)
    )


def results_with(points, covariance, context):
    return [
        FileResult(
            path=f"{k}.h5", status="fitted", record=record(values, covariance), labels=(f"n{k}",),
            context={name: (np.array([column[k]]), "K") for name, column in context.items()},
        )
        for k, values in enumerate(points)
    ]  # fmt: skip


def test_errors_know_of_correlations_as_derived_quantities_do(recipes, scan):
    law = load_recipe(recipes / "law.toml")
    text = "amplitude + baseline"  # the start of the decay, known better than its parts
    recipe = Recipe(**(vars(law) | {"y": text}))
    chain = fit_chain(scan, recipe, write=False, workers=1)
    (alone,) = fit_run(scan[2], recipes / "first.toml")
    value, stderr = derive(alone, text)
    assert chain.y[2] == pytest.approx(value, rel=1e-6, abs=0)
    assert chain.sigma[2] == pytest.approx(stderr, rel=1e-5, abs=0)
    # Without the covariance it would be another number.
    diagonal = alone.with_changes(covariance=np.diag(np.diag(alone.covariance)))
    assert abs(derive(diagonal, text)[1] / stderr - 1) > 0.05


OWN = """
from labspin.analysis import FitModel, Parameter

LINE = FitModel(
    name="line", equation="y = a x + i b x",
    parameters=(Parameter("a", "1", "real"), Parameter("b", "1", "imaginary")),
    function=lambda x, a, b: (a + 1j * b) * x, guesser=lambda x, y, weights: {"a": 1.0, "b": 1.0},
    is_complex=True, source="",
)
"""


def test_a_complex_y_has_errors_of_both_parts(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    temperature = np.linspace(0.01, 1.0, 30)
    covariance = [[4e-6, 1e-3], [1e-3, 100.0]]
    points = [{"f0": 3000.0 + 0.1 * t, "Q": 1 / (3e-5 * t)} for t in temperature]
    recipe = Recipe(
        name="bath", x="temperature", y="f0 - 3000 + i/Q", sigma="fit", chain="x", model="own.py:LINE",
        folder=tmp_path,
    )  # fmt: skip
    chain = chain_fit(results_with(points, covariance, {"temperature": temperature}), recipe)
    Q = np.array([point["Q"] for point in points])
    np.testing.assert_allclose(chain.y, 0.1 * temperature + 1j / Q, rtol=1e-9, atol=0)
    np.testing.assert_allclose(chain.sigma.real, 2e-3, rtol=1e-6, atol=0)
    np.testing.assert_allclose(chain.sigma.imag, 10.0 / Q**2, rtol=1e-3, atol=0)
    assert chain.outcome["a"].value == pytest.approx(0.1, rel=1e-6, abs=0)
    assert chain.outcome["b"].value == pytest.approx(3e-5, rel=1e-6, abs=0)
    # Each part is weighted with its own errors: σ_a² = 1/Σ(x/σ)².
    assert chain.outcome["a"].stderr == pytest.approx(
        1 / np.sqrt(np.sum((temperature / 2e-3) ** 2)), rel=1e-4, abs=0
    )


def test_selection_columns_and_setpoints(recipes, scan):
    law = load_recipe(recipes / "law.toml")
    recipe = Recipe(
        **(
            vars(law)
            | {"select": {"magnet_field": ("-1.5 mT", "1.5 mT")}, "x": "magnet_field + 0*temperature"}
        )
    )
    assert chain_names(recipe) == ("magnet_field", "temperature", "T1")
    chain = fit_chain(scan, recipe, write=False, workers=1)
    assert chain.x.min() >= -1.5e-3
    assert chain.columns["temperature"][0] == pytest.approx(4.0 + 0.01 * 9.5, rel=1e-6, abs=0)
    assert len(chain.left_out) == FIELDS.size - chain.x.size
    power = Recipe(**(vars(law) | {"x": "magnet_field + 0*microwave_power"}))
    assert fit_chain(scan, power, write=False, workers=1).columns["microwave_power"][0] == 10.0


def test_a_bad_file_is_left_out_and_named(recipes, scan, tmp_path):
    bad = tmp_path / "bad.h5"
    bad.write_text("no run")
    chain = fit_chain([bad, *scan], recipes / "law.toml", write=False, workers=1)
    assert chain.x.size == FIELDS.size
    assert [text for text in chain.left_out if "bad.h5" in text]


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"x": "no_such_name"}, RecipeError, "no column 'no_such_name'"),
        ({"y": "magnet_field"}, RecipeError, "wants a fitted parameter in y"),
        ({"y": "rate"}, RecipeError, "a derived one is written out"),
        ({"chain": ""}, RecipeError, "section \\[chain\\]"),
        ({"chain": "law.toml"}, RecipeError, "is a chain itself"),
        ({"select": {"magnet_field": (1.0, 2.0)}}, FitError, "points"),
    ],
)
def test_what_does_not_suit_is_refused(recipes, scan, change, error, match):
    law = load_recipe(recipes / "law.toml")
    with pytest.raises(error, match=match):
        fit_chain(scan[:3], Recipe(**(vars(law) | change)), write=False, workers=1)


def test_a_chain_is_no_recipe_for_a_single_run(recipes, scan):
    with pytest.raises(RecipeError, match="fits of many runs"):
        fit_run(scan[0], recipes / "law.toml")


def test_no_fit_at_all_is_an_error(recipes, tmp_path):
    with pytest.raises(FitError, match="wanted fits to continue from"):
        fit_chain([tmp_path / "missing.h5"], recipes / "law.toml", workers=1)


def test_a_chain_is_stored_as_a_run_like_any(recipes, scan, tmp_path):
    chain = fit_chain(scan, recipes / "law.toml", write=False, workers=1)
    path = write_chain(chain, tmp_path / "law.h5")
    run = read_run(path)
    np.testing.assert_array_equal(run.data["x"], chain.x)
    np.testing.assert_array_equal(run.data["y_errors"], chain.sigma)
    assert list(run.data["source"]) == [str(source) for source in scan]
    (stored,) = run.fits
    assert float(stored.parameter("center").value) == chain.outcome["center"].value
    assert chain.outcome["center"].text() in report_html(path)
    again = Recipe(name="again", x="x", y="y", sigma="y_errors", model="cross_relaxation_dip",
                   fixed={"saturation": 0.0, "slope": 0.0})  # fmt: skip
    (outcome,) = fit_run(path, again)
    assert outcome["center"].value == pytest.approx(chain.outcome["center"].value, rel=1e-6, abs=0)
    with pytest.raises(RunFileError):
        write_chain(chain, path)


def test_the_picture_of_a_chain_has_names_errors_and_the_fit(recipes, scan, tmp_path):
    from matplotlib.figure import Figure

    law = replace(load_recipe(recipes / "law.toml"), y_name="relaxation rate")
    chain = fit_chain(scan, law, write=False, workers=1)
    path = write_chain(chain, tmp_path / "law.h5")
    run = read_run(path)
    panel = Figure().subplots()
    draw_run(panel, run)
    assert panel.get_xlabel() == "magnet field (mT)"
    assert panel.get_ylabel() == "relaxation rate (1/s)"
    (bars,) = panel.containers
    assert bars.has_yerr
    heights = [np.ptp(path[:, 1]) / 2 for path in bars.lines[2][0].get_segments()]
    np.testing.assert_allclose(heights, chain.sigma[np.argsort(chain.x)], rtol=1e-9, atol=0)
    labels = [line.get_label() for line in panel.get_lines()]
    assert sum(label.startswith("center = ") for label in labels) == 1, "the curve tells the result"
    (drawn,) = outcomes_of(run, run.fits[0])
    assert (drawn.x_name, drawn.y_name) == ("magnet field", "relaxation rate")


def test_the_command_fits_runs_and_then_the_chain(recipes, scan, tmp_path, capsys):
    arguments = ["fit", *map(str, scan), "--with", str(recipes / "law.toml"), "--workers", "1", "--quiet"]
    arguments += ["-o", str(tmp_path / "law.h5"), "--no-write", "--plot", str(tmp_path / "law.png")]
    assert main([*arguments, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert {row["parameter"] for row in answer["chain"]["fits"]} >= {"center", "depth"}
    assert len(answer["fits"]) == 5 * len(scan)
    assert (tmp_path / "law.png").read_bytes().startswith(b"\x89PNG")
    assert main(["fit", str(tmp_path / "law.h5"), "-o", "x.h5"]) == 1
    assert "--output: is for a recipe" in capsys.readouterr().err


def test_the_noise_is_what_the_runs_say(scan):
    """The χ² of the chain means something only if the runs' own errors do."""
    residuals = [(fit_run(path, Recipe(**NOISE_RECIPE))[0].residuals) for path in scan[:4]]
    assert np.std(np.concatenate(residuals)) == pytest.approx(NOISE, rel=0.3, abs=0)


NOISE_RECIPE = {
    "name": "n", "x": "dark_time", "y": "difference", "sigma": "difference_errors",
    "model": "stretched_exponential", "fixed": {"beta": 0.8},
}  # fmt: skip


def test_a_fit_that_did_not_converge_is_not_used(tmp_path):
    """Six points lie on y = 3x; the seventh, far off, comes of a fit that did not converge."""
    (tmp_path / "straight.py").write_text("def straight(x, slope=1.0):\n    return slope * x\n")
    law = Recipe(name="law", x="at", y="value", sigma="none", model="straight.py:straight", folder=tmp_path)
    at = np.arange(1.0, 8.0)
    points = [{"value": 3.0 * x} for x in at[:-1]] + [{"value": 1000.0}]
    results = results_with(points, [[1e-4]], {"at": at})
    lost = replace(results[-1].record, statistics={"success": False})
    chain = chain_fit([*results[:-1], replace(results[-1], record=lost)], law)
    assert chain.outcome["slope"].value == pytest.approx(3.0, rel=1e-9, abs=0)
    assert len(chain.x) == 6
    assert chain.left_out == ("6.h5: n6: not used: its fit did not converge",)


def test_points_of_a_chain_stand_in_the_order_of_the_files(recipes, scan, monkeypatch):
    """Whichever fit ends first."""
    real = many_module.fit_many

    def last_first(*arguments, **options):
        return reversed(list(real(*arguments, **options)))

    monkeypatch.setattr(many_module, "fit_many", last_first)
    chain = fit_chain(scan, recipes / "law.toml", write=False, workers=1)
    assert chain.labels == tuple(f"run {k}" for k in range(FIELDS.size))
    assert chain.x.tolist() == FIELDS.tolist()


def test_another_version_of_labspin_fits_again(scan, monkeypatch):
    recipe = Recipe(name="a", x="x", y="y", model="stretched_exponential")
    before = fingerprint("digest", recipe)
    assert fingerprint("digest", recipe) == before
    monkeypatch.setattr("labspin.__version__", "99.0")
    assert fingerprint("digest", recipe) != before

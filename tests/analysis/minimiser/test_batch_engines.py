"""Compiled fits: the same steps, optimum and errors as in NumPy, and one sentence where numba is missing."""

import sys

import numpy as np
import pytest

from labspin.analysis import FitModel, fit_batch, load_model
from labspin.analysis.minimiser import engines
from labspin.errors import FitError

SE = load_model("stretched_exponential")
DELAYS = np.geomspace(5e-6, 20e-3, 50)


def decays(rng, count):
    truth = np.stack(
        [np.ones(count), 10 ** rng.uniform(-4.3, -2.3, count), rng.uniform(0.5, 1, count), np.zeros(count)],
        -1,
    )
    return SE.evaluate(DELAYS, truth) + rng.normal(0, 0.05, (count, DELAYS.size))


def spectra(rng, count, kind, number, background):
    model = load_model(kind, count=number, background=background)
    x = np.linspace(2800, 2940, 300)
    center = np.linspace(2810, 2930, number) + rng.uniform(-2, 2, (count, number))
    columns = [center, rng.uniform(4, 7, (count, number)), rng.uniform(0.5, 1, (count, number))]
    columns += [np.ones((count, 1))] + [np.full((count, 1), 1e-3)] * (background == "line")
    truth = np.concatenate(columns, axis=1)
    y = model.evaluate(x, truth) + rng.normal(0, 0.04, (count, x.size))
    start = truth * (1 + 0.02 * rng.normal(size=truth.shape))
    start[:, :number] = center + 0.3 * rng.normal(size=center.shape)
    return model, x, y, dict(zip(model.names, start.T, strict=True))


RANGES = ((1, 2), (0.3, 0.5), (4, 6), (0, 1), (-0.1, 0.1), (0, 0.1))


def ring_downs(rng, count):
    model = load_model("complex_ring_down")
    x = np.linspace(0, 1.5, 200)
    truth = np.stack(
        [rng.uniform(low, high, count) for low, high in RANGES],
        -1,
    )
    y = model.evaluate(x, truth) + rng.normal(0, 0.05, (count, x.size, 2)) @ np.array([1, 1j])
    return model, x, y, dict(zip(model.names, (truth * 1.02).T, strict=True))


def problems():
    rng = np.random.default_rng(61)
    y = decays(rng, 200)
    start = {name: fit_batch(SE, DELAYS, y, check=0)[name] * 1.1 for name in SE.names}
    holes = np.where(rng.random(y.shape) < 0.1, np.nan, y)
    own_axes = DELAYS * rng.uniform(0.9, 1.1, (len(y), 1))
    yield "decays", (SE, DELAYS, y), {"start": start}
    yield "errors and holes", (SE, DELAYS, holes, rng.uniform(0.03, 0.08, y.shape)), {"start": start}
    yield "own axes", (SE, own_axes, y), {}
    yield "held", (SE, DELAYS, y), {"start": start, "fixed": {"beta": 0.8}}
    yield "bounds", (SE, DELAYS, y), {"start": start, "bounds": {"beta": (0.7, 0.75)}}
    for kind, number, background in (("gaussian_dips", 1, "line"), ("lorentzian_dips", 3, "line"),
                                     ("lorentzian_dips", 8, "constant")):  # fmt: skip
        model, x, y, start = spectra(rng, 20, kind, number, background)
        yield f"{number} {kind}", (model, x, y), {"start": start}
    model, x, y, start = ring_downs(rng, 20)
    yield "complex", (model, x, y), {"start": start}


def test_compiled_fits_are_those_of_numpy():
    pytest.importorskip("numba")
    for name, arguments, settings in problems():
        pair = [
            fit_batch(*arguments, check=0, fallback=False, engine=engine, **settings)
            for engine in ("numpy", "numba")
        ]
        assert [result.engine for result in pair] == ["numpy", "numba"], name
        one, other = pair
        np.testing.assert_array_equal(one.status, other.status, err_msg=name)
        sound = np.isin(one.status, (0, 7))
        assert sound.mean() > 0.98, name
        size = np.fmax(np.abs(one.values), one.stderr)[sound]
        assert np.max(np.abs(one.values - other.values)[sound] / size) < 1e-9, name
        np.testing.assert_allclose(one.stderr[sound], other.stderr[sound], rtol=1e-9, err_msg=name, atol=0)
        np.testing.assert_allclose(one.chi2[sound], other.chi2[sound], rtol=1e-12, err_msg=name, atol=0)


def test_compiled_fits_run_on_threads_and_survive_bad_traces():
    pytest.importorskip("numba")
    y = decays(np.random.default_rng(62), 40)
    y[3], y[7], y[11, 5:] = np.nan, 2.0, np.inf
    one, two = (fit_batch(SE, DELAYS, y, engine="numba", workers=workers, check=0.1) for workers in (1, 2))
    assert list(one.status[[3, 7]]) == [4, 6]
    assert one.counts()["converged"] >= 37
    assert one.deviation < 1e-4
    np.testing.assert_array_equal(one.values, two.values)


def test_numba_is_taken_where_it_pays(monkeypatch):
    monkeypatch.setattr(engines, "_reason_against_numba", lambda: "")
    monkeypatch.delitem(sys.modules, "labspin.analysis.minimiser.compiled", raising=False)
    plain = FitModel("plain", "y = a", "", SE.parameters, SE.function, SE.guesser)
    assert engines.chosen_engine("auto", SE, 1_000) == "numpy"
    assert engines.chosen_engine("auto", SE, 10**9) == "numba"
    assert engines.chosen_engine("numpy", SE, 10**9) == "numpy"
    assert engines.chosen_engine("auto", plain, 10**9) == "numpy"
    with pytest.raises(FitError, match="model plain: engine 'numba' wants a model with a kernel"):
        engines.chosen_engine("numba", plain, 1)
    with pytest.raises(FitError, match="wanted 'auto'"):
        engines.chosen_engine("fortran", SE, 1)


@pytest.fixture
def forgotten():
    engines._reason_against_numba.cache_clear()
    yield
    engines._reason_against_numba.cache_clear()


@pytest.mark.usefixtures("forgotten")
def test_missing_numba_is_said_when_demanded_and_passed_over_else(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    y = decays(np.random.default_rng(63), 2)
    with pytest.raises(FitError, match=r"wants numba, which is not installed; pip install 'labspin\[fast\]'"):
        fit_batch(SE, DELAYS, y, engine="numba")
    assert engines.chosen_engine("auto", SE, 10**9) == "numpy"


@pytest.mark.usefixtures("forgotten")
def test_numba_that_cannot_be_used_is_said(monkeypatch, caplog):
    def broken(name):
        raise ImportError("numba needs an older NumPy")

    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(engines.importlib, "import_module", broken)
    assert engines.chosen_engine("auto", SE, 10**9) == "numpy"
    assert "needs an older NumPy" in caplog.text
    with pytest.raises(FitError, match="cannot be used here"):
        engines.chosen_engine("numba", SE, 1)

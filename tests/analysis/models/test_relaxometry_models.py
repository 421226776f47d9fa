"""Three-level relaxation against the master equation; the distance from a film against the integrals."""

from collections import OrderedDict

import numpy as np
import pytest
from scipy import constants
from scipy.linalg import expm

from labspin.analysis import JointTrace, fit_curve, fit_joint, load_model
from labspin.analysis.fitting.vectorised import curves_of
from labspin.analysis.model import Parameter
from labspin.analysis.models import film_tables
from labspin.analysis.models.film import own_rates
from labspin.analysis.models.film_tables import film_place, film_table, table_values
from labspin.errors import FitError, RecipeError
from labspin.physics import spinwaves as sw

TIMES = np.geomspace(1e-6, 2e-2, 30)
LEVELS = load_model("three_level_relaxation")
FIELDS = np.array([12e-3, 20e-3, 28e-3, 33e-3, 38e-3])
NARROW = {"near": 150e-9, "far": 700e-9}


@pytest.mark.parametrize("rates", [(7e3, 2e2, 0.0), (50.0, 4e4, 300.0), (500.0, 500.0, 0.0), (1e3, 1e3, 1e3)])
def test_both_differences_follow_the_rate_equations(rates):
    """The matrix exponential of three levels with equal rates up and down."""
    lower, upper, across = rates
    generator = np.array([[0, upper, lower], [upper, 0, across], [lower, across, 0.0]])
    generator -= np.diag(generator.sum(axis=0))
    levels = np.array([expm(generator * t) @ [1.0, 0.0, 0.0] for t in TIMES])
    truth = dict.fromkeys(LEVELS.names, 0.0) | {
        "lower_rate": lower, "upper_rate": upper, "double_quantum_rate": across,
        "lower_amplitude": 0.3, "upper_amplitude": 0.2, "upper_baseline": 0.01,
    }  # fmt: skip
    found = LEVELS.evaluate(TIMES, truth)
    assert found.real == pytest.approx(0.3 * (levels[:, 0] - levels[:, 2]), rel=1e-8, abs=1e-12)
    assert found.imag == pytest.approx(0.2 * (levels[:, 0] - levels[:, 1]) + 0.01, rel=1e-8, abs=1e-12)


def test_one_exponential_in_its_place_is_biased():
    """What a fit of the lower difference alone calls T1, where both rates matter."""
    truth = dict.fromkeys(LEVELS.names, 0.0) | {
        "lower_rate": 1000.0, "upper_rate": 800.0, "lower_amplitude": 0.3, "upper_amplitude": 0.3,
    }  # fmt: skip
    rng = np.random.default_rng(6)
    noise = 0.003 * (rng.normal(size=TIMES.size) + 1j * rng.normal(size=TIMES.size))
    y = LEVELS.evaluate(TIMES, truth) + noise
    both = fit_curve(LEVELS, TIMES, y, 0.003 + 0.003j)
    assert abs(both["lower_rate"].value - 1000.0) < 3 * both["lower_rate"].stderr
    alone = fit_curve(load_model("stretched_exponential"), TIMES, y.real, 0.003, fixed={"beta": 1.0})
    assert abs(1 / (2 * alone["T1"].value) - 1000.0) > 5 * alone["T1"].stderr / (2 * alone["T1"].value ** 2)


def test_standard_errors_are_honest():
    rng = np.random.default_rng(7)
    truth = dict.fromkeys(LEVELS.names, 0.0) | {
        "lower_rate": 3000.0, "upper_rate": 250.0, "lower_amplitude": 0.28, "upper_amplitude": 0.3,
    }  # fmt: skip
    clean, pulls = LEVELS.evaluate(TIMES, truth), []
    for _ in range(120):
        noise = 0.01 * (rng.normal(size=TIMES.size) + 1j * rng.normal(size=TIMES.size))
        fit = fit_curve(LEVELS, TIMES, clean + noise, 0.01 + 0.01j)
        pulls.append(
            [(fit[name].value - truth[name]) / fit[name].stderr for name in ("lower_rate", "upper_rate")]
        )
    inside = np.mean(np.abs(pulls) < 1)
    assert 0.60 < inside < 0.76
    assert np.abs(np.mean(pulls, axis=0)).max() < 0.3


@pytest.mark.parametrize(("part", "is_said"), [(0.95, False), (0.6, True)])
def test_a_pi_pulse_that_does_less_than_the_other_is_said(part, is_said):
    """Uneven pumping alone, u₀ = 0.87 v₀ here, is none."""
    t = np.geomspace(3e-7, 3e-3, 17)
    truth = {
        "lower_rate": 2e5, "upper_rate": 1e3, "pumping_time": 0.4e-6, "guard": 0.2e-6,
        "lower_amplitude": 0.087 * part, "upper_amplitude": 0.1,
    }  # fmt: skip
    y = LEVELS.evaluate(t, truth) + 1e-4 * np.random.default_rng(1).normal(size=(17, 2)) @ [1, 1j]
    fit = fit_curve(LEVELS, t, y, 1e-4, fixed={"pumping_time": 0.4e-6, "guard": 0.2e-6})
    said = [warning for warning in fit.warnings if "π pulse on the lower line" in warning]
    assert bool(said) == is_said, fit.warnings


def test_times_that_miss_the_faster_relaxation_are_said():
    truth = dict.fromkeys(LEVELS.names, 0.0) | {
        "lower_rate": 8e5, "upper_rate": 300.0, "lower_amplitude": 0.3, "upper_amplitude": 0.3,
    }  # fmt: skip
    fit = fit_curve(LEVELS, TIMES, LEVELS.evaluate(TIMES, truth), 0.001 + 0.001j)
    assert any("shorter dark times" in warning for warning in fit.warnings)


class TestFilm:
    @pytest.mark.parametrize("kind", ["rates", "shift", "pair"])
    def test_tables_are_right_to_a_ten_thousandth_at_any_place(self, kind):
        """The integrals themselves at random fields and distances; one field is where a band begins."""
        rng = np.random.default_rng(8)
        fields = np.append(rng.uniform(2e-3, 90e-3, 2), rng.uniform(34.4e-3, 35.0e-3))
        place = film_place("test")
        lengths = np.exp(rng.uniform(np.log(place.near), np.log(place.far), 4))
        bath = sw.spin_wave_bath(
            film=sw.YIG_FIGURES, spin=sw.NV_TABLE1, distance=lengths[:, None], field=fields,
            temperature=300.0, rtol=1e-6,
        )  # fmt: skip
        found = table_values(kind, place, fields, lengths)
        if kind == "rates":
            both = [bath.decay_minus + bath.absorption_minus, bath.decay_plus + bath.absorption_plus]
            assert np.exp(found) == pytest.approx(np.swapaxes(both, 1, 2) / 2, rel=1e-4, abs=0)
            return
        shift = bath.shift_minus + (bath.shift_plus if kind == "pair" else 0)
        near = lengths**3  # by which a shift falls: what is left is compared with a thousandth of its largest
        expected, found = shift.T / (2 * np.pi) * near, found * near
        size = np.maximum(np.abs(expected), 1e-3 * np.abs(expected).max(axis=-1, keepdims=True))
        assert np.max(np.abs(found - expected) / size) < 1e-4

    def test_many_fields_are_no_less_right_than_few(self):
        """Of more than 64 fields, single curves were drawn through some of them."""
        model = load_model("film_relaxation", **NARROW)
        values = {"distance": 300e-9, "T1": 3e-3}
        grid = np.union1d(FIELDS, np.linspace(33.5e-3, 35.5e-3, 65))
        at = np.searchsorted(grid, FIELDS)
        found, expected = model.evaluate(grid, values)[at], model.evaluate(FIELDS, values)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=0)

    def test_a_fit_of_many_fields_reads_a_table(self, monkeypatch):
        monkeypatch.setattr(film_tables, "_MANY", 1)
        monkeypatch.setattr(film_tables, "_known", OrderedDict())
        model = load_model("film_relaxation", **NARROW)
        sample = np.array([{"distance": 3e-7, "T1": 3e-3, "scale": 1.0}.get(n, 0.0) for n in model.names])
        curves = curves_of(model, FIELDS[:2], sample)
        monkeypatch.setattr(film_tables, "mean_rates", None)  # no more integrals
        for moved in (0.9, 1.1):
            assert np.all(np.isfinite(curves(FIELDS[:2], sample[None] * moved)))

    def test_far_away_the_centre_is_alone(self):
        """(D/ω∓)/(3 T1) each way."""
        model = load_model("film_relaxation", near=150e-9, far=3e-6)
        found = model.evaluate(np.array([0.04]), {"distance": 2.9e-6, "T1": 3e-3, "scale": 1.0})[0]
        alone = sw.thermal_rates(spin=sw.NV_TABLE1, field=0.04, temperature=300.0)
        assert found.real == pytest.approx(alone.kappa_1 * (alone.occupation_minus + 0.5), rel=1e-3, abs=0)
        assert found.imag == pytest.approx(alone.kappa_1 * (alone.occupation_plus + 0.5), rel=1e-3, abs=0)

    def test_in_the_cold_the_centre_alone_relaxes_by_planck_and_a_half(self):
        """n̄ + ½ = ½ coth(ħω/2kT), with ω∓ = D ∓ γB: the two lines share every other factor."""
        field, temperature = np.array([0.02, 0.08]), 0.1
        splitting, ratio = sw.NV_TABLE1.zero_field_splitting, sw.NV_TABLE1.gyromagnetic_ratio
        lines = splitting + np.multiply.outer([-1, 1], ratio * field)  # rad/s
        half = 0.5 / np.tanh(constants.hbar * lines / (2 * constants.k * temperature))
        lower, upper = own_rates(field, temperature)
        assert lower / upper == pytest.approx(half[0] / half[1], rel=1e-9, abs=0)

    def test_a_picture_passes_the_points(self):
        model = load_model("film_relaxation", **NARROW)
        values = {"distance": 300e-9, "T1": 3e-3, "scale": 1.0}
        grid = np.linspace(FIELDS[0], FIELDS[-1], 161)
        points = model.evaluate(FIELDS, values)
        curve = model.curve(grid, values)
        at = [int(np.argmin(np.abs(grid - field))) for field in FIELDS]
        assert curve[at].real == pytest.approx(points.real, rel=0.04, abs=0)
        assert curve[at].imag == pytest.approx(points.imag, rel=0.02, abs=0)

    def test_traces_at_distances_of_their_own_are_those_of_one_after_the_other(self):
        model = load_model("film_relaxation", **NARROW)
        places = [dict.fromkeys(model.names, 0.0) | {"distance": distance, "T1": T1, "scale": 1.0}
                  for distance, T1 in ((200e-9, 3e-3), (600e-9, 1e-3))]  # fmt: skip
        columns = (np.array([[place[name]] for place in places]) for name in model.names)
        together = model.function(np.stack([FIELDS, FIELDS]), *columns)
        apart = [model.evaluate(FIELDS, place) for place in places]
        np.testing.assert_allclose(together, apart, rtol=1e-12, atol=0)

    def test_a_curve_for_the_eye_is_that_of_the_film_as_it_was_fitted(self):
        values = {"distance": 300e-9, "T1": 3e-3, "scale": 1.0}
        plain = load_model("film_relaxation", **NARROW)
        other = load_model("film_relaxation", **NARROW, magnetisation=1.01 * 1.39e5)
        grid = np.linspace(FIELDS[0], FIELDS[-1], 161)
        found = plain.curve(grid, values | {"magnetisation_change": 0.01})
        expected = other.curve(grid, values)
        assert found.real == pytest.approx(expected.real, rel=1e-6, abs=0)
        assert np.abs(plain.curve(grid, values) / expected - 1).max() > 0.01

    def test_logarithms_of_rates_are_fitted_alike(self):
        """The same place without noise; with y the logarithm, in exact agreement."""
        plain, logs = (
            load_model("film_relaxation", **NARROW),
            load_model("film_relaxation", **NARROW, logarithmic=True),
        )
        clean = plain.evaluate(FIELDS, {"distance": 300e-9, "T1": 2.5e-3, "scale": 1.0})
        assert (plain.y_unit, logs.y_unit) == ("1/s", "1")
        assert load_model(logs.name, **logs.options).y_unit == "1", "as a run file keeps it"
        fit = fit_curve(logs, FIELDS, np.log(clean.real) + 1j * np.log(clean.imag), 0.05 + 0.05j)
        assert fit["distance"].value == pytest.approx(300e-9, rel=1e-5, abs=0)
        assert fit["T1"].value == pytest.approx(2.5e-3, rel=1e-4, abs=0)

    def test_where_nothing_is_resonant_the_distance_is_said_to_be_undetermined(self):
        model = load_model("film_relaxation", near=300e-9, far=2e-6)
        x = np.array([38e-3, 41e-3, 44e-3])
        clean = model.evaluate(x, {"distance": 900e-9, "T1": 3e-3, "scale": 1.0})
        rng = np.random.default_rng(3)
        y = clean * (1 + 0.1 * rng.normal(size=3)) + 0j
        fit = fit_curve(model, x, y.real + 1j * clean.imag, 0.1 * clean.real + 0.1j * clean.imag)
        assert any("distance" in warning for warning in fit.warnings)

    def test_a_distance_that_is_held_is_not_doubted(self):
        model = load_model("film_relaxation", **NARROW)
        clean = model.evaluate(FIELDS, {"distance": 300e-9, "T1": 3e-3, "scale": 1.0})
        fit = fit_curve(
            model, FIELDS, clean, 0.1 * clean.real + 0.1j * clean.imag, fixed={"distance": 300e-9}
        )
        assert not [warning for warning in fit.warnings if "distance" in warning]

    def test_a_distance_at_the_edge_of_the_table_is_doubted(self):
        """The rates are ten times those of the nearest place that the table has."""
        model = load_model("film_relaxation", **NARROW)
        near = model.parameter("distance").minimum
        clean = model.evaluate(FIELDS, {"distance": near, "T1": 3e-3, "scale": 10.0})
        fit = fit_curve(model, FIELDS, clean, 0.1 * clean.real + 0.1j * clean.imag, fixed={"scale": 1.0})
        assert fit["distance"].value == pytest.approx(near, rel=2e-3, abs=0)
        assert any("the distance is at the edge of the table" in warning for warning in fit.warnings)

    @pytest.mark.parametrize(
        ("options", "match"),
        [({"film": "permalloy"}, "yig_figures"), ({"near": 1e-6, "far": 1e-7}, "near < far")],
    )
    def test_bad_options(self, options, match):
        with pytest.raises(RecipeError, match=match):
            load_model("film_relaxation", **options)

    def test_a_table_that_does_not_settle_is_refused(self, monkeypatch):
        monkeypatch.setattr("labspin.analysis.models.film_tables._MOST_NODES", 17)
        with pytest.raises(FitError, match="narrow the range"):
            film_table(lambda lengths: np.cos(lengths / 10e-9), near=50e-9, far=1e-6, relative=False)

    def test_the_bound_of_the_error_holds(self):
        """Of a function that is known: a Gaussian in the logarithm of the distance."""

        def bump(lengths):
            return np.exp(-4 * np.log(lengths / 300e-9) ** 2)

        coefficients, error = film_table(bump, near=100e-9, far=900e-9, relative=True)
        lengths = np.geomspace(100e-9, 900e-9, 501)
        spots = 2 * np.log(lengths / 100e-9) / np.log(9) - 1
        off = np.abs(np.polynomial.chebyshev.chebval(spots, coefficients) / bump(lengths) - 1)
        assert off.max() < 2 * error < 2e-4

    @pytest.mark.parametrize("change", ["thickness", "exchange", "damping", "temperature", "magnetisation"])
    def test_a_film_that_differs_by_little(self, change):
        """The parabola against the film itself, one per cent off; away from band edges."""
        fields = np.array([14e-3, 28e-3, 38e-3])
        plain = load_model("film_relaxation", **NARROW)
        numbers = {
            "thickness": 200e-9, "exchange": 3.08e-16, "damping": 1e-4, "temperature": 300.0,
            "magnetisation": 1.39e5,
        }  # fmt: skip
        other = load_model("film_relaxation", **NARROW, **{change: 1.01 * numbers[change]})
        values = {"distance": 300e-9, "T1": 3e-3, "scale": 1.0}
        found = plain.evaluate(fields, values | {f"{change}_change": 0.01})
        expected = other.evaluate(fields, values)
        assert found.real == pytest.approx(expected.real, rel=2e-3, abs=0)
        assert found.imag == pytest.approx(expected.imag, rel=2e-3, abs=0)
        moved = np.abs(expected / plain.evaluate(fields, values) - 1).max()
        assert moved > 5 * np.abs(found / expected - 1).max()


def place_of(**more):
    return film_place("film_relaxation", **NARROW | more)


def test_the_shift_of_the_line_is_that_of_the_integrals():
    model = load_model("spin_wave_shift", near=60e-9, far=400e-9)
    for distance in (70e-9, 150e-9, 390e-9):
        bath = sw.spin_wave_bath(
            film=sw.YIG_FIGURES, spin=sw.NV_TABLE1, distance=distance, field=FIELDS, temperature=300.0
        )
        found = model.evaluate(FIELDS, {"distance": distance, "offset": 5e3, "slope": 1e4})
        expected = bath.shift_minus / (2 * np.pi) + 5e3 + 1e4 * FIELDS
        assert found == pytest.approx(expected, rel=2e-4, abs=0)


def test_the_sum_of_both_lines_is_shifted_by_both():
    model = load_model("spin_wave_shift", near=60e-9, far=400e-9, line="pair")
    bath = sw.spin_wave_bath(
        film=sw.YIG_FIGURES, spin=sw.NV_TABLE1, distance=110e-9, field=FIELDS, temperature=300.0
    )
    found = model.evaluate(FIELDS, {"distance": 110e-9})
    expected = (bath.shift_minus + bath.shift_plus) / (2 * np.pi)
    assert found == pytest.approx(expected, rel=5e-4, abs=0)
    with pytest.raises(RecipeError, match="'lower' or 'pair'"):
        load_model("spin_wave_shift", line="upper")


def test_the_shift_of_the_cantilever_is_the_gradient_of_the_force():
    """Without light and slowly: κ = −dF/dl, by differences of the force of steady occupations."""
    model = load_model("spin_wave_force", near=60e-9, far=700e-9, field=35e-3, pump_rate=3e6)
    distance = np.array([90e-9, 200e-9])
    step = 1e-3 * distance
    forces = []
    for lengths in (distance + step, distance - step):
        place = {"spin": sw.NV_TABLE1, "field": 35e-3, "temperature": 300.0}
        bath = sw.spin_wave_bath(film=sw.YIG_FIGURES, distance=lengths, rtol=1e-9, **place)
        levels = sw.pumped_occupations(**place, pump_rate=3e6, bath=bath)
        forces.append(sw.spin_wave_force(bath=bath, occupations=levels))
    expected = -(forces[0] - forces[1]) / (2 * step)
    found = model.evaluate(distance + 20e-9, {"surface": 20e-9, "coefficient": 1.0, "baseline": 0.0})
    assert found == pytest.approx(expected, rel=1e-3, abs=0)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_rates_and_force_share_where_the_surface_is():
    """Relaxation at three positions and the cantilever along them: one offset, with a smaller error."""
    rates = load_model("film_relaxation", near=80e-9, far=700e-9, logarithmic=True)
    force = load_model("spin_wave_force", near=80e-9, far=900e-9, field=20e-3, pump_rate=3e6)
    rng = np.random.default_rng(11)
    positions, offset = np.array([150e-9, 250e-9, 400e-9]), 25e-9
    traces = []
    for position in positions:
        clean = rates.evaluate(FIELDS, {"distance": position - offset, "T1": 3e-3, "scale": 1.0})
        noise = rng.normal(size=(2, FIELDS.size))
        traces.append(JointTrace(FIELDS, clean + 0.1 * (noise[0] + 1j * noise[1]), 0.1 + 0.1j))
    x = np.linspace(150e-9, 600e-9, 30)
    clean = force.evaluate(x, {"surface": offset, "coefficient": 3e12, "baseline": 1e-3})
    sigma = 0.02 * np.ptp(clean)
    traces.append(JointTrace(x, clean + sigma * rng.normal(size=x.size), sigma))
    settings = {
        "tied": {"distance": "position - offset", "surface": "offset"},
        "free": [Parameter("offset", "m", "of the surface", value=0.0)],
        "known": {"position": np.array([*positions, 0.0])},
    }
    both = fit_joint([rates] * 3 + [force], traces, shared={"T1": None}, **settings)
    value, error = both.value("offset")
    assert both.converged
    assert abs(value - offset) < 4 * error
    settings["known"] = {"position": positions}
    settings["tied"] = {"distance": "position - offset"}
    alone = fit_joint(rates, traces[:3], shared={"T1": None}, **settings)
    assert error < alone.value("offset")[1]


def test_what_is_known_of_the_film_widens_the_distance():
    """Thickness known to 1 %: the errors of the dense normal equations with one more measured value."""
    model = load_model("film_relaxation", **NARROW, logarithmic=True)
    truth = {"distance": 300e-9, "T1": 3e-3, "thickness_change": 0.0}
    clean = model.evaluate(FIELDS, truth | {"scale": 1.0})
    trace = JointTrace(FIELDS, clean, 0.03 + 0.03j)
    found = fit_joint(model, [trace], shared={}, priors={"thickness_change": (0.0, 0.01)})
    rows = []
    for name, step in (("distance", 1e-10), ("T1", 1e-6), ("thickness_change", 1e-4)):
        more, less = (
            model.evaluate(FIELDS, truth | {"scale": 1.0, name: truth[name] + sign * step})
            for sign in (1, -1)
        )
        slope = (more - less) / (2 * step)
        rows.append(np.concatenate([slope.real, slope.imag]) / 0.03)
    normal = np.array(rows) @ np.array(rows).T
    held = np.sqrt(np.linalg.inv(normal[:2, :2])[0, 0])
    normal[2, 2] += 1 / 0.01**2
    expected = np.sqrt(np.diagonal(np.linalg.inv(normal)))
    for name, error in zip(truth, expected, strict=True):
        assert found.errors[0, found.names.index(name)] == pytest.approx(error, rel=1e-3, abs=0)
    assert expected[0] > 1.05 * held


@pytest.mark.parametrize(("lower", "upper", "across"), [(8e5, 1e4, 0.0), (3e3, 9e3, 2e3), (5e4, 5e4, 0.0)])
def test_uneven_pumping_is_that_of_the_rate_matrix(lower, upper, across):
    """Steady state under light by the null space of the 3 × 3 matrix, then its exponential."""
    pumping, guard = 4e-7, 7e-7

    def matrix(light):
        rates = np.array(
            [[0, lower + light, upper + light], [lower, 0, across], [upper, across, 0]]
        )  # from column to row, |0>, |−>, |+>
        return rates - np.diag(rates.sum(axis=0))

    values, vectors = np.linalg.eig(matrix(1 / pumping))
    state = np.real(vectors[:, np.argmin(np.abs(values))])
    state = state / state.sum()
    # Light and relaxation: ρ∓ = Γ∓ρ_0/(1/τ + Γ∓), hence u ∝ 1/(1 + τΓ₋), if γ is slow against the light.
    times = np.array([0.0, 1e-7, 1e-6, 1e-5, 1e-4])
    expected = []
    for time in times:
        later = expm(matrix(0.0) * (guard + time)) @ state
        expected.append([later[0] - later[1], later[0] - later[2]])
    expected = np.array(expected) / expected[0]
    model = load_model("three_level_relaxation")
    found = model.evaluate(
        times,
        {
            "lower_rate": lower, "upper_rate": upper, "lower_amplitude": 1.0, "upper_amplitude": 1.0,
            "lower_baseline": 0.0, "upper_baseline": 0.0, "double_quantum_rate": across,
            "pumping_time": pumping, "guard": guard,
        },
    )  # fmt: skip
    rtol = 1e-9 if across == 0 else 2e-3
    assert found.real == pytest.approx(expected[:, 0], rel=rtol, abs=1e-12)
    assert found.imag == pytest.approx(expected[:, 1], rel=rtol, abs=1e-12)


@pytest.mark.parametrize(("noise", "doubted"), [(1e-3, True), (2e-5, False)])
def test_a_force_that_does_not_tell_where_the_surface_is_says_so(noise, doubted):
    model = load_model("spin_wave_force", pump_rate=3e6, near=50e-9, far=3e-6)
    x = np.array([1.5e-6, 300e-9, 200e-9, 160e-9, 120e-9])
    truth = {"surface": 2e-9, "coefficient": 2.5e12, "baseline": 0.0}
    y = model.evaluate(x, truth) + noise * np.random.default_rng(4).normal(size=x.size)
    fit = fit_curve(model, x, y, noise, start={"surface": 0.0})
    assert doubted == any("hardly distinguishable" in text for text in fit.warnings)

"""Relaxometry near a film: the plan, what is refused, and the rates that a simulated run finds."""

from pathlib import Path

import numpy as np
import pytest

from labspin.analysis import fit_many, fit_run, report_html
from labspin.data import read_run
from labspin.errors import DeviceError, LimitError, PlanError
from labspin.experiment import run
from labspin.physics import spinwaves as sw
from labspin.procedures import Relaxometry
from labspin.session import load_card
from labspin.station import load_station

ROOT = Path(__file__).parents[2]
CARD = ROOT / "procedures" / "relaxometry.toml"
FAR = {"expected_distance": "400 nm", "guard_time": "0.7 us", "laser_duration": "12 us"}
GATES = {"signal_width": "0.8 us", "reference_width": "4 us"}


def made(**changes):
    return Relaxometry(**{**FAR, **GATES, **changes})


def test_every_field_is_a_point_and_every_average_a_pass():
    points = list(made(fields=["20 mT", "30 mT"], averages=3).plan())
    assert [point.setpoints["magnet.field"] for point in points] == [0.02, 0.03] * 3
    assert [point.coordinates["average"] for point in points] == [0, 0, 1, 1, 2, 2]


def test_the_lines_follow_the_field():
    lower, upper = made().lines(0.03)
    assert lower + upper == pytest.approx(2 * 2.877e9, rel=1e-12, abs=0)
    assert upper - lower == pytest.approx(2 * 28.011e9 * 0.03, rel=1e-12, abs=0)
    assert list(made().moves(next(iter(made(fields=["30 mT"]).plan())))) == [
        {"microwave.frequency": lower},
        {"microwave.frequency": upper},
    ]


def test_dark_times_go_from_the_faster_to_the_slower_relaxation():
    """By the physics at each field: where the film resonates with |0> <-> |−>, a hundred times shorter."""
    procedure = made(dark_times=12, shortest=0.1, longest=2.0)
    for field in (0.02, 0.04):
        times = procedure.dark_time_values(field)
        bath = sw.spin_wave_bath(
            film=sw.YIG_FIGURES, spin=sw.NV_TABLE1, distance=400e-9, field=field, temperature=300.0
        )
        expected = sw.relaxation_times(spin=sw.NV_TABLE1, field=field, temperature=300.0, bath=bath)
        assert times[0] == pytest.approx(0.1 * float(expected.t1b), rel=0.02, abs=0)
        assert times[-1] == pytest.approx(2.0 * float(expected.t1a), rel=0.02, abs=0)
    fixed = made(expected="fixed", expected_T1="1 ms", shortest=0.1, longest=2.0).dark_time_values(0.02)
    assert [fixed[0], fixed[-1]] == pytest.approx([1e-4, 2e-3], rel=1e-6, abs=0)


def test_both_sequences_last_equally_long_and_differ_by_the_pulse():
    procedure = made()
    plain, pulsed = (procedure.sequence(1e-4, 1e-7, with_pi=with_pi) for with_pi in (False, True))
    assert plain.duration == pulsed.duration
    lines = [{pulse.line for pulse in sequence.pulses} for sequence in (plain, pulsed)]
    assert lines[1] - lines[0] == {"microwave"}


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"fields": ["120 mT"]}, PlanError, "crosses"),
        ({"fields": ["20 mT"], "expected_distance": "40 nm"}, PlanError, "shorten guard_time"),
        ({"laser_duration": "3 us"}, PlanError, "gates shorter"),
    ],
)
def test_what_cannot_be_measured_is_refused(changes, error, match):
    with pytest.raises(error, match=match):
        made(**changes).plan()


@pytest.mark.parametrize("parameters", [{"magnet_field": "3 mT"}, {"magnet": "nothing"}])
def test_the_magnet_cannot_be_set_beside_the_fields(parameters):
    with pytest.raises(PlanError, match="moves the magnet's field itself"):
        made(**parameters).settings()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    card = load_card(CARD, overrides=["fields=24 mT, 33 mT, 40 mT", "averages=2", "repetitions=2000"])
    (spec,) = card.runs
    with load_station(ROOT / "instruments" / "nv-over-film.toml").connect() as bench:
        return read_run(run(spec.make(), bench, tmp_path_factory.mktemp("run") / "run.h5").path)


def test_a_line_out_of_reach_of_the_source_is_refused_before_anything_moves(tmp_path):
    card = load_card(CARD, overrides=["fields=45 mT"])
    with (
        load_station(ROOT / "instruments" / "nv-over-film.toml").connect() as bench,
        pytest.raises(LimitError, match="microwave"),
    ):
        run(card.runs[0].make(), bench, tmp_path / "run.h5")


@pytest.fixture(scope="module")
def fits(recorded):
    return fit_run(recorded)


@pytest.fixture(scope="module")
def chained(recorded):
    """What becomes of the file of the run when it is fitted on to the distance."""
    (result,) = fit_many([recorded.path], workers=1)
    return result


def test_a_simulated_run_gives_both_rates(fits):
    assert len(fits) == 3
    for fit, field in zip(fits, (0.024, 0.033, 0.040), strict=True):
        bath = sw.spin_wave_bath(
            film=sw.YIG_FIGURES, spin=sw.NV_TABLE1, distance=400e-9, field=field, temperature=300.0
        )
        alone = sw.thermal_rates(spin=sw.NV_TABLE1, field=field, temperature=300.0)
        lower = (bath.decay_minus + bath.absorption_minus) / 2 + alone.kappa_1 * alone.occupation_minus
        upper = (bath.decay_plus + bath.absorption_plus) / 2 + alone.kappa_1 * alone.occupation_plus
        assert abs(fit["lower_rate"].value - lower) < 4 * fit["lower_rate"].stderr
        assert abs(fit["upper_rate"].value - upper) < 4 * fit["upper_rate"].stderr
        assert fit["lower_rate"].stderr < 0.15 * fit["lower_rate"].value
        assert fit.statistics.p_value > 1e-3


def test_raw_counts_are_kept(recorded):
    data = recorded.data
    assert data["signal_lower_0"].shape[-1] == 15

    def rate(name, width):
        """Rate of an ever-live detector, 1/s."""
        counted = data[name] / (2000 * width)
        return counted / (1 - 22e-9 * counted)

    contrast = rate("signal_upper_0", 0.8e-6) / rate("reference_upper_0", 4e-6)
    with_pi = rate("signal_upper_pi", 0.8e-6) / rate("reference_upper_pi", 4e-6)
    assert np.asarray(data["difference"]).imag == pytest.approx(contrast - with_pi, rel=1e-9, abs=1e-12)


def test_contrasts_are_corrected_for_dead_time():
    """A detector of dead time τ counts r/(1 + rτ) of a rate r; the relative error stays 1/√N."""
    procedure = made(dead_time="22 ns", repetitions=100_000)
    rates = np.array([4e6, 5e6])  # 1/s
    widths = np.array([procedure.signal_width, procedure.reference_width])
    counts = np.round(1e5 * widths * rates / (1 + 22e-9 * rates)).astype(int)
    value, error = procedure.contrast(*counts.tolist())
    assert value == pytest.approx(0.8, rel=1e-5, abs=0)
    assert error == pytest.approx(value * np.sqrt((1 / counts).sum()), rel=1e-3, abs=0)
    with pytest.raises(DeviceError, match="no time"):
        made(dead_time="1 us", repetitions=1000).contrast(10_000, 10_000)


def test_errors_of_the_differences_are_the_scatter(fits):
    """With the dead time known they are neither too large nor too small: joint χ² of all fields."""
    assert 1e-3 < fits[0].statistics.p_value < 1 - 1e-3


def test_one_fit_goes_on_to_the_distance(recorded, chained):
    """The distance stands in the run file beside the rates, and is the true one."""
    (link,) = chained.linked
    assert link.status == "fitted"
    found = link.record.parameter("distance")
    truth = float(np.mean(recorded.truth_at_points["distance"]))
    assert abs(float(found.value) - truth) < 4 * float(found.stderr)
    assert float(found.stderr) < 0.05 * truth
    assert [fit.name for fit in read_run(recorded.path).fits] == ["relaxometry", "relaxometry_distance"]


def test_the_report_compares_with_the_truth_of_the_points(recorded, chained):
    """The tip stood 50 um away when the run began."""
    assert chained.linked
    page = report_html(recorded.path)
    section = page[page.index("Fit relaxometry_distance") :]
    row = section[section.index("<td>distance</td>") :].split("</tr>")[0]
    assert "50 µm" not in row
    assert "σ" in row

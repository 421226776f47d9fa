"""Numbers that the paper states, beside what its equations give (figures' preset, 300 K, all bands)."""

import numpy as np
import pytest

from labspin.physics import spinwaves as sw

FILM, NV = sw.YIG_FIGURES, sw.NV_TABLE1
D = FILM.thickness


def near(field, distance, rates="consistent", **choice):
    """The bath and the relaxation times; by default in the form of the paper."""
    arguments = {"transitions": "lower", **choice}
    bath = sw.spin_wave_bath(
        film=FILM, spin=NV, distance=distance, field=field, temperature=300.0, rates=rates, **arguments
    )
    return bath, sw.relaxation_times(spin=NV, field=field, temperature=300.0, bath=bath)


def test_shifts_at_35_millitesla():
    bath, _ = near(0.035, np.array([1.0, 0.2]) * D)
    assert bath.shift_minus / 2 / np.pi == pytest.approx([-9.508e3, -0.4128e6], rel=1e-3, abs=0)


def test_lifetimes_at_35_millitesla():
    """With Γ± as printed in (244) and the printed (247), T1' is 1.36 ms and 73.7 µs.

    With the matrix instead of (247) 1.31 ms and 73.5 µs; with Γ± = (κ_d ± κ_a)/2 as it is defined 1.73 ms and
    143 µs.
    """
    lengths = np.array([1.0, 0.2]) * D
    printed, times = near(0.035, lengths, rates="printed")
    rates = sw.thermal_rates(spin=NV, field=0.035, temperature=300.0)
    g, m, total, difference = rates.gamma_plus, rates.gamma_minus, printed.sum_rate, printed.difference_rate
    bracket = g**2 + 3 * m**2 + total**2 + total * (g + m) + difference * (g - m)
    assert 1 / (2 * g + rates.kappa_1 + total + np.sqrt(bracket)) == pytest.approx(
        [1.36e-3, 73.7e-6], rel=5e-3, abs=0
    )
    assert times.shortest == pytest.approx([1.3096e-3, 73.47e-6], rel=1e-3, abs=0)
    _, consistent = near(0.035, lengths)
    assert consistent.shortest == pytest.approx([1.7289e-3, 142.95e-6], rel=1e-3, abs=0)


def test_the_upper_transition_at_35_millitesla():
    """[SW] leaves it out; the rates are those of its own (223) for |0> <-> |+>."""
    lengths = np.array([0.1, 0.2, 0.5, 1.0]) * D
    paper, _ = near(0.035, lengths)
    both, times = near(0.035, lengths, transitions="both", occupation="mode")
    ratio = both.decay_plus / paper.decay_minus
    assert ratio == pytest.approx([154.7, 80.26, 14.15, 2.407], rel=1e-3, abs=0)
    assert times.shortest == pytest.approx([0.5606e-6, 1.877e-6, 43.84e-6, 1.1607e-3], rel=1e-3, abs=0)
    _, balanced = near(0.035, lengths, transitions="both")
    assert balanced.shortest == pytest.approx([0.5604e-6, 1.876e-6, 43.78e-6, 1.1443e-3], rel=1e-3, abs=0)


def test_the_upper_transition_takes_most_of_the_pumped_force():
    """Fig. 4(c) at 35 mT and 0.2 d: 3.0 zN in the form of [SW]; the occupations alone leave 0.89 zN of it."""
    paper, _ = near(0.035, 0.2 * D)
    both, _ = near(0.035, 0.2 * D, transitions="both", occupation="mode", counter_rotating=False)
    arguments = {"spin": NV, "field": 0.035, "temperature": 300.0}
    alone, mixed = (sw.pumped_occupations(**arguments, bath=bath) for bath in (paper, both))
    forces = [
        float(sw.spin_wave_force(bath=bath, occupations=levels))
        for bath, levels in ((paper, alone), (paper, mixed), (both, mixed))
    ]
    assert forces[0] == pytest.approx(2.98e-21, rel=5e-3, abs=0)
    assert forces[1] == pytest.approx(0.887e-21, rel=5e-3, abs=0)
    assert forces[2] == pytest.approx(0.882e-21, rel=5e-3, abs=0)


@pytest.mark.parametrize("rates", ["printed", "consistent"])
def test_the_shift_is_resolved_out_to_four_thicknesses(rates):
    """|δ_− T1'| > 1 for separations as large as 4 d."""
    bath, times = near(0.035, np.array([0.2, 1.0, 4.0]) * D, rates)
    product = np.abs(bath.shift_minus * times.shortest)
    assert (product > 1).all()
    assert product[2] == pytest.approx(1.40, abs=0.01)


def test_the_force_at_5_millitesla_changes_sign_near_a_third_of_the_thickness():
    """The slope of δ_− does, and with it (260)."""
    lengths = np.linspace(0.2, 0.45, 51) * D
    bath, _ = near(0.005, lengths)
    slope = bath.shift_minus_gradient
    crossing = lengths[np.argmax(slope < 0)] / D
    assert slope[0] > 0 > slope[-1]
    assert crossing == pytest.approx(0.3, abs=0.05)


def test_at_25_and_35_millitesla_the_shift_is_negative_everywhere_and_at_5_it_changes_sign():
    """Fig. 13(a)"""
    bath, _ = near(np.array([0.005, 0.025, 0.035]), np.geomspace(0.05, 5, 40)[:, None] * D)
    assert (bath.shift_minus[:, 1:] < 0).all()
    assert bath.shift_minus[0, 0] < 0 < bath.shift_minus[-1, 0]


def test_no_wave_is_resonant_beyond_the_dip_of_the_lowest_band():
    """The text says ≳ 30 mT; the backward-volume dip leaves at 34.8 mT (36.1 mT with Table 1's α_x)."""
    for film, limit in ((sw.YIG_FIGURES, 34.8e-3), (sw.YIG_TABLE1, 36.1e-3)):
        for field, count in ((limit - 0.2e-3, 2), (limit + 0.2e-3, 0)):
            omega = float(sw.transition_frequencies(spin=NV, field=field)[0])
            assert len(sw.iso_frequency_contour(film=film, field=field, frequency=omega)) == count


def test_pumping_works_better_where_nothing_is_resonant():
    """Fig. 14(c): at 35 mT the pumped force exceeds those at resonant fields by far."""
    field = np.array([0.005, 0.025, 0.035])
    bath, _ = near(field, 0.3 * D)
    levels = sw.pumped_occupations(spin=NV, field=field, temperature=300.0, bath=bath)
    force = np.abs(sw.spin_wave_force(bath=bath, occupations=levels))
    assert levels[2, 0] > 0.7 > 0.45 > levels[0, 0]
    assert force[2] > 20 * force[:2].max()


def test_occupations_fall_twice_near_the_film():
    """Fig. 11(c): a fast decay to about 0.2 above rest, then a slow one, at 25 mT."""
    bath, times = near(0.025, 0.2 * D)
    assert times.t1a > 100 * times.t1b
    time = np.sqrt(times.t1a * times.t1b)
    levels = sw.occupations_in_time(spin=NV, field=0.025, temperature=300.0, time=time, bath=bath)
    rest = sw.steady_occupations(spin=NV, field=0.025, temperature=300.0, bath=bath)
    assert levels[0] - rest[0] == pytest.approx(0.17, abs=0.02)

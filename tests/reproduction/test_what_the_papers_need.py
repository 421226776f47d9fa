"""What the figures need of the physics, called by its public name, against a value from elsewhere."""

import numpy as np
import pytest
from scipy.constants import hbar, k, mu_0

from labspin.physics import nv, spinwaves as sw
from labspin.physics.spinwaves import NV_TABLE1, YIG_FIGURES
from tests.some import some

D = YIG_FIGURES.thickness


def test_a_quantum_of_a_wave_carries_the_energy_of_its_magnetisation():
    """(5): the energy of a quantum is that of its magnetisation, here for kd → 0, where it is closed.

    With k → 0: ω² = ω_H(ω_H + ω_M), ν_x = ω_H/ω_M, ν_y = ν_x + 1.
    """
    area = 1e-12
    size = sw.zero_point_magnetisation(film=YIG_FIGURES, field=0.02, wavenumber=0.0, area=area)
    h = 0.02 / (mu_0 * YIG_FIGURES.magnetisation)
    m = sw.magnetisation_mode(film=YIG_FIGURES, field=0.02, wavenumber=0.0, height=0.5 * D)
    energy = mu_0 / 2 * area * D * size**2 * ((h + 1) * abs(m[0]) ** 2 + h * abs(m[1]) ** 2)
    omega = YIG_FIGURES.gyromagnetic_ratio * mu_0 * YIG_FIGURES.magnetisation * np.sqrt(h * (h + 1))
    # M = M_0 (s m + h.c.): of the two terms, each a half quantum, the mean energy is twice this integral.
    assert 2 * energy == pytest.approx(hbar * omega, rel=1e-9, abs=0)


def test_single_couplings_add_up_to_the_rate_of_the_bath():
    """(8): 2π Σ_β |g_β|² δ(ω_β − ω_−)(2n̄ + 1), summed over the plane of wavevectors, δ being 10 MHz wide.

    At 25 mT, where the lowest band alone is resonant.
    """
    place = {"film": YIG_FIGURES, "field": 0.025}
    minus = float(sw.transition_frequencies(spin=NV_TABLE1, field=0.025)[0])
    step, turn, width = 8 / 4000, np.pi / 360, 2e7 * np.pi
    angle, kd = (np.arange(720) + 0.5) * turn, (np.arange(4000) + 0.5) * step
    omega = sw.mode_frequency(wavenumber=kd / D, angle=angle[:, None], **place)
    which, of_kd = np.nonzero(np.abs(omega - minus) < 6 * width)
    waves = {"wavenumber": kd[of_kd] / D, "angle": angle[which]}
    g = sw.mode_coupling(spin=NV_TABLE1, distance=D, area=1.0, **waves, **place)[:, 1]
    apart = (omega[which, of_kd] - minus) / width
    delta = np.exp(-(apart**2) / 2) / (width * np.sqrt(2 * np.pi))
    cell = waves["wavenumber"] * (step / D) * turn / (2 * np.pi) ** 2
    total = 2 * np.pi * np.sum(np.abs(g) ** 2 * delta * cell)
    warm = 1 / np.expm1(hbar * minus / (k * 300.0))
    bath = sw.spin_wave_bath(spin=NV_TABLE1, distance=D, temperature=300.0, transitions="lower", **place)
    both_ways = float(bath.decay_minus + bath.absorption_minus)
    assert (2 * warm + 1) * total == pytest.approx(both_ways, rel=0.005, abs=0)


def test_the_largest_linewidth_is_at_the_wave_that_is_named():
    layer = sw.spin_layer(spin=NV_TABLE1, density=1e22, field=0.01, temperature=300.0)
    found = sw.maximum_linewidth(film=YIG_FIGURES, layer=layer, field=0.01)
    there = sw.modified_modes(
        film=YIG_FIGURES, layer=layer, field=0.01, wavenumber=found.wavenumber, angle=found.angle
    )
    empty = sw.modified_modes(
        film=YIG_FIGURES, layer=sw.spin_layer(spin=NV_TABLE1, density=0.0, field=0.01, temperature=300.0),
        field=0.01, wavenumber=found.wavenumber, angle=found.angle,
    )  # fmt: skip
    added = float(there.decay_rate - empty.decay_rate)
    assert added == pytest.approx(float(found.rate), rel=1e-3, abs=0)


def test_a_layer_over_many_fields_is_that_of_each():
    fields = np.array([0.01, 0.02])
    many = sw.spin_layer(spin=NV_TABLE1, density=1e22, field=fields, temperature=300.0)
    widths = sw.maximum_linewidth(film=YIG_FIGURES, layer=many, field=fields).rate
    for number, field in some(enumerate(fields)):
        one = sw.spin_layer(spin=NV_TABLE1, density=1e22, field=field, temperature=300.0)
        alone = sw.maximum_linewidth(film=YIG_FIGURES, layer=one, field=field).rate
        assert widths[number] == pytest.approx(float(alone), rel=1e-6, abs=0)


def test_the_locus_of_resonance_has_the_frequency_of_the_centre():
    minus = float(sw.transition_frequencies(spin=NV_TABLE1, field=0.02)[0])
    curves = sw.iso_frequency_contour(film=YIG_FIGURES, field=0.02, frequency=minus)
    assert curves
    for curve in curves:
        ky, kz = curve.T if curve.shape[-1] == 2 else curve
        omega = sw.mode_frequency(
            film=YIG_FIGURES, field=0.02, wavenumber=np.hypot(ky, kz), angle=np.arctan2(kz, ky)
        )
        np.testing.assert_allclose(omega, minus, rtol=1e-6, atol=0)


def test_the_double_quantum_coherence_lives_by_both_lines():
    """(145): a phase between |+> and |−> feels the noise along the axis twice, that of |0> and |+> once."""
    times = sw.coherence_times(spin=NV_TABLE1, field=0.02, temperature=300.0)
    assert float(times.double_quantum) > 0
    assert float(times.double_quantum) < float(times.plus)


def test_t1_of_a_class_needs_no_light_and_a_decay_is_one_over_e_at_t1():
    bench = nv.LABORATORY_BENCH
    found = nv.relaxation_times(
        field=bench.bench.field(bench.all_at), orientation=bench.orientation, relaxation=nv.CR_MEASURED
    )
    np.testing.assert_allclose(found, 220e-6, rtol=0.02, atol=0)  # the measured time, all four alike
    assert float(nv.stretched_decay(time=220e-6, t1=220e-6, beta=0.8)) == pytest.approx(
        np.exp(-1), rel=1e-12, abs=0
    )


def test_charge_ends_where_loss_and_gain_balance_and_reflection_follows_the_angle():
    charge = nv.ChargeDynamics(loss_time=1e-4, recovery_time=1e-2, kept=0.7)
    lost, gained = charge.rates(1.0)
    assert gained / (lost + gained) == pytest.approx(0.7, rel=1e-12, abs=0)
    assert float(charge.charged(start=1.0, time=1.0, light=1.0)) == pytest.approx(0.7, rel=1e-12, abs=0)
    assert float(nv.reflected_light(angle=1e-3, slope=-150.0)) == pytest.approx(0.85, rel=1e-12, abs=0)

from dataclasses import fields, replace

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, strategies as st
from scipy.constants import hbar
from scipy.linalg import expm

from labspin.errors import ArgumentError
from labspin.physics import spinwaves as sw
from labspin.physics.nv import NV_OPTICAL_RATES
from tests.some import some

FILM, NV = sw.YIG_FIGURES, sw.NV_TABLE1
D = FILM.thickness


def bath_of(total, difference, upper=(0.0, 0.0)):
    """A made-up bath with given Γ± of |0> <-> |−>, and κ_d, κ_a of |0> <-> |+>."""
    zero = np.zeros(())
    rates = {
        "decay_minus": np.asarray(total + difference),
        "absorption_minus": np.asarray(total - difference),
        "decay_plus": np.asarray(upper[0]),
        "absorption_plus": np.asarray(upper[1]),
    }
    names = [item.name for item in fields(sw.SpinWaveBath) if item.name not in ("bands", "occupation")]
    return sw.SpinWaveBath(**{name: rates.get(name, zero) for name in names}, bands=1)


def printed_matrices(rates, total, difference):
    """M0 + M' of (139) and (243) and the source of (242)."""
    g, m, k = rates.gamma_plus, rates.gamma_minus, rates.kappa_1
    m0 = np.array([[k + 3 * g, m], [3 * m, k + g]])
    up, down = 3 * total - difference, total + difference
    return m0 + 0.5 * np.array([[up, down], [up, down]]), np.array([k + g + down / 2, m + down / 2])


RATES = st.floats(0.0, 1e6)


@given(st.floats(0.0, 0.09), st.floats(-3.0, 3.0), RATES, st.floats(0.0, 1.0))
def test_times_and_rest_are_those_of_the_printed_matrix(field, exponent, total, share):
    temperature = 10.0**exponent
    rates = sw.thermal_rates(spin=NV, field=field, temperature=temperature)
    matrix, source = printed_matrices(rates, total, share * total)
    bath = bath_of(total, share * total)
    found = sw.relaxation_times(spin=NV, field=field, temperature=temperature, bath=bath)
    eigenvalues = np.sort(np.linalg.eigvals(matrix).real)
    assert [1 / found.t1a, 1 / found.t1b] == pytest.approx(list(eigenvalues), rel=1e-6, abs=0)
    levels = sw.steady_occupations(spin=NV, field=field, temperature=temperature, bath=bath)
    zero, s_z = np.linalg.solve(matrix, source)
    assert levels[0] == pytest.approx(zero, rel=1e-6, abs=0)
    assert levels[1] - levels[2] == pytest.approx(s_z, abs=1e-6)
    assert levels.sum() == pytest.approx(1.0, rel=1e-12, abs=0)


def test_the_closed_form_of_the_rates_needs_its_correction():
    """(247): the printed bracket misses the eigenvalues of (242)–(243), the corrected one meets them."""
    rates = sw.thermal_rates(spin=NV, field=0.035, temperature=300.0)
    total, difference = 190.0, 12.0
    g, m = rates.gamma_plus, rates.gamma_minus
    centre = 2 * g + rates.kappa_1 + total
    right = g**2 + 3 * m**2 + total**2 + total * (g + 3 * m) + difference * (m - g)
    printed = g**2 + 3 * m**2 + total**2 + total * (g + m) + difference * (g - m)
    found = sw.relaxation_times(spin=NV, field=0.035, temperature=300.0, bath=bath_of(total, difference))
    assert 1 / found.shortest == pytest.approx(centre + np.sqrt(right), rel=1e-12, abs=0)
    assert abs(1 / found.shortest / (centre + np.sqrt(printed)) - 1) > 0.02


def test_the_shortest_time_is_the_minimum():
    """(248): min(T1a, T1b) is 1/λ_max; max(1/λ_+, 1/λ_−) as printed is the other one."""
    found = sw.relaxation_times(spin=NV, field=0.02, temperature=300.0, bath=bath_of(1e4, 1.0))
    assert found.shortest == min(found.t1a, found.t1b)
    assert max(found.t1a, found.t1b) > 10 * found.shortest


def generator_of(spin, field, temperature, bath):
    """The 3×3 master equation over (0, +, −), written out rate by rate."""
    rates = sw.thermal_rates(spin=spin, field=field, temperature=temperature)
    k1, plus, minus = rates.kappa_1, rates.occupation_plus, rates.occupation_minus
    boltzmann = np.exp(-2 * hbar * spin.gyromagnetic_ratio * field / (1.380649e-23 * temperature))
    down = 2 * spin.double_quantum_rate / (1 + boltzmann)
    generator = np.array(
        [
            [0, k1 * (1 + plus) + bath.decay_plus, k1 * (1 + minus) + bath.decay_minus],
            [k1 * plus + bath.absorption_plus, 0, down * boltzmann],
            [k1 * minus + bath.absorption_minus, down, 0],
        ]
    )
    return generator - np.diag(generator.sum(axis=0))


@given(st.floats(0.0, 0.09), RATES, st.floats(0.0, 1.0), RATES, RATES, st.floats(0.0, 5.0))
@example(field=0.0, total=10312.0, share=1.0, upper=11624.0, across=3223.0, age=1.0)  # a circle: they swing
def test_occupations_follow_the_master_equation(field, total, share, upper, across, age):
    """Against the matrix exponential of the 3×3 generator, both transitions and |−> <-> |+>."""
    spin = replace(NV, double_quantum_rate=across)
    bath = bath_of(total, share * total, (upper, 0.4 * upper))
    generator = generator_of(spin, field, 1.0, bath)
    time = age / (np.abs(generator).max() + total)
    start = np.array([0.2, 0.5, 0.3])
    found = sw.occupations_in_time(
        spin=spin, field=field, temperature=1.0, time=time, initial=start, bath=bath
    )
    assert found == pytest.approx(expm(generator * time) @ start, rel=1e-9, abs=0)
    rest = sw.steady_occupations(spin=spin, field=field, temperature=1.0, bath=bath)
    assert np.abs(generator @ rest).max() < 1e-12 * np.abs(generator).max()
    times = sw.relaxation_times(spin=spin, field=field, temperature=1.0, bath=bath)
    eigenvalues = np.sort(-np.linalg.eigvals(generator).real)[1:]
    assert [1 / times.t1a, 1 / times.t1b] == pytest.approx(list(eigenvalues), rel=1e-6, abs=0)


def test_double_quantum_relaxation_leaves_a_thermal_spin_thermal():
    spin = replace(NV, double_quantum_rate=1e4)
    for temperature in (0.01, 0.1, 300.0):
        arguments = {"field": 0.03, "temperature": temperature}
        assert sw.steady_occupations(spin=spin, **arguments) == pytest.approx(
            sw.steady_occupations(spin=NV, **arguments), rel=1e-9, abs=0
        )


def test_a_bare_spin_at_zero_field_decays_with_t1():
    """(147)–(149)"""
    times = np.array([0.0, 1e-3, 3e-3, 9e-3])
    found = sw.occupations_in_time(spin=NV, field=0.0, temperature=300.0, time=times)
    rest = sw.steady_occupations(spin=NV, field=0.0, temperature=300.0)
    assert found[:, 0] == pytest.approx(rest[0] + (1 - rest[0]) * np.exp(-times / 3e-3), rel=1e-12, abs=0)
    assert found[:, 1] == pytest.approx(found[:, 2], rel=1e-12, abs=0)
    assert rest == pytest.approx(np.full(3, 1 / 3), rel=1e-3, abs=0)


def test_rest_is_thermal():
    """(143) is the Boltzmann distribution of the three levels."""
    rest = sw.steady_occupations(spin=NV, field=0.03, temperature=0.1)
    minus, plus = sw.transition_frequencies(spin=NV, field=0.03)
    energies = np.array([0.0, float(plus), float(minus)]) * hbar / (1.380649e-23 * 0.1)
    assert rest == pytest.approx(np.exp(-energies) / np.exp(-energies).sum(), rel=1e-10, abs=0)


def test_coherences_of_a_bare_spin_live_t2_star():
    """And <σ_+−> decays by (145): κ1 + γ+ + 2 κ2."""
    found = sw.coherence_times(spin=NV, field=0.0, temperature=300.0)
    assert found.plus == pytest.approx(1e-6, rel=1e-12, abs=0)
    assert found.minus == pytest.approx(1e-6, rel=1e-12, abs=0)
    rates = sw.thermal_rates(spin=NV, field=0.02, temperature=300.0)
    double = sw.coherence_times(spin=NV, field=0.02, temperature=300.0, pump_rate=1e4).double_quantum
    expected = rates.gamma_plus + rates.kappa_1 + 2 * rates.kappa_2 + 1e4
    assert 1 / double == pytest.approx(float(expected), rel=1e-12, abs=0)


def test_coherence_times_are_those_of_the_lindblad_operators():
    """(249), (238) and (168) against the Lindblad equation of a spin 1, built from its jump operators."""
    total, difference, dephasing, pump = 5e5, 1e5, 3e4, 7e3
    bath = bath_of(total, difference, (4e5, 1.5e5))
    spin = replace(NV, double_quantum_rate=2e4)
    rates = sw.thermal_rates(spin=spin, field=0.02, temperature=300.0)
    generator = generator_of(spin, 0.02, 300.0, bath)
    jumps = []
    for i in range(3):
        for j in range(3):
            if i != j:
                jump = np.zeros((3, 3))
                jump[i, j] = np.sqrt(generator[i, j])
                jumps.append(jump)
        leaving = np.zeros((3, 3))
        leaving[i, i] = np.sqrt(pump)  # to an excited level outside: only −{L†L, ρ}/2 is left in these three
        jumps.append(leaving)
    s_z = np.diag([0.0, 1.0, -1.0]) * np.sqrt(float(rates.kappa_2) + dephasing)

    def rate(i, j):
        rho = np.zeros((3, 3))
        rho[i, j] = 1.0
        lost = sum(0.5 * (jump.T @ jump @ rho + rho @ jump.T @ jump) for jump in [*jumps, s_z])
        return (lost - s_z @ rho @ s_z)[i, j]

    found = sw.coherence_times(
        spin=spin, field=0.02, temperature=300.0, bath=bath, dephasing=dephasing, pump_rate=pump
    )
    expected = [rate(0, 1), rate(0, 2), rate(1, 2)]
    assert [1 / time for time in found] == pytest.approx(expected, rel=1e-12, abs=0)


class TestPumping:
    @given(st.floats(0.0, 0.09), st.floats(0.0, 1e8))
    def test_occupations_solve_the_printed_system(self, field, pump):
        """(164)–(166)"""
        c = NV_OPTICAL_RATES
        rates = sw.thermal_rates(spin=NV, field=field, temperature=300.0)
        k, g, m = float(rates.kappa_1), float(rates.gamma_plus), float(rates.gamma_minus)
        matrix = np.array(
            [
                [
                    -k - 3 * g - pump,
                    -m,
                    c.spin_conserving - k - g,
                    c.spin_mixing - k - g,
                    c.singlet_zero - k - g,
                ],
                [-3 * m, -k - g - pump, -m, -m, -m],
                [pump, 0, -c.spin_conserving - c.spin_mixing - c.crossing_zero, 0, 0],
                [-pump, 0, -pump, -c.spin_conserving - c.spin_mixing - c.crossing_one - pump, -pump],
                [0, 0, c.crossing_zero, c.crossing_one, -c.singlet_zero - 2 * c.singlet_one],
            ]
        )
        zero, s_z, three, four, five = np.linalg.solve(matrix, -np.array([k + g, m, 0, pump, 0]))
        found = sw.pumped_occupations(spin=NV, field=field, temperature=300.0, pump_rate=pump)
        expected = [zero, three, four, five, s_z]
        assert [*found[[0, 3, 4, 5]], found[1] - found[2]] == pytest.approx(expected, abs=1e-8)
        assert found.sum() == pytest.approx(1.0, rel=1e-10, abs=0)

    def test_without_light_nothing_is_excited(self):
        bath = sw.spin_wave_bath(film=FILM, spin=NV, distance=D, field=0.03, temperature=[0.1, 300.0])
        arguments = {"spin": NV, "field": 0.03, "temperature": [0.1, 300.0], "bath": bath}
        found = sw.pumped_occupations(**arguments, pump_rate=0.0)
        assert found[:, :3] == pytest.approx(sw.steady_occupations(**arguments), rel=1e-12, abs=0)
        assert (found[:, 3:] == 0).all()
        assert np.isfinite(sw.spin_wave_force(bath=bath, occupations=found)).all()

    def test_rare_occupations_are_exact(self):
        """Against the tree theorem in 60 digits, where light is faint and the spin is cold."""
        matrix = sw.pumping_rate_matrix(spin=NV, field=0.02, temperature=0.02, pump_rate=1e-9)
        with mpmath.workdps(60):
            exact = mpmath.matrix(matrix.tolist())
            for column in range(6):
                exact[column, column] = -sum(exact[row, column] for row in range(6) if row != column)
            for column in range(6):
                exact[5, column] = 1
            expected = mpmath.lu_solve(exact, mpmath.matrix([0, 0, 0, 0, 0, 1]))
        found = sw.pumped_occupations(spin=NV, field=0.02, temperature=0.02, pump_rate=1e-9)
        assert list(found) == pytest.approx([float(x) for x in expected], rel=1e-13, abs=0)

    def test_rates_conserve_occupation(self):
        matrix = sw.pumping_rate_matrix(spin=NV, field=[0.0, 0.05], temperature=4.0, pump_rate=1e5)
        assert np.abs(matrix.sum(axis=-2)).max() < 1e-7
        assert (matrix - matrix * np.eye(6) >= 0).all()

    def test_numbers_of_the_paper(self):
        """ρ_00 ≈ 0.8, τ ≈ 50 µs at 2π·10 kHz, and 0.13 GW/m²."""
        arguments = {"spin": NV, "field": 0.02, "temperature": 300.0}
        rates = 2 * np.pi * np.geomspace(1e2, 1e6, 401)
        zero = sw.pumped_occupations(**arguments, pump_rate=rates)[:, 0]
        at_optimum = sw.pumped_occupations(**arguments)[0]
        assert at_optimum == pytest.approx(0.785, abs=5e-4)
        assert zero.max() == pytest.approx(0.7857, abs=2e-4)
        assert at_optimum > 0.998 * zero.max()
        assert sw.correlation_time(**arguments) == pytest.approx(41e-6, rel=0.02, abs=0)
        assert sw.pump_rate_from_intensity(intensity=0.13e9) == pytest.approx(
            2 * np.pi * 10e3, rel=0.1, abs=0
        )


def lower_bath(**arguments):
    """The bath in the form of [SW]."""
    return sw.spin_wave_bath(film=FILM, spin=NV, transitions="lower", **arguments)


class TestForce:
    def test_the_general_force_is_the_gradient_of_the_mean_energy(self):
        levels = np.array([0.5, 0.2, 0.3])
        lengths = np.array([0.999, 1.0, 1.001]) * D
        bath = sw.spin_wave_bath(film=FILM, spin=NV, distance=lengths, field=0.02, temperature=0.3, rtol=1e-9)
        energy = hbar * (bath.shift_zero + bath.shift_plus * levels[1] + bath.shift_minus * levels[2])
        expected = -(energy[2] - energy[0]) / (lengths[2] - lengths[0])
        assert sw.spin_wave_force(bath=bath, occupations=levels)[1] == pytest.approx(
            expected, rel=1e-5, abs=0
        )
        below = sw.spin_wave_force(bath=bath, occupations=levels, side=-1)
        assert below[1] == pytest.approx(-expected, rel=1e-5, abs=0)

    def test_in_the_form_of_the_paper_it_is_that_of_the_paper(self):
        """(258) with (259)"""
        bath = lower_bath(distance=D, field=0.02, temperature=0.3)
        slope, slope_plus = bath.shift_minus_gradient, bath.shift_plus_gradient
        expected = hbar * (0.5 * slope_plus - 0.3 * (slope - slope_plus))
        found = sw.spin_wave_force(bath=bath, occupations=[0.5, 0.2, 0.3])
        assert found == pytest.approx(float(expected), rel=1e-12, abs=0)

    def test_both_limits(self):
        """(260): cold always, hot where the spin is polarised."""
        bath = lower_bath(distance=0.5 * D, field=0.035, temperature=[1e-2, 300.0])
        rest = sw.steady_occupations(spin=NV, field=0.035, temperature=1e-1)
        pumped = sw.pumped_occupations(spin=NV, field=0.035, temperature=300.0)
        general = sw.spin_wave_force(bath=bath, occupations=np.stack([rest, pumped[:3]]))
        cold = sw.spin_wave_force(bath=bath, occupations=rest, limit="low temperature")[0]
        hot = sw.spin_wave_force(bath=bath, occupations=pumped, limit="high temperature")[1]
        assert general[0] == pytest.approx(cold, rel=0.05, abs=0)
        assert general[1] == pytest.approx(hot, rel=1e-3, abs=0)

    def test_a_thermal_spin_at_room_temperature_is_outside_the_high_temperature_limit(self):
        """ρ_−− − ρ_00 is as small as what (257) neglects, so (260) is not the limit of (258)–(259) there."""
        bath = lower_bath(distance=0.5 * D, field=0.035, temperature=300.0)
        levels = sw.steady_occupations(spin=NV, field=0.035, temperature=300.0, bath=bath)
        general = sw.spin_wave_force(bath=bath, occupations=levels)
        limit = sw.spin_wave_force(bath=bath, occupations=levels, limit="high temperature")
        assert general < 0 < limit

    def test_at_5_millitesla_only_that_limit_changes_sign(self):
        """Fig. 14(a) follows (260); the general force attracts at every distance."""
        lengths = np.geomspace(0.15, 1.0, 30) * D
        bath = lower_bath(distance=lengths, field=0.005, temperature=300.0)
        levels = sw.steady_occupations(spin=NV, field=0.005, temperature=300.0, bath=bath)
        limit = sw.spin_wave_force(bath=bath, occupations=levels, limit="high temperature")
        assert limit[0] > 0 > limit[-1]
        assert lengths[np.argmax(limit < 0)] / D == pytest.approx(0.3, abs=0.03)
        assert (sw.spin_wave_force(bath=bath, occupations=levels) < 0).all()

    def test_the_static_spring_is_the_slope_of_the_force(self):
        """κ(0) = −dF/dl with the occupations at rest everywhere; fast motion leaves them where they are."""
        arguments = {"film": sw.YIG_FIGURES, "spin": sw.NV_TABLE1, "field": 0.035, "temperature": 300.0}
        pump = 1e5

        def force(length, frozen=None):
            bath = sw.spin_wave_bath(**arguments, distance=length, rtol=1e-10)
            levels = frozen
            if levels is None:
                levels = sw.pumped_occupations(
                    spin=sw.NV_TABLE1, field=0.035, temperature=300.0, pump_rate=pump, bath=bath
                )
            return float(sw.spin_wave_force(bath=bath, occupations=levels)), levels

        length, step = 100e-9, 1e-11
        at_rest = -(force(length + step)[0] - force(length - step)[0]) / (2 * step)
        _, levels = force(length)
        frozen = -(force(length + step, levels)[0] - force(length - step, levels)[0]) / (2 * step)
        slow, fast = sw.spin_wave_stiffness(
            **arguments, distance=length, pump_rate=pump, angular_frequency=[0.0, 1e12]
        )
        assert slow.real == pytest.approx(at_rest, rel=1e-4, abs=0)
        assert slow.imag == 0.0
        assert fast.real == pytest.approx(frozen, rel=1e-4, abs=0)
        assert abs(frozen / at_rest - 1) > 1e-3

    @pytest.mark.parametrize("temperature", [0.05, 300.0])
    @pytest.mark.parametrize("field", [0.005, 0.035])
    def test_a_spin_at_rest_obeys_fluctuation_and_dissipation(self, field, temperature):
        """Im κ = ω S_F/2k_BT, S_F the thermal noise of the levels; κ(0) is the curvature of F."""
        arguments = {"film": FILM, "spin": NV, "field": field, "temperature": temperature}
        thermal = 1.380649e-23 * temperature
        minus, plus = (float(omega) for omega in sw.transition_frequencies(spin=NV, field=field))

        def at(length):
            bath = sw.spin_wave_bath(**arguments, distance=length, rtol=1e-10)
            zero = float(bath.shift_zero)
            shifts = np.array([zero, zero + float(bath.shift_plus), zero + float(bath.shift_minus)])
            zero = float(bath.shift_zero_gradient)
            slopes = np.array([0.0, float(bath.shift_plus_gradient), float(bath.shift_minus_gradient)]) + zero
            levels = np.exp(-hbar * (np.array([0.0, plus, minus]) + shifts) / thermal)
            return bath, levels / levels.sum(), -hbar * slopes

        bath, levels, force = at(D)
        step = 1e-4 * D
        mean = [at(D + sign * step)[1] @ at(D + sign * step)[2] for sign in (-1, 1)]
        curvature = -(mean[1] - mean[0]) / (2 * step)
        generator = sw.pumping_rate_matrix(
            spin=NV, field=field, temperature=temperature, pump_rate=0.0, bath=bath
        )[:3, :3]
        frequencies = np.array([0.0, 1e2, 3e3, 1e5])
        found = sw.spin_wave_stiffness(**arguments, distance=D, angular_frequency=frequencies)
        assert found[0].real == pytest.approx(curvature, rel=1e-5, abs=0)
        for omega, kappa in some(zip(frequencies[1:], found[1:], strict=True)):
            system = 1j * omega * np.eye(3) - generator
            noise = 2 * (force @ np.linalg.solve(system, levels * (force - levels @ force))).real
            assert kappa.imag == pytest.approx(omega * noise / (2 * thermal), rel=1e-4, abs=0)
            assert kappa.imag > 0

    def test_with_the_occupations_of_the_waves_it_does_not(self):
        """[SW]'s rates let a spin in equilibrium drive the cantilever."""
        found = sw.spin_wave_stiffness(
            film=FILM,
            spin=NV,
            distance=D,
            field=0.035,
            temperature=300.0,
            angular_frequency=2 * np.pi * 100.0,
            transitions="lower",
        )
        assert found.imag == pytest.approx(-7e-22, rel=0.3, abs=0)

    def test_bad_arguments(self):
        bath = sw.spin_wave_bath(film=FILM, spin=NV, distance=D, field=0.035, temperature=300.0)
        with pytest.raises(ArgumentError, match="limit"):
            sw.spin_wave_force(bath=bath, occupations=[1.0, 0.0, 0.0], limit="hot")
        with pytest.raises(ArgumentError, match="occupations"):
            sw.spin_wave_force(bath=bath, occupations=[1.0, 0.0])
        with pytest.raises(ArgumentError, match="side"):
            sw.spin_wave_force(bath=bath, occupations=[1.0, 0.0, 0.0], side=0)


def test_bad_spins_and_arguments():
    with pytest.raises(ArgumentError, match="coherence_lifetime"):
        sw.ParamagneticSpin(1e10, 1.76e11, 1e-6, 3e-6)
    with pytest.raises(ArgumentError, match="zero_field_splitting"):
        sw.ParamagneticSpin(-1e10, 1.76e11, 1e-3, 1e-6)
    with pytest.raises(ArgumentError, match="temperature"):
        sw.relaxation_times(spin=NV, field=0.02, temperature=0.0)
    with pytest.raises(ArgumentError, match="time"):
        sw.occupations_in_time(spin=NV, field=0.02, temperature=1.0, time=-1.0)
    with pytest.raises(ArgumentError, match="initial"):
        sw.occupations_in_time(spin=NV, field=0.02, temperature=1.0, time=1.0, initial=[1.0, 1.0, 0.0])
    with pytest.raises(ArgumentError, match="thickness"):
        sw.Film(0.0, 1.76e11, 1.39e5, 3e-16, 1e-4)

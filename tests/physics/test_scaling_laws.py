"""What must not change when units of length, time or energy do: exact laws that no formula of ours knows."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from labspin.physics import mrfm, spinwaves as sw
from labspin.physics.nv import (
    NV_CENTRE,
    LibrationMode,
    ground_state_torque,
    stretched_decay,
    thermal_angle_spectrum,
    transition_frequencies,
)

factors = st.floats(0.1, 10.0)
# A torque has the square of a field in it: far below a picotesla no digits of it are left in a computer.
fields = st.floats(-0.1, 0.1).map(lambda field: field if abs(field) > 1e-12 else 0.0)
FEW = settings(max_examples=8)


def scaled_centre(factor):
    names = ("zero_field_splitting", "excited_splitting")
    changes = {name: factor * getattr(NV_CENTRE, name) for name in names}
    return replace(NV_CENTRE, **changes, strain=factor * 2e7)


@given(factors, st.lists(fields, min_size=3, max_size=3))
def test_lines_and_torque_of_a_centre_scale_with_all_energies(factor, field):
    """H is of first degree in D, E and B: so are the lines, and the torque, which is an energy."""
    field = np.array(field)
    one = transition_frequencies(field=field, centre=scaled_centre(1.0))
    other = transition_frequencies(field=factor * field, centre=scaled_centre(factor))
    np.testing.assert_allclose(other, factor * one, rtol=1e-9, atol=0)
    strength, angle = np.linalg.norm(field), np.linspace(0.1, 3.0, 5)
    one = ground_state_torque(field=strength, angle=angle, centre=scaled_centre(1.0))
    other = ground_state_torque(field=factor * strength, angle=angle, centre=scaled_centre(factor))
    np.testing.assert_allclose(other, factor * one, rtol=1e-12, atol=0)


@given(factors, factors)
def test_a_decay_and_thermal_motion_have_no_unit_of_time_of_their_own(factor, inertia):
    times = np.geomspace(1e-6, 1e-2, 9)
    np.testing.assert_allclose(
        stretched_decay(time=factor * times, t1=factor * 1e-3),
        stretched_decay(time=times, t1=1e-3),
        rtol=1e-12,
        atol=0,
    )
    mode = LibrationMode()
    other = replace(
        mode,
        moment_of_inertia=inertia * mode.moment_of_inertia,
        angular_frequency=factor * mode.angular_frequency,
        damping_rate=factor * mode.damping_rate,
    )
    frequency = np.linspace(0, 3e3, 7)
    # S is an angle squared times a time, and k_BT over I times a frequency squared is an angle squared.
    np.testing.assert_allclose(
        thermal_angle_spectrum(mode=other, temperature=inertia * 300.0, frequency=factor * frequency),
        thermal_angle_spectrum(mode=mode, temperature=300.0, frequency=frequency) / factor**3,
        rtol=1e-9,
        atol=0,
    )


@given(factors, factors, st.floats(1.0, 1e5))
def test_a_cantilever_has_units_of_its_own_only(stiffness, frequency, quality):
    """In units of k0, ω0 and k_BT nothing is left but Q."""
    plain = mrfm.Resonator(1e-4, 2e4, quality)
    other = mrfm.Resonator(1e-4 * stiffness, 2e4 * frequency, quality)
    at = 2e4 * np.array([0.3, 0.999, 1.0, 2.0])
    spins = 1e-7 + 3e-8j
    one = mrfm.displacement_noise_density(
        resonator=plain, temperature=0.1, angular_frequency=at, stiffness=spins
    )
    two = mrfm.displacement_noise_density(
        resonator=other, temperature=0.1, angular_frequency=frequency * at, stiffness=stiffness * spins
    )
    np.testing.assert_allclose(two, one / (stiffness * frequency), rtol=1e-9, atol=0)
    rms = [mrfm.thermal_displacement(resonator=each, temperature=0.1) for each in (plain, other)]
    assert rms[1] == pytest.approx(rms[0] / np.sqrt(stiffness), rel=1e-12, abs=0)


def bath(film, length, *, field=0.02, temperature=30.0, spin=sw.NV_TABLE1):
    """Rates with the occupation of every wave: that at the spin's shifted frequency knows the shift."""
    return sw.spin_wave_bath(
        film=film, spin=spin, distance=length, field=field, temperature=temperature, rtol=1e-7,
        occupation="mode",
    )  # fmt: skip


RATES = ("decay_minus", "decay_plus", "absorption_minus", "absorption_plus", "shift_minus", "shift_plus")
FILM = sw.YIG_FIGURES


@FEW
@given(st.floats(0.3, 3.0), st.floats(0.5, 2.0))
def test_rates_near_a_film_fall_with_the_cube_of_all_lengths(factor, length):
    """Dipolar coupling to a mode is 1/length³; thickness, distance and exchange length grow together."""
    larger = replace(
        FILM, thickness=factor * FILM.thickness, exchange_stiffness=factor**2 * FILM.exchange_stiffness
    )
    near = bath(FILM, length * FILM.thickness)
    far = bath(larger, factor * length * FILM.thickness)
    for name in RATES:
        np.testing.assert_allclose(getattr(far, name), getattr(near, name) / factor**3, rtol=1e-5, atol=0)


@FEW
@given(st.floats(0.3, 3.0))
def test_rates_near_a_film_do_not_know_the_unit_of_energy(factor):
    """All frequencies, and the temperature with them: the square of a zero-point field grows as they do."""
    film = replace(FILM, magnetisation=factor * FILM.magnetisation)
    spin = replace(sw.NV_TABLE1, zero_field_splitting=factor * sw.NV_TABLE1.zero_field_splitting)
    one = bath(FILM, FILM.thickness)
    other = bath(film, FILM.thickness, field=0.02 * factor, temperature=30.0 * factor, spin=spin)
    for name in RATES:
        np.testing.assert_allclose(getattr(other, name), getattr(one, name), rtol=1e-5, atol=0)

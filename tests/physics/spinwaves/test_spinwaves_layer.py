"""Back-action of a spin layer on the film, and second-order dephasing."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy.constants import hbar, mu_0
from scipy.integrate import quad

from labspin.errors import ArgumentError
from labspin.physics import spinwaves as sw
from labspin.physics.spinwaves.dephasing import _Job, depth_factor, pair_scale
from labspin.physics.spinwaves.dephasing_near import close_pairs, is_dense
from tests.physics.spinwaves import reference as reference

FILM, NV = sw.YIG_FIGURES, sw.NV_TABLE1
D = FILM.thickness
LAYER = sw.SpinLayer(NV, 1e22, 0.7, 2e6)


def test_shift_and_linewidth_are_sums_over_the_spins():
    """(273) and (279), with G² = Σ_j |g_jβ|² integrated over the layer by quadrature."""
    layer = sw.SpinLayer(NV, 3e21, 0.4, 2.1e6, near=20e-9, far=700e-9)
    kappa, angle, field = 0.9, 0.6, 0.012
    mode = reference.Mode(FILM, field, 0, kappa, angle)
    per_area = quad(lambda x: reference.coupling_squared(FILM, NV, mode, 1, x / D), 20e-9, 700e-9)[0] * 3e21
    detuning = FILM.omega_m * mode.u - float(sw.transition_frequencies(spin=NV, field=field)[0])
    size = detuning**2 + (2.1e6 / 2) ** 2
    found = sw.modified_modes(film=FILM, layer=layer, field=field, wavenumber=kappa / D, angle=angle)
    assert found.shift == pytest.approx(per_area * 0.4 * detuning / size, rel=1e-9, abs=0)
    assert found.linewidth_increase == pytest.approx(per_area * 0.4 * 2.1e6 / size, rel=1e-9, abs=0)


def test_an_empty_layer_changes_nothing():
    empty = sw.SpinLayer(NV, 0.0, 0.7, 2e6)
    arguments = {"film": FILM, "field": 0.01, "wavenumber": [2e6, 5e6], "angle": 0.3}
    found = sw.modified_modes(layer=empty, **arguments)
    assert found.frequency == pytest.approx(sw.mode_frequency(**arguments), rel=1e-14, abs=0)
    assert found.decay_rate == pytest.approx(sw.decay_rate(**arguments), rel=1e-14, abs=0)
    along = sw.group_velocity(**arguments) @ np.array([np.cos(0.3), np.sin(0.3)])
    assert found.group_velocity == pytest.approx(along, rel=1e-10, abs=0)
    assert found.propagation_length == pytest.approx(found.group_velocity * found.lifetime, rel=1e-14, abs=0)


def test_a_layer_below_acts_on_the_mirrored_waves():
    """(288) and (303): φ → φ + π."""
    below = sw.SpinLayer(NV, 1e22, 0.7, 2e6, side=-1)
    angle = np.array([0.0, 0.8, 2.5])
    arguments = {"film": FILM, "field": 0.01, "wavenumber": 3e6, "band": np.array([[0], [1]])}
    above = sw.modified_modes(layer=LAYER, angle=angle, **arguments)
    mirrored = sw.modified_modes(layer=below, angle=angle + np.pi, **arguments)
    assert mirrored.shift == pytest.approx(above.shift, rel=1e-9, abs=1e-6)


def test_the_modified_velocity_is_the_slope_of_the_modified_frequency():
    k = 4.3e6 + np.linspace(-2e6, 2e6, 41)
    h = 1.0
    here, right, left = (
        sw.modified_modes(film=FILM, layer=LAYER, field=0.01, wavenumber=k + s) for s in (0.0, h, -h)
    )
    slope = (right.frequency - left.frequency) / (2 * h)
    assert here.group_velocity == pytest.approx(slope, rel=1e-4, abs=1.0)


def modes_near_resonance(density):
    layer = sw.spin_layer(
        spin=NV, density=density, field=0.01, temperature=300.0, pump_rate=sw.OPTIMUM_PUMP_RATE
    )
    empty = sw.SpinLayer(NV, 0.0, 0.0, 2e6)
    k = np.linspace(1.0, 8.0, 200_001) * 1e6
    return [sw.modified_modes(film=FILM, layer=x, field=0.01, wavenumber=k) for x in (layer, empty)]


def test_the_largest_shift_is_a_quarter_of_the_largest_linewidth():
    found, _ = modes_near_resonance(1e22)
    assert found.shift.max() / found.linewidth_increase.max() == pytest.approx(0.25, rel=1e-3, abs=0)


def test_propagation_stops_turns_back_and_grows():
    """Fig. 3: the velocity changes sign, and the propagation length grows by about 50 %."""
    sparse, bare = modes_near_resonance(1e20)
    dense, _ = modes_near_resonance(1e22)
    assert sparse.group_velocity.min() > 0
    assert dense.group_velocity.min() < 0 < dense.group_velocity.max()
    growth = (dense.propagation_length / bare.propagation_length).max()
    assert growth == pytest.approx(1.6, abs=0.15)


def test_waves_along_minus_y_are_left_alone():
    arguments = {"film": FILM, "layer": LAYER, "field": 0.01, "wavenumber": np.linspace(2e6, 4e6, 2001)}
    right = sw.modified_modes(angle=0.0, **arguments).linewidth_increase
    left = sw.modified_modes(angle=np.pi, **arguments).linewidth_increase
    assert left.max() < 1e-6 * right.max()


def test_the_maximum_linewidth_at_ten_millitesla():
    """Eq. (19) gives 2π·55 MHz at 10⁴ µm⁻³, p = 0.7, κ_T = 2/T2*; the text says 2π·20 MHz."""
    found = sw.maximum_linewidth(film=FILM, layer=LAYER, field=0.01).rate
    assert found / 2e6 / np.pi == pytest.approx(55.06, abs=0.05)


@pytest.mark.parametrize("field", [0.005, 0.0278, 0.0345, 0.0352, 0.05])
def test_the_maximum_linewidth_is_that_of_a_dense_search(field):
    k = np.geomspace(2e3, 1e8, 1500)
    angle = np.linspace(0, np.pi / 2, 401)[:, None]
    arguments = {"film": FILM, "layer": LAYER, "field": field}
    dense = sw.modified_modes(wavenumber=k, angle=angle, **arguments).linewidth_increase.max()
    found, k, angle = sw.maximum_linewidth(**arguments)
    assert found >= dense * (1 - 1e-3)
    there = sw.modified_modes(wavenumber=k, angle=angle, **arguments).linewidth_increase
    assert there == pytest.approx(float(found), rel=1e-6, abs=0)
    layered = sw.maximum_linewidth(film=FILM, layer=LAYER, field=[field, 0.01]).rate
    assert layered[0] == pytest.approx(float(found), rel=1e-9, abs=0)


@pytest.mark.parametrize("pump", [0.0, 3e5])
def test_the_linewidth_of_the_spins_is_twice_the_decay_of_their_coherence(pump):
    """(275) against (249): κ_T = 2/τ_0−, light included."""
    arguments = {"spin": NV, "field": 0.02, "temperature": 300.0, "pump_rate": pump}
    lifetime = sw.coherence_times(**arguments).minus
    assert sw.coherence_decay_rate(**arguments) == pytest.approx(2 / float(lifetime), rel=1e-12, abs=0)


def test_unpumped_layers_are_nearly_saturated():
    layer = sw.spin_layer(spin=NV, density=1e22, field=0.01, temperature=300.0)
    assert layer.polarisation == pytest.approx(1.4e-4, rel=0.2, abs=0)
    pumped = sw.spin_layer(
        spin=NV, density=1e22, field=0.01, temperature=300.0, pump_rate=sw.OPTIMUM_PUMP_RATE
    )
    assert pumped.polarisation == pytest.approx(0.68, abs=0.01)


class TestDensityUnderALayer:
    FIELD = 0.01
    OMEGA = float(sw.transition_frequencies(spin=NV, field=0.01)[0]) + 2e6 * np.pi * np.array(
        [-20.0, 0.0, 20.0]
    )

    def density(self, layer, **kw):
        return sw.layer_spectral_density(
            film=FILM,
            layer=layer,
            frequency=self.OMEGA,
            distance=D,
            field=self.FIELD,
            temperature=300.0,
            **kw,
        )

    def test_without_spins_it_is_that_of_the_film(self):
        """Two quadratures: graded angles here, the pole in closed form there."""
        empty = self.density(sw.SpinLayer(NV, 0.0, 0.7, 2e6))
        bare = sw.field_spectral_density(
            film=FILM, frequency=self.OMEGA, distance=D, field=self.FIELD, temperature=300.0
        )
        for name in ("plus", "minus", "z"):
            assert getattr(empty, name) == pytest.approx(getattr(bare, name), rel=1e-6, abs=0)
            assert (getattr(empty, f"{name}_error") < 1e-4 * getattr(empty, name)).all()

    def test_pumped_spins_cool_the_waves_they_couple_to(self):
        """Fig. 16(d): a dip by about 80 %, and by (85) in S_++ below the film, not in S_−−."""
        pumped = sw.spin_layer(
            spin=NV, density=1e22, field=self.FIELD, temperature=300.0, pump_rate=sw.OPTIMUM_PUMP_RATE
        )
        found, bare = self.density(pumped), self.density(sw.SpinLayer(NV, 0.0, 0.7, 2e6))
        dip = 1 - found.plus[1] / bare.plus[1]
        assert 0.7 < dip < 0.85
        assert 1 - found.minus[1] / bare.minus[1] < 0.01
        assert found.plus[0] == pytest.approx(bare.plus[0], rel=0.05, abs=0)

    def test_waves_in_equilibrium_with_thermal_spins_lose_no_energy(self):
        """A layer at the temperature of the film adds damping with its fluctuations: N_β stays n̄."""
        thermal = sw.spin_layer(spin=NV, density=1e23, field=self.FIELD, temperature=300.0)
        kappa = np.linspace(0.5, 0.7, 1001)
        found = sw.modified_modes(film=FILM, layer=thermal, field=self.FIELD, wavenumber=kappa / D)
        resonance = np.argmax(found.linewidth_increase)
        gamma = float(sw.decay_rate(film=FILM, field=self.FIELD, wavenumber=kappa[resonance] / D))
        number = float(
            sw.magnon_occupation(
                frequency=found.frequency[resonance] - found.shift[resonance], temperature=300.0
            )
        )
        increase = found.linewidth_increase[resonance]
        fed = increase / thermal.polarisation * thermal.excited
        assert (gamma * number + fed) / (gamma + increase) == pytest.approx(number, rel=1e-3, abs=0)


class TestDephasing:
    def test_the_depth_factor_is_its_integral(self):
        """(132): printed (−1)^{n+n'}(1 − e^{−q}) is wrong for odd n + n'."""
        for n, m, q in ((0, 0, 0.7), (0, 1, 0.7), (1, 2, 3.0), (2, 2, 1.3), (3, 0, 0.2)):
            slow = quad(
                lambda s, n=n, m=m, q=q: np.exp(-q * (1 - s)) * np.cos(n * np.pi * s) * np.cos(m * np.pi * s),
                0,
                1,
            )[0]
            found = float(depth_factor(np.array(q), np.array(n), np.array(m)))
            assert q * found / 2 == pytest.approx(slow, rel=1e-9, abs=0)
            lorentzians = sum(1 / ((np.pi * (m + x * n)) ** 2 + q**2) for x in (1, -1))
            printed = (-1) ** (n + m) * (1 - np.exp(-q)) * lorentzians
            assert (abs(printed / found - 1) > 0.05) == ((n + m) % 2 == 1)

    def test_it_agrees_with_random_sampling_of_the_whole_integral(self):
        """(9), (226) and (232) with the Lorentzian kept, at strong damping.

        The film is so thin and cold that only the lowest band counts.

        The sum over ξ in (250) is squared because g̃ is.
        """
        d = 30e-9
        film = replace(FILM, gilbert_damping=2e-2, thickness=d)
        field, temperature, length = 0.02, 0.05, 0.3
        values, q, area = self.sampled(film, field, temperature, length)
        expected, spread = area * values.mean(), area * values.std() / np.sqrt(values.size)
        found = sw.second_order_dephasing(
            film=film, spin=NV, distance=length * d, field=field, temperature=temperature, rtol=0.02
        )
        assert spread < 0.04 * expected
        assert found.rate == pytest.approx(expected, rel=0.12, abs=0)
        # (250) as printed has Σ_ξ, which is 2/q² for the lowest band, where its square should stand.
        printed = sw.second_order_dephasing(
            film=film,
            spin=NV,
            distance=length * d,
            field=field,
            temperature=temperature,
            rtol=0.02,
            form="printed",
        )
        expected = area * (values * (q * d) ** 2 / 2).mean()
        assert printed.rate == pytest.approx(expected, rel=0.12, abs=0)

    @staticmethod
    def sampled(film, field, temperature, length):
        """Return the integrand at random pairs of modes, |k − k'| there, and the area of the space."""
        d = film.thickness
        rng = np.random.default_rng(5)
        size, reach = 3_000_000, 2.5
        k, k2 = (reach * np.sqrt(rng.random(size)) for _ in range(2))
        phi, phi2 = (2 * np.pi * rng.random(size) for _ in range(2))
        modes = [
            {"film": film, "field": field, "wavenumber": x / d, "angle": a} for x, a in ((k, phi), (k2, phi2))
        ]
        omega = [sw.mode_frequency(**m) for m in modes]
        gamma = sum(sw.decay_rate(**m) for m in modes) / 2
        aspect = [sw.ellipticity(**m) for m in modes]
        u = [w / film.omega_m for w in omega]
        overlap = np.sqrt(u[0] * u[1]) * (np.sqrt(aspect[0] * aspect[1]) + 1 / np.sqrt(aspect[0] * aspect[1]))
        q = np.hypot(k * np.cos(phi) - k2 * np.cos(phi2), k * np.sin(phi) - k2 * np.sin(phi2)) / d
        qz = (k * np.sin(phi) - k2 * np.sin(phi2)) / d
        # h_z of a static magnetisation wave along z, uniform over the film: −(q_z²/2q²)(1 − e^{−qd}) e^{−ql}
        green = -(qz**2) / (2 * q**2) * -np.expm1(-q * d) * np.exp(-q * length * d)
        zero_point = hbar * film.gyromagnetic_ratio * film.magnetisation / (2 * d)
        rate = mu_0 * NV.gyromagnetic_ratio * zero_point / film.magnetisation * overlap * green
        rate = rate / np.sqrt(u[0] * u[1])
        n = [sw.magnon_occupation(frequency=w, temperature=temperature) for w in omega]
        lorentzian = 2 * gamma / ((omega[0] - omega[1]) ** 2 + gamma**2)
        values = n[0] * (n[1] + 1) * rate**2 * lorentzian
        return values, q, (np.pi * reach**2 / d**2 / (2 * np.pi) ** 2) ** 2

    @pytest.mark.parametrize(("form", "power"), [("corrected", 2), ("printed", 1)])
    def test_short_waves_are_those_of_half_a_space(self, form, power):
        """(9) for exchange waves cos(k_x x) below a surface; the directions of both waves are random.

        ∫ dx e^{qx} cos(k_x x) cos(k_x' x) = (q/2) f is the depth of a pair.
        """
        film, field, kelvin, length, size = FILM, 0.02, 300.0, 0.01 * D, 100_000
        rng = np.random.default_rng(3)
        span = 30.0, 900.0
        lowest = film.gyromagnetic_ratio * field
        omega = film.omega_m * np.exp(rng.uniform(*np.log(span), size))
        k = np.sqrt((omega - lowest) / (film.omega_m * film.exchange_stiffness))
        kx, ky, kz = (k * x for x in self.half_sphere(rng, size))
        kx2, ky2, kz2 = (k * x for x in self.half_sphere(rng, size))
        n = sw.magnon_occupation(frequency=omega, temperature=kelvin)
        q = np.hypot(ky - ky2, kz - kz2)
        depth = 1 / (q**2 + (kx + kx2) ** 2) + 1 / (q**2 + (kx - kx2) ** 2)
        strength = mu_0 * NV.gyromagnetic_ratio * hbar * film.gyromagnetic_ratio * (kz - kz2) ** 2 / 2
        # (1/4π³)² ∫∫ d³k d³k' δ(ω − ω') over two halves, with d³k = 2π k² (dk/dω) dω and dω = ω d(ln ω).
        slope = 2 * film.omega_m * film.exchange_stiffness * k
        states = (2 * np.pi * k**2 / slope) ** 2 * omega * np.log(span[1] / span[0]) / (16 * np.pi**6)
        squared = depth**power * D ** (4 - 2 * power)
        rates = 2 * np.pi * n * (n + 1) * strength**2 * np.exp(-2 * q * length) * squared * states
        assert rates.std() / np.sqrt(size) < 0.02 * rates.mean()
        found = close_pairs(
            film, field=float(film.reduced_field(field)), temperature=kelvin, distance=np.array([0.01]),
            span=span, printed=form == "printed",
        )  # fmt: skip
        assert found * pair_scale(film, NV) == pytest.approx(rates.mean(), rel=0.05, abs=0)

    @pytest.mark.parametrize("printed", [False, True])
    def test_bands_become_dense(self, printed):
        """The sum over the contours of all bands is that over half a space, where the waves are short."""
        job = _Job(FILM, float(FILM.reduced_field(0.02)), 300.0, np.array([0.005]), printed)
        span = 18.0, 24.0
        bands = job._block(np.array(span), order=6, density=0.7)
        dense = close_pairs(
            FILM, field=job.field, temperature=300.0, distance=job.distance, span=span, printed=printed
        )
        assert is_dense(FILM, job.field, span[0])
        assert dense == pytest.approx(bands, rel=0.05, abs=0)

    @staticmethod
    def half_sphere(rng, size):
        """Return the components of random directions, the first positive."""
        x, angle = rng.random(size), 2 * np.pi * rng.random(size)
        return x, np.sqrt(1 - x**2) * np.cos(angle), np.sqrt(1 - x**2) * np.sin(angle)

    def test_near_and_far_places_together_are_each_as_alone(self):
        """And no dearer: what each distance needs is not asked of the others."""
        arguments = {"film": FILM, "spin": NV, "field": 0.02, "temperature": 300.0, "rtol": 0.2}
        together = sw.second_order_dephasing(**arguments, distance=np.array([0.3, 2.5]) * D)
        alone = [float(sw.second_order_dephasing(**arguments, distance=x * D).rate) for x in (0.3, 2.5)]
        assert together.rate == pytest.approx(alone, rel=1e-12, abs=0)

    def test_it_matters_only_close_to_the_film(self):
        """Fig. 12: negligible beside κ_d at l ≫ 10⁻² d, the same at every y, z and on both sides."""
        arguments = {"film": FILM, "spin": NV, "distance": 0.3 * D, "field": 0.02, "temperature": 300.0}
        bath = sw.spin_wave_bath(**arguments)
        found = sw.second_order_dephasing(**arguments, rtol=0.2)
        assert 0 < found.rate < 0.01 * bath.sum_rate
        assert found.error < 0.2 * found.rate


def test_densities_at_which_spins_interact_are_warned_about():
    with pytest.warns(sw.ValidityWarning, match="interact"):
        sw.SpinLayer(NV, 2e23, 0.7, 2e6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sw.SpinLayer(NV, 1e23, 0.7, 2e6)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"density": -1.0}, "density"),
        ({"polarisation": 1.5}, "polarisation"),
        ({"decay_rate": 0.0}, "decay_rate"),
        ({"near": -1e-9}, "near"),
        ({"far": 0.0}, "far"),
        ({"side": 2}, "side"),
        ({"excited": 2.0}, "excited"),
    ],
)
def test_bad_layers(change, match):
    good = {"spin": NV, "density": 1e22, "polarisation": 0.7, "decay_rate": 2e6}
    with pytest.raises(ArgumentError, match=match):
        sw.SpinLayer(**(good | change))


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="wavenumber"):
        sw.modified_modes(film=FILM, layer=LAYER, field=0.01, wavenumber=0.0)
    with pytest.raises(ArgumentError, match="saturation"):
        sw.maximum_linewidth(film=FILM, layer=LAYER, field=-0.01)
    with pytest.raises(ArgumentError, match="distance"):
        sw.layer_spectral_density(
            film=FILM, layer=LAYER, frequency=[1e10], distance=-1.0, field=0.01, temperature=300.0
        )
    with pytest.raises(ArgumentError, match="rtol"):
        sw.second_order_dephasing(film=FILM, spin=NV, distance=D, field=0.02, temperature=300.0, rtol=1e-9)
    with pytest.raises(ArgumentError, match="form"):
        sw.second_order_dephasing(film=FILM, spin=NV, distance=D, field=0.02, temperature=300.0, form="x")

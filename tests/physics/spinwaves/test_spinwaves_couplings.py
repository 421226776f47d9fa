"""Spectral densities of the field and couplings through the film, against independent integration."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.constants import hbar, mu_0

from labspin.errors import ArgumentError
from labspin.physics import spinwaves as sw
from labspin.physics.spinwaves import spectral_density
from labspin.physics.spinwaves.integrals import Probes
from tests.physics.spinwaves import reference as reference
from tests.physics.spinwaves.test_spinwaves_bath import first_bands

FILM, NV = sw.YIG_FIGURES, sw.NV_TABLE1
D = FILM.thickness


class TestSpectralDensities:
    FILM = replace(FILM, gilbert_damping=3e-2)
    OMEGA = 2e9 * np.pi * np.array([-4.0, -2.3, -1.0, 1.0, 2.3, 4.0])

    def slow(self, omega, component, eta, temperature):
        """S_jj of one band below or above the film from (113), angles over the full circle."""

        def polarised(mode, sign):
            c = mode.cosine
            return {"plus": (1 - sign * c) ** 2 / 2, "minus": (1 + sign * c) ** 2 / 2, "z": 1 - c**2}[
                component
            ]

        def base(mode):
            zero_point = hbar * FILM.gyromagnetic_ratio * FILM.magnetisation / (2 * D * mode.u)
            return zero_point * mode.field(eta) ** 2

        def number(mode):
            return reference.occupation(self.FILM, mode, temperature)

        emitted = reference.resonant_integral(
            self.FILM,
            0.02,
            omega / FILM.omega_m,
            lambda m: base(m) * polarised(m, eta) * (number(m) + 1),
            0,
            2.0,
            tolerance=1e-6,
        )
        absorbed = reference.resonant_integral(
            self.FILM,
            0.02,
            -omega / FILM.omega_m,
            lambda m: base(m) * polarised(m, -eta) * number(m),
            0,
            2.0,
            tolerance=1e-6,
        )
        return 2 * (emitted + absorbed).imag / (2 * np.pi) / (2 * np.pi) ** 2 / D**2 / FILM.omega_m

    @pytest.mark.parametrize(("component", "eta"), [("plus", 1), ("minus", -1), ("z", 1)])
    def test_they_agree_with_adaptive_quadrature(self, component, eta):
        omega = 2e9 * np.pi * 1.35
        slow = self.slow(omega, component, eta, 5.0)
        probes = Probes(
            np.atleast_1d(FILM.reduced_field(0.02)).repeat(2),
            np.array([omega, -omega]) / FILM.omega_m,
            np.ones((2, 1)),
            np.array([5.0]),
            ("plus", "minus", "z"),
        )
        value = first_bands(self.FILM, probes, 1, 1e-8)
        found = spectral_density._combine(self.FILM, value.imag)
        index = {"plus": 0, "minus": 1, "z": 2}[component]
        assert found[index, 0, 0] == pytest.approx(slow, rel=1e-5, abs=0)

    def test_they_are_the_same_on_both_sides_of_the_film(self):
        """(120) claims that S_++ and S_−− change places; by (85), (87) and (114) they do not."""
        omega = 2e9 * np.pi * 2.3
        above = [self.slow(omega, name, 1, 5.0) for name in ("plus", "minus")]
        below = [self.slow(omega, name, -1, 5.0) for name in ("plus", "minus")]
        assert below == pytest.approx(above, rel=1e-5, abs=0)
        assert above[1] > 5 * above[0]

    def test_the_cross_density_of_plus_and_minus_is_half_of_z(self):
        """(117) from Λ̄ of (114): k_z²/2k² against k_z²/k²; and (116), odd in k_z."""
        phi = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        c, s = np.cos(phi), np.sin(phi)
        vector = np.stack([np.ones_like(phi), -1j * c, -1j * s])
        basis = np.array([[1, 1j, 0], [1, -1j, 0], [0, 0, np.sqrt(2)]]) / np.sqrt(2)
        along = basis.conj() @ vector
        amplitude = sw.field_amplitude(film=FILM, field=0.02, wavenumber=5e6, angle=phi) ** 2
        matrix = np.einsum("jp,kp,p->jk", along, along.conj(), amplitude)
        assert matrix[0, 1] == pytest.approx(matrix[2, 2] / 2, rel=1e-12, abs=0)
        assert np.abs(matrix[:2, 2]).max() < 1e-12 * matrix[2, 2].real

    def test_parity_at_high_temperature(self):
        """(118) and (119)"""
        found = sw.field_spectral_density(
            film=FILM, frequency=self.OMEGA, distance=D, field=0.02, temperature=3e4
        )
        assert found.z == pytest.approx(found.z[::-1], rel=1e-4, abs=0)
        assert found.plus == pytest.approx(found.minus[::-1], rel=1e-4, abs=0)
        assert found.minus[-2] > 5 * found.minus[1]
        assert (found.minus_error < 1e-5 * found.minus).all()

    def test_cold_films_emit_nothing(self):
        found = sw.field_spectral_density(
            film=FILM, frequency=[-1.5e10, 1.5e10], distance=D, field=0.02, temperature=5e-3
        )
        assert found.minus[0] < 1e-4 * found.minus[1]

    def test_bands_add_up(self):
        """Fig. 8: single bands, and their sum; n = 0 carries nearly all at 2 GHz."""
        arguments = {
            "film": FILM,
            "frequency": 4e9 * np.pi,
            "distance": D,
            "field": 0.02,
            "temperature": 300.0,
        }
        whole = sw.field_spectral_density(**arguments)
        bands = [sw.field_spectral_density(**arguments, band=n) for n in range(24)]
        for name in ("plus", "minus", "z"):
            parts = [float(getattr(band, name)) for band in bands]
            assert sum(parts) == pytest.approx(float(getattr(whole, name)), rel=1e-3, abs=0)
        assert bands[0].minus > 0.9 * whole.minus
        with pytest.raises(ArgumentError, match="band"):
            sw.field_spectral_density(**arguments, band=-1)

    def test_field_noise_is_in_tesla_per_root_hertz(self):
        """Fig. 8(a–c): 0.53 (z), 0.27 (+) and 2.46 (−) nT/√Hz at 3 GHz; ∫ df is the variance of B."""
        found = sw.field_spectral_density(
            film=FILM, frequency=6e9 * np.pi, distance=D, field=0.02, temperature=300.0
        )
        plus, minus, z = found.field_noise()
        assert [float(plus), float(minus), float(z)] == pytest.approx(
            [0.27e-9, 2.46e-9, 0.53e-9], rel=0.02, abs=0
        )
        assert z**2 / (2 * np.pi) == pytest.approx(float(mu_0**2 * found.z), rel=1e-12, abs=0)

    def test_detailed_balance(self):
        """S_++(−ω) = e^{−ħω/k_BT} S_−−(ω) in equilibrium, up to the width of the modes."""
        omega, temperature = 2e9 * np.pi * 2.0, 0.1
        found = sw.field_spectral_density(
            film=FILM, frequency=[omega, -omega], distance=D, field=0.02, temperature=temperature
        )
        factor = np.exp(-hbar * omega / (1.380649e-23 * temperature))
        assert found.plus[1] / found.minus[0] == pytest.approx(factor, rel=2e-3, abs=0)


class TestCouplings:
    Y = np.linspace(-3, 3, 7) * D

    def map(self, sides, rtol=1e-5):
        return sw.coupling_map(
            film=FILM, spin=NV, y=self.Y, z=self.Y, total_distance=D, field=0.02, sides=sides, rtol=rtol
        )

    def test_symmetries(self):
        """(265)–(267)"""
        above, below, across, back = (self.map(s).rate for s in ((1, 1), (-1, -1), (1, -1), (-1, 1)))
        scale = np.abs(above).max()
        for found in (above, below, across):
            assert np.abs(found - found[:, ::-1]).max() < 1e-4 * scale
        assert np.abs(across - across[::-1]).max() < 1e-4 * scale
        assert np.abs(across - back).max() < 1e-4 * scale
        assert np.abs(above - below[::-1]).max() < 1e-4 * scale
        assert np.abs(above - above[::-1]).max() > 0.5 * scale

    def test_coupling_is_directional(self):
        """Above the film a spin couples to those at y_k > y_j."""
        found = np.abs(self.map((1, 1)).rate)
        assert found[self.Y > 0].max() > 5 * found[self.Y < -D].max()

    def test_the_bound_of_the_error_holds_and_is_one(self):
        """Against a map a thousand times finer."""
        rough, fine = self.map((1, 1), rtol=1e-3), self.map((1, 1), rtol=1e-6)
        off = np.abs(rough.rate - fine.rate).max()
        assert 0 < fine.error < rough.error
        assert off <= rough.error + fine.error
        assert rough.error < 1e-2 * np.abs(rough.rate).max()

    def test_a_point_agrees_with_a_plain_sum_at_strong_damping(self):
        """With α_G = 0.05 a regular grid in κ and φ resolves the Lorentzian: the whole (263), by bands."""
        film = replace(FILM, gilbert_damping=0.05)
        y, z, length, field = 0.8 * D, -0.5 * D, 2 * D, 0.02
        found = sw.coupling_map(
            film=film, spin=NV, y=[y], z=[z], total_distance=length, field=field, sides=(1, -1)
        )
        nodes, weights = np.polynomial.legendre.leggauss(240)
        kappa, weights = 6.0 * (nodes + 1), 6.0 * weights
        phi = np.arange(720) * 2 * np.pi / 720
        k, angle = np.meshgrid(kappa / D, phi, indexing="ij")
        omega_minus = float(sw.transition_frequencies(spin=NV, field=field)[0])
        total = 0.0
        for n in range(8):
            arguments = {"film": film, "field": field, "wavenumber": k, "angle": angle, "band": n}
            omega, loss = sw.mode_frequency(**arguments), sw.decay_rate(**arguments)
            zero_point = hbar * film.gyromagnetic_ratio * film.magnetisation / (2 * D) * film.omega_m / omega
            fields = [
                sw.field_amplitude(**arguments, side=eta) * (1 + eta * np.cos(angle)) / np.sqrt(2)
                for eta in (1, -1)
            ]
            wave = np.exp(-k * length + 1j * k * (np.cos(angle) * y + np.sin(angle) * z))
            term = zero_point * fields[0] * fields[1] * wave / (1j * (omega_minus - omega) - loss / 2)
            total = total + (mu_0 * NV.gyromagnetic_ratio) ** 2 * (term * k).sum(axis=1)
        total = (total * weights / D).sum() * (2 * np.pi / 720) / (2 * np.pi) ** 2
        assert found.rate[0, 0] == pytest.approx(total, rel=2e-4, abs=0)

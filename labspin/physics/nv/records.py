"""What an NV centre and its optical cycle are made of: frozen records and the presets of the papers.

===================== ======================================= =======================================
symbol                field                                   meaning
===================== ======================================= =======================================
D, E                  ``zero_field_splitting``, ``strain``    ground state: ``D Sz'² + E (Sx'² − Sy'²)``
D_es, E_es            ``excited_splitting``, ``excited_strain``   the same of the excited state
γe                    ``gyromagnetic_ratio``                  both triplets
γc, γnc               ``spin_conserving``, ``spin_mixing``    radiative decay, total from one level
γ45, γ35              ``crossing_one``, ``crossing_zero``     excited ±1, 0 → singlet
γ5±, γ50              ``singlet_one``, ``singlet_zero``       singlet → each of ±1, → 0
α_d                   ``pump_per_intensity``                  Ω = α_d · intensity
===================== ======================================= =======================================

[SW] is Gonzalez-Ballestero et al., appendix B and Table 2; [NV] is Pellet-Mary et al., PRB 104, L100411.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from labspin.errors import ArgumentError
from labspin.physics.arguments import non_negative, positive

__all__ = ["DIRECT_PUMPING", "NV_CENTRE", "NV_OPTICAL_RATES", "DirectPumping", "NVCentre", "OpticalRates"]

_MHZ = 2e6 * math.pi
_GHZ = 2e9 * math.pi


@dataclass(frozen=True, kw_only=True)
class NVCentre:
    """Spin Hamiltonian of one class: ``H/ħ = D Sz'² + E (Sx'² − Sy'²) + γe B·S``, S = 1 ([NV] Eq. (1)).

    The excited triplet has the same form with its own D and E.

    Raises
    ------
    ArgumentError
        A value is not finite, a splitting or γe is not positive, or |E| reaches D.
    """

    zero_field_splitting: float = 2.87 * _GHZ  # rad/s
    strain: float = 0.0  # rad/s
    excited_splitting: float = 1.42 * _GHZ  # rad/s; [SW] Table 2 prints 2π·1.423 GHz
    excited_strain: float = 0.0  # rad/s
    gyromagnetic_ratio: float = 28.03 * _GHZ  # rad/(s T)

    def __post_init__(self) -> None:
        for name in ("zero_field_splitting", "excited_splitting", "gyromagnetic_ratio"):
            positive(name, getattr(self, name), unit="rad/s")
        for strain, splitting in (
            ("strain", "zero_field_splitting"),
            ("excited_strain", "excited_splitting"),
        ):
            value, limit = getattr(self, strain), getattr(self, splitting)
            if not abs(value) < limit:
                raise ArgumentError(
                    f"{strain}: wanted |{strain}| < {splitting} = {limit:g} rad/s, got {value!r}"
                )


@dataclass(frozen=True, kw_only=True)
class OpticalRates:
    """Rates of the optical cycle at zero field, [SW] Table 2 (room temperature), all in 1/s.

    The table prints them as 2π × MHz, and [SW] Eq. (165) uses the products as rates.
    ``spin_conserving`` and ``spin_mixing`` are what leaves one excited level: 0 decays to each of ±1 at half
    of ``spin_mixing``, so that every excited level shines at the same total rate ([SW] below Eq. (162)).

    Raises
    ------
    ArgumentError
        A rate is negative or not finite, or the cycle has no way out of the excited state or the singlet.
    """

    spin_conserving: float = 9.7 * _MHZ  # 1/s, γc
    spin_mixing: float = 0.097 * _MHZ  # 1/s, γnc ≈ γc/100
    crossing_one: float = 12.0 * _MHZ  # 1/s, γ45, excited ±1 → singlet
    crossing_zero: float = 1.74 * _MHZ  # 1/s, γ35, excited 0 → singlet
    singlet_one: float = 0.21 * _MHZ  # 1/s, γ5±, singlet → each of ±1
    singlet_zero: float = 0.49 * _MHZ  # 1/s, γ50, singlet → 0
    pump_per_intensity: float = 0.45e-3  # 1/s per W/m², α_d

    def __post_init__(self) -> None:
        for field in fields(self):
            non_negative(field.name, getattr(self, field.name), unit="1/s")
        positive("spin_conserving", self.spin_conserving, unit="1/s")
        if self.singlet_one + self.singlet_zero == 0:
            raise ArgumentError(
                "singlet_zero: wanted a way out of the singlet, got 0 for singlet_zero and singlet_one"
            )

    @property
    def singlet_decay(self) -> float:
        """Total rate out of the singlet, γ50 + 2 γ5±, in 1/s."""
        return self.singlet_zero + 2 * self.singlet_one


@dataclass(frozen=True, kw_only=True)
class DirectPumping:
    """The three-level model of the supplement of [NV]: jumps |0><±1| at the rate Ω, no excited state.

    It leaves out what the excited state's own mixing does to polarisation in a transverse field (at 100 G
    the seven-level cycle polarises markedly less off the axis), but it is what [NV] Fig. 3 and 4 were
    computed with. The light is counted as Ω times the population of |0>, as in [NV] Fig. 4(b).
    """


NV_CENTRE = NVCentre()
NV_OPTICAL_RATES = OpticalRates()
DIRECT_PUMPING = DirectPumping()

"""κ of one spin against the Bloch equations themselves, (3.3) with (3.7): integrated, and linearised."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st
from scipy import constants
from scipy.integrate import quad, solve_ivp

from labspin.errors import ArgumentError
from labspin.physics import mrfm
from tests.some import some

OMEGA = 2 * np.pi * 3e3
# Spins as slow as the resonator, so that every term of κ counts: ω_s ≈ ω in some 0.1 T.
SLOW = mrfm.SpinSpecies("slow", 0.5, 2e5, "made up")
SLOW_THREE_HALVES = mrfm.SpinSpecies("slow, S = 3/2", 1.5, 2e5, "made up")


def dipole_field(moment: np.ndarray, position: np.ndarray) -> np.ndarray:
    r = np.linalg.norm(position)
    return 1e-7 * (3 * position * (moment @ position) / r**5 - moment / r**3)


def bloch_stiffness(case: dict[str, Any]) -> complex:
    """Integrate the full Bloch equation under q = ε cos ωt until it repeats; return −F_ω/q_ω."""
    moment, motion, position = case["moment"], case["motion"], case["position"]
    species, t1, t2 = case["species"], case["t1"], case["t2"]
    reach = 1e-4 * np.linalg.norm(position)
    step = 1e-3 * np.linalg.norm(position)

    def gradient(q: float) -> np.ndarray:
        # Fourth-order difference of the field: nothing here is the package's.
        b = [dipole_field(moment, position - (q + k * step) * motion) for k in (-2, -1, 1, 2)]
        return (b[0] - 8 * b[1] + 8 * b[2] - b[3]) / (12 * step)

    def rate(t: float, mu: np.ndarray) -> np.ndarray:
        b = dipole_field(moment, position - reach * math.cos(OMEGA * t) * motion)
        size = float(np.linalg.norm(b))
        unit = b / size
        x = species.moment * size / (constants.k * case["temperature"])
        missing = float(mrfm.brillouin(spin=species.spin, x=x)) * unit - mu
        along = (missing @ unit) * unit
        turn = np.cross(mu, b) * species.gyromagnetic_ratio
        return turn + along / t1 + (missing - along) / t2

    period = 2 * np.pi / OMEGA
    begin = math.ceil(25 * max(t1, t2) / period) * period
    times = begin + np.arange(32) * period / 32
    start = np.asarray(case["start"]) / 2
    path = solve_ivp(rate, (0, times[-1]), start, "DOP853", times, rtol=1e-11, atol=1e-13)
    force = [
        species.moment * mu @ gradient(reach * math.cos(OMEGA * t))
        for t, mu in zip(path.t, path.y.T, strict=True)
    ]
    return complex(-2 * np.mean(force * np.exp(-1j * OMEGA * times)) / reach)


def random_case(seed: int, species: mrfm.SpinSpecies) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    motion = rng.normal(size=3)
    position = rng.normal(size=3)
    t1 = 10 ** rng.uniform(-0.5, 0.3) / OMEGA
    moment = rng.normal(size=3)
    return {
        "moment": 1.5e-12 * moment / np.linalg.norm(moment),
        "motion": motion / np.linalg.norm(motion),
        "position": 1e-6 * position / np.linalg.norm(position),
        "species": species,
        "temperature": species.moment * 0.15 / constants.k,
        "t1": t1,
        "t2": rng.uniform(0.2, 1.9) * t1,
        "start": rng.normal(size=3),
    }


def package_stiffness(case: dict[str, Any], form: mrfm.Kappa3Form = "bloch") -> mrfm.SpinStiffness:
    magnet = mrfm.Magnet(moment=tuple(case["moment"]), motion=tuple(case["motion"]))
    return mrfm.spin_stiffness(
        projections=mrfm.field_projections(magnet=magnet, position=case["position"]),
        species=case["species"],
        temperature=case["temperature"],
        angular_frequency=OMEGA,
        t1=case["t1"],
        t2=case["t2"],
        form=form,
    )


@pytest.mark.parametrize("species", [SLOW, SLOW_THREE_HALVES], ids=lambda s: s.name)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_stiffness_is_that_of_the_integrated_bloch_equation(seed: int, species: mrfm.SpinSpecies) -> None:
    case = random_case(seed, species)
    measured, computed = bloch_stiffness(case), complex(package_stiffness(case).total)
    assert abs(computed - measured) < 1e-6 * abs(measured)


def test_the_printed_kappa3_is_not_that_of_the_bloch_equation() -> None:
    case = random_case(1, SLOW)
    measured, printed = bloch_stiffness(case), complex(package_stiffness(case, "printed").total)
    assert abs(printed - measured) > 1e-2 * abs(measured)


def test_the_modulus_of_the_curvature_is_not_that_of_the_bloch_equation() -> None:
    # The printed κ1 is right where B̂·B'' > 0, and has the wrong sign elsewhere: so a case of the latter kind.
    for seed in range(1, 20):
        case = random_case(seed, SLOW)
        kappa = package_stiffness(case)
        if kappa.kappa1.real > 0:
            break
    measured = bloch_stiffness(case)
    assert abs(complex(kappa.total) - measured) < 1e-6 * abs(measured)
    with_modulus = -abs(kappa.kappa1) + kappa.kappa2 + kappa.kappa3
    assert abs(complex(with_modulus) - measured) > 0.1 * abs(measured)


def linearised_stiffness(case: dict[str, Any]) -> complex:
    """Solve the linearised Bloch equation with the package's field only, in 40 digits: it is stiff."""
    magnet = mrfm.Magnet(moment=tuple(case["moment"]), motion=tuple(case["motion"]))
    with mp.workdps(40):
        b, b1, b2 = (
            mp.matrix(v.tolist()) for v in mrfm.field_derivatives(magnet=magnet, position=case["position"])
        )
        species, rate1, rate2 = case["species"], 1 / mp.mpf(case["t1"]), 1 / mp.mpf(case["t2"])
        size = mp.norm(b)
        unit = b / size
        arguments = {"species": species, "field": float(size), "temperature": case["temperature"]}
        moment = mp.mpf(float(mrfm.mean_moment(**arguments)))
        slope = mp.mpf(float(mrfm.mean_moment_slope(**arguments)))
        along = (unit.T * b1)[0]
        equilibrium = slope * along * unit + moment * (b1 - along * unit) / size
        relax = rate2 * mp.eye(3) + (rate1 - rate2) * (unit * unit.T)
        gamma = abs(species.gyromagnetic_ratio)
        cross = mp.matrix([[0, -b[2], b[1]], [b[2], 0, -b[0]], [-b[1], b[0], 0]])
        # dμ1/dt = γ(μ1×B + μ0×B1) + T⁻¹(μ∞1 − μ1), all ∝ e^{iωt}; μ×B = −[B]× μ.
        system = 1j * mp.mpf(OMEGA) * mp.eye(3) + gamma * cross + relax
        push = [moment * (unit[i] * b1[j] - unit[j] * b1[i]) * gamma for i, j in ((1, 2), (2, 0), (0, 1))]
        response = mp.lu_solve(system, mp.matrix(push) + relax * equilibrium)
        return complex(-(response.T * b1)[0] - moment * (unit.T * b2)[0])


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1), spread=st.floats(-3, 3), kind=st.sampled_from(["slow", "19F", "electron"])
)
@example(seed=29141, spread=3.0, kind="electron")
def test_stiffness_is_that_of_the_linearised_bloch_equation(seed: int, spread: float, kind: str) -> None:
    species = SLOW if kind == "slow" else mrfm.SPECIES[kind]
    case = random_case(seed, species)
    case["t1"], case["t2"] = case["t1"] * 10**spread, case["t2"] * 10**spread
    exact, computed = linearised_stiffness(case), package_stiffness(case)
    scale = max(abs(term) for term in computed)
    # The moment and its slope are the package's, in 16 digits, and enter in different combinations.
    assert abs(complex(computed.total) - exact) < 1e-13 * scale


@settings(deadline=None, max_examples=60)
@given(
    lag=st.floats(-6, 6),
    turn=st.floats(-9, 9),
    form=st.sampled_from(["bloch", "printed"]),
)
def test_both_parts_of_kappa3_are_right_however_far_the_frequencies_are_apart(
    lag: float, turn: float, form: mrfm.Kappa3Form
) -> None:
    t2 = 10**lag / OMEGA
    field = 10**turn / t2 / abs(SLOW.gyromagnetic_ratio)
    along, across, bend = 0.0, 1.0, 0.0
    projections = mrfm.FieldProjections(*(np.float64(v) for v in (field, along, across, bend)))
    kappa = mrfm.spin_stiffness(
        projections=projections,
        species=SLOW,
        temperature=1.0,
        angular_frequency=OMEGA,
        t1=t2,
        t2=t2,
        form=form,
    )
    with mp.workdps(60):
        x, y = mp.mpf(OMEGA) * mp.mpf(t2), mp.mpf(abs(SLOW.gyromagnetic_ratio)) * mp.mpf(field) * mp.mpf(t2)
        numerator = 1j * x - x**2 + (2 * (1 + 1j * x) if form == "printed" else 0)
        bracket = 1 - numerator / ((1 + 1j * x) ** 2 + y**2)
        moment = mp.mpf(float(mrfm.mean_moment(species=SLOW, field=field, temperature=1.0)))
        exact = -moment / mp.mpf(field) * bracket
    assert float(kappa.kappa3.imag) == pytest.approx(float(mp.im(exact)), rel=1e-12, abs=0)
    if form == "bloch":
        # Re passes through zero; what the inputs' own rounding makes of it there is allowed.
        size = abs((1 + 1j * x) ** 2 + y**2) ** 2
        terms = ((1 + y**2) ** 2 + x**2 * (1 + y**2)) / size * moment / mp.mpf(field)
        assert abs(float(kappa.kappa3.real) - float(mp.re(exact))) <= 4e-15 * float(terms)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_static_limit_is_the_curvature_of_the_free_energy(seed: int) -> None:
    # κ(0) = ∂²F/∂q², with F = −k_BT ln 2cosh(βμ_sB): no relaxation time may be left in it.
    case = random_case(seed, SLOW)
    magnet = mrfm.Magnet(moment=tuple(case["moment"]), motion=tuple(case["motion"]))
    kelvin, species = case["temperature"], case["species"]
    step = 1e-3 * 1e-6

    def energy(q: float) -> float:
        b = np.linalg.norm(dipole_field(case["moment"], case["position"] - q * case["motion"]))
        return -constants.k * kelvin * math.log(2 * math.cosh(species.moment * b / (constants.k * kelvin)))

    weights = {-2: -1 / 12, -1: 4 / 3, 0: -5 / 2, 1: 4 / 3, 2: -1 / 12}
    curvature = sum(w * energy(k * step) for k, w in weights.items()) / step**2
    kappa = mrfm.spin_stiffness(
        projections=mrfm.field_projections(magnet=magnet, position=case["position"]),
        species=species,
        temperature=kelvin,
        angular_frequency=0.0,
        t1=case["t1"],
        t2=case["t2"],
    )
    scale = max(abs(term) for term in kappa)
    assert abs(complex(kappa.total) - curvature) < 1e-6 * scale


def test_the_printed_kappa3_breaks_the_static_limit() -> None:
    case = random_case(1, SLOW)
    magnet = mrfm.Magnet(moment=tuple(case["moment"]), motion=tuple(case["motion"]))
    bracket = {}
    for form in ("bloch", "printed"):
        kappa3 = [
            mrfm.spin_stiffness(
                projections=mrfm.field_projections(magnet=magnet, position=case["position"]),
                species=SLOW,
                temperature=case["temperature"],
                angular_frequency=0.0,
                t1=case["t1"],
                t2=t2,
                form=form,
            ).kappa3
            for t2 in (case["t2"], 0.0)
        ]
        bracket[form] = complex(kappa3[0] / kappa3[1])
    assert bracket["bloch"] == pytest.approx(1, rel=1e-12, abs=0)
    assert abs(bracket["printed"] - 1) > 0.1


def test_both_forms_agree_where_the_larmor_frequency_is_high() -> None:
    case = random_case(5, mrfm.SPECIES["electron"])
    bloch, printed = (complex(package_stiffness(case, form).kappa3) for form in ("bloch", "printed"))
    assert printed == pytest.approx(bloch, rel=1e-9, abs=0)
    assert printed != bloch


def test_kappa2_obeys_kramers_and_kronig() -> None:
    case = random_case(7, SLOW)
    case["t2"] = 0.0
    magnet = mrfm.Magnet(moment=tuple(case["moment"]), motion=tuple(case["motion"]))
    projections = mrfm.field_projections(magnet=magnet, position=case["position"])

    def kappa2(omega: float) -> complex:
        return complex(
            mrfm.spin_stiffness(
                projections=projections,
                species=SLOW,
                temperature=case["temperature"],
                angular_frequency=omega,
                t1=case["t1"],
                t2=0.0,
            ).kappa2
        )

    scale, omega = abs(kappa2(0)), 0.7 / case["t1"]

    # Re κ(ω) = −(2/π) P∫ ω'Im κ(ω')/(ω'² − ω²) dω' in this sign convention; x = ω'/ω.
    def loss(x: float) -> float:
        return x * kappa2(x * omega).imag / scale / (x + 1)

    near, _ = quad(loss, 0, 2, weight="cauchy", wvar=1.0, epsabs=1e-12)
    far, _ = quad(lambda s: loss(1 / s) / (1 / s - 1) / s**2, 1e-12, 0.5, epsabs=1e-12)
    assert kappa2(omega).real / scale == pytest.approx(-2 / math.pi * (near + far), rel=1e-8, abs=0)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), omega=st.floats(1e-2, 1e12))
def test_one_spin_only_takes_energy_and_answers_a_real_motion_really(seed: int, omega: float) -> None:
    case = random_case(seed, mrfm.SPECIES["electron"])
    magnet = mrfm.Magnet(moment=tuple(case["moment"]), motion=tuple(case["motion"]))
    kappas = [
        mrfm.spin_stiffness(
            projections=mrfm.field_projections(magnet=magnet, position=case["position"]),
            species=case["species"],
            temperature=case["temperature"],
            angular_frequency=w,
            t1=case["t1"],
            t2=case["t2"],
        )
        for w in (omega, -omega)
    ]
    assert kappas[0].kappa2.imag >= 0
    assert kappas[0].kappa3.imag >= -1e-15 * abs(kappas[0].kappa3)
    assert complex(kappas[1].total) == pytest.approx(complex(kappas[0].total).conjugate(), rel=1e-12, abs=0)


def test_endless_and_instant_relaxation() -> None:
    case = random_case(3, SLOW)
    magnet = mrfm.Magnet(moment=tuple(case["moment"]), motion=tuple(case["motion"]))
    projections = mrfm.field_projections(magnet=magnet, position=case["position"])
    common: dict[str, Any] = {
        "projections": projections,
        "species": SLOW,
        "temperature": case["temperature"],
        "angular_frequency": OMEGA,
    }
    frozen = mrfm.spin_stiffness(**common, t1=np.inf, t2=np.inf)
    larmor = SLOW.larmor_frequency(projections.field)
    assert abs(frozen.kappa2) < 1e-60 * abs(frozen.kappa3)
    # Undamped precession: the bracket is ω_s²/(ω_s² − ω²).
    instant = mrfm.spin_stiffness(**common, t1=0.0, t2=0.0)
    assert frozen.kappa3 / instant.kappa3 == pytest.approx(
        larmor**2 / (larmor**2 - OMEGA**2), rel=1e-12, abs=0
    )
    assert instant.kappa2.imag == 0
    assert abs(instant.kappa3.imag) < 1e-30 * abs(instant.kappa3)


def test_sum_over_spins_is_the_sum_of_single_spins(rng: np.random.Generator) -> None:
    magnet = mrfm.Magnet(moment=(19e-12, 0, 0), motion=(0.6, 0, 0.8))
    position = rng.normal(size=(20_000, 3)) * 1e-6 - np.array([0, 0, 6e-6])
    weight = rng.uniform(size=20_000)
    t1 = rng.uniform(0.5, 2, size=20_000) / OMEGA
    arguments: dict[str, Any] = {
        "species": mrfm.SPECIES["1H"],
        "temperature": 0.1,
        "angular_frequency": OMEGA,
    }
    total = mrfm.sum_over_spins(magnet=magnet, position=position, weight=weight, t1=t1, t2=1e-5, **arguments)
    each = mrfm.spin_stiffness(
        projections=mrfm.field_projections(magnet=magnet, position=position), t1=t1, t2=1e-5, **arguments
    )
    for summed, single in some(zip(total, each, strict=True)):
        assert summed == pytest.approx(np.sum(weight * single), rel=1e-12, abs=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": 0.0}, "temperature"),
        ({"t1": -1.0}, "t1"),
        ({"t1": np.nan}, "t1"),
        ({"t1": 1e-3, "t2": 2.1e-3}, "T2 ≤ 2 T1"),
        ({"form": "other"}, "'bloch' or 'printed'"),
        ({"t1": 0.0, "t2": 0.0, "angular_frequency": np.inf}, "angular_frequency"),
        ({"temperature": [0.1, 0.2, 0.3], "angular_frequency": [1.0, 2.0]}, "broadcast"),
    ],
)
def test_bad_arguments_are_refused(change: dict[str, Any], message: str) -> None:
    magnet = mrfm.Magnet(moment=(1e-12, 0, 0), motion=(1, 0, 0))
    good: dict[str, Any] = {
        "projections": mrfm.field_projections(magnet=magnet, position=(0, 0, -1e-6)),
        "species": SLOW,
        "temperature": 0.1,
        "angular_frequency": OMEGA,
        "t1": 1e-3,
        "t2": 1e-3,
    }
    with pytest.raises(ArgumentError, match=message):
        mrfm.spin_stiffness(**(good | change))


def test_the_printed_form_bears_instant_relaxation() -> None:
    # T1 = T2 → 0 puts 2(T2/T1) into the numerator: the bracket is 1 − 2/1.
    case = random_case(1, SLOW) | {"t1": 0.0, "t2": 0.0}
    bloch, printed = (package_stiffness(case, form).kappa3 for form in ("bloch", "printed"))
    assert bloch.real != 0
    short = random_case(1, SLOW) | {"t1": 1e-15, "t2": 1e-15}
    limit = package_stiffness(short, "printed").kappa3
    assert complex(limit / bloch) == pytest.approx(-1.0, rel=1e-9, abs=0)
    assert printed == bloch  # what is added is 2(T2/T1) of nothing: T2 = 0 counts as none


def test_the_printed_form_without_precession_has_its_static_bracket() -> None:
    # At ω = 0 and ω_sT2 ≪ 1 the printed bracket is 1 − 2(T2/T1), by hand from the printed equation.
    projections = mrfm.FieldProjections(*(np.float64(v) for v in (1e-9, 0.0, 1.0, 0.0)))
    common: dict[str, Any] = {
        "projections": projections, "species": SLOW, "temperature": 1.0, "angular_frequency": 0.0, "t1": 4e-3
    }  # fmt: skip
    for t2 in (1e-3, 2e-3, 7e-3):
        bloch, printed = (
            complex(mrfm.spin_stiffness(**common, t2=t2, form=form).kappa3) for form in ("bloch", "printed")
        )
        assert printed / bloch == pytest.approx(1 - 2 * t2 / 4e-3, rel=1e-9, abs=1e-9)

"""What a file of another program would be fitted as, and why: columns, then models compared on the data.

Which models come into question follows from what x is: a time, a frequency, a field, a wavelength. All of
them are fitted, dips with more and more lines, and compared by the Bayes information criterion. One is *the*
candidate if it leads, has nothing to be distrusted, explains more than a straight line, and no other model
with as few parameters comes near. Otherwise a person has to say; the table says what there is to choose from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from labspin.analysis.outcome import FitOutcome
from labspin.analysis.recipes.foreign import (
    ForeignTrace,
    Section,
    averages_of,
    fit_foreign_trace,
    read_trace,
)
from labspin.analysis.recipes.spectra import THERMAL, is_spectrum
from labspin.errors import FitError, LabspinError

if TYPE_CHECKING:
    from labspin.data import Contents, Pick

__all__ = ["Candidate", "Proposal", "propose"]

_STRONG = 6.0
"""Difference of the criterion from which the data speak strongly (Kass and Raftery)."""
_MOST_LINES = 8
_MOST_POINTS = 20_000
_LEVELS = ("dBm", "dB", "dBV", "dBc", "dBc/Hz", "dBm/Hz", "dBV/Hz", "dBµV", "dBFS")
_DECAYS = ("stretched_exponential", "double_exponential", "ring_down")
_OSCILLATION = "rabi_oscillation"
_DERIVATIVE = "lorentzian_derivative"
_LINES = "lines"
"""Lorentzian and Gaussian dips or peaks."""
_MODELS: Mapping[str, tuple[str, ...]] = {
    "time": (*_DECAYS, _OSCILLATION),
    "frequency": (_DERIVATIVE, "resonator_amplitude", _LINES),
    "line": (_LINES,),
    "": (*_DECAYS, _OSCILLATION, _LINES),
}
"""What x is -> models that come into question; those behind a decay or derivative only if it will not do."""
_COMPLEX_MODELS = {"time": ("complex_ring_down",), "frequency": ("resonator_response",), "line": (), "": ()}
_BY_UNIT = {
    "time": re.compile(r"(?:[fpnuµm]?s|min|h)"),
    "frequency": re.compile(r"[mkMGT]?Hz"),
    "line": re.compile(r"(?:[num]?m|angstrom|1/cm|m?eV|[mu]?T|[mk]?G|V|mV)"),
}
_BY_NAME = {
    "time": re.compile(r"(?:^|[\W_])(?:time|zeit|temps|tau|delay|t)(?:$|[\W_\d])", re.IGNORECASE),
    "frequency": re.compile(r"(?:^|[\W_])(?:freq\w*|f|detuning)(?:$|[\W_\d])", re.IGNORECASE),
    "line": re.compile(
        r"(?:^|[\W_])(?:field|b|wavelength|lambda|energy|wavenumber)(?:$|[\W_\d])", re.IGNORECASE
    ),
}


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A model that was tried.

    Attributes
    ----------
    model, options
        Its name, and what it was built with.
    bic
        Bayes information criterion; of candidates of one file, the smallest is the best.
    parameters
        How many were fitted.
    outcome
        The fit.
    """

    model: str
    options: Mapping[str, object] = field(default_factory=dict)
    bic: float
    parameters: int
    outcome: FitOutcome

    @property
    def name(self) -> str:
        """The model with its options, as a person would say them."""
        return " ".join([self.model, *(f"{key}={value}" for key, value in self.options.items())])


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What would be fitted.

    Attributes
    ----------
    pick
        The columns, each with the reason.
    trace
        Their numbers.
    candidates
        Models that were tried, the best first.
    clear
        The one that is fitted without asking; None if the data do not decide.
    why
        Why that one, or why none, in one sentence.
    """

    pick: Pick
    trace: ForeignTrace
    candidates: tuple[Candidate, ...]
    clear: Candidate | None
    why: str


def propose(
    contents: Contents,
    *,
    x: str | None = None,
    y: str | None = None,
    sigma: str | None = None,
    units: tuple[str, str] = ("1", "1"),
    section: Section | None = None,
) -> Proposal:
    """Return what a file would be fitted as, and why.

    Parameters
    ----------
    contents
        The file, as `labspin.data.open_foreign` returns it.
    x, y, sigma
        Names of columns where the user gave them; None: the file decides.
    units
        Units of x and y; ``"1"``: what the file says.
    section
        Which points are fitted; None: all.

    Raises
    ------
    RunFileError
        The file has no two columns that go together.
    FitError
        No points are left.
    """
    from labspin.data import pick_axes

    pick = pick_axes(contents, x=x, y=y)
    trace = read_trace(
        contents, x=pick.x, y=pick.y, sigma=sigma or pick.sigma or None, units=units, section=section
    )
    if not sigma and trace.sigma is not None and not np.nanmin(trace.sigma.real, initial=np.inf) > 0:
        # The file's own choice, of one measurement each: its scatter is 0, and says nothing.
        left_out = f"{pick.sigma} holds errors that are not > 0, and is left out"
        pick, trace = replace(pick, sigma="", why=(*pick.why[:-1], left_out)), replace(trace, sigma=None)
    tried = sorted(_tried(trace, contents), key=lambda candidate: candidate.bic)
    clear, why = _decided(trace, tried)
    return Proposal(pick=pick, trace=trace, candidates=tuple(tried), clear=clear, why=why)


def _kind(trace: ForeignTrace) -> str:
    """Return what x is by its unit, or by its name where it has none; empty if neither tells."""
    name, unit = trace.axes[:2]
    if unit not in ("", "1"):
        return next((kind for kind, form in _BY_UNIT.items() if form.fullmatch(unit)), "")
    return next((kind for kind, form in _BY_NAME.items() if form.search(name.rpartition("/")[2])), "")


def _tried(trace: ForeignTrace, contents: Contents) -> Iterator[Candidate]:
    kind = _kind(trace)
    if np.iscomplexobj(trace.y):
        for model in _COMPLEX_MODELS[kind]:
            yield from _fitted(trace, model)
        return
    if trace.axes[3] in _LEVELS:
        yield from _fitted(trace, "ring_down_decibel") if kind == "time" else ()
        return
    averages = _averages(contents)
    if averages and kind in ("frequency", "") and np.nanmin(trace.y) > 0:
        yield from _fitted(trace, THERMAL, averages=averages)
        return
    if _is_density(trace):
        return  # without their number, the errors would be made up
    if trace.x.size > _MOST_POINTS:
        return
    is_done = False
    for model in _MODELS[kind]:
        if is_done and model not in _DECAYS:
            return
        for candidate in _lines(trace) if model == _LINES else _fitted(trace, model):
            is_done = is_done or (model in (*_DECAYS, _DERIVATIVE) and not _doubt(candidate))
            yield candidate


def _averages(contents: Contents) -> int:
    """Return how many spectra were averaged, 0 if the file does not say so."""
    try:
        return averages_of(contents)
    except FitError:  # most files are none of spectra
        return 0


def _is_density(trace: ForeignTrace) -> bool:
    """Return whether y is a power spectral density, whose statistics are those of averaged spectra."""
    return bool(re.search(r"(?:\*\*|\^|²)2?\)?/\(?Hz|/Hz$", trace.axes[3])) and trace.axes[3] not in _LEVELS


def _fitted(
    trace: ForeignTrace, model: str, options: Mapping[str, object] | None = None, **settings: object
) -> Iterator[Candidate]:
    try:
        outcome = fit_foreign_trace(trace, model, options=options or {}, **settings)
    except (LabspinError, ValueError):  # a model that does not go with the data is no candidate
        return
    free = len(outcome.covariance_names)
    if not is_spectrum(model) and outcome.statistics.points < np.isfinite(trace.y).sum():
        return  # a part of the points cannot be compared with all of them
    if outcome.noise is not None:
        return  # nor can points with correlated noise be compared with independent ones
    if np.isfinite(outcome.statistics.bic):
        yield Candidate(
            model=model, options=options or {}, bic=outcome.statistics.bic, parameters=free, outcome=outcome
        )


def _lines(trace: ForeignTrace) -> Iterator[Candidate]:
    """Yield Lorentzian lines, 1, 2, … until two more make it no better, and Gaussian ones about as many.

    Where it gets better twice by a line at the end of the window, lines make up for a curve that has none.
    """
    best, count, worse, at_ends = np.inf, 0, 0, 0
    while worse < 2 and at_ends < 2 and count < _MOST_LINES:
        count += 1
        found = list(_fitted(trace, "lorentzian_dips", {"count": count}))
        if not found:
            break
        worse = 0 if found[0].bic < best else worse + 1
        yield found[0]
        at_ends = at_ends + 1 if worse == 0 and _ends(found[0].outcome) else 0
        best = min(best, found[0].bic)
    for other in range(max(count - 3, 1), max(count - 1, 1) + 1):
        yield from _fitted(trace, "gaussian_dips", {"count": other})


def _ends(outcome: FitOutcome) -> bool:
    """Return whether a line lies at an end of the window."""
    ends = (float(outcome.x.min()), float(outcome.x.max()))
    reach = 1e-9 * (ends[1] - ends[0])
    centers = [value for name, value in outcome.values().items() if name.startswith("center")]
    return any(abs(center - end) <= reach for center in centers for end in ends)


def _line(trace: ForeignTrace) -> float:
    """Return the criterion of a straight line."""
    there = np.isfinite(trace.x) & np.isfinite(trace.y)
    x, y = trace.x[there].astype(np.float64), trace.y[there]
    weights = np.ones(x.size) if trace.sigma is None else 1 / trace.sigma[there]
    design = np.stack([np.ones(x.size), (x - x.mean()) / (np.ptp(x) or 1.0)], axis=1) * weights[:, None]
    left = y * weights - design @ np.linalg.lstsq(design, y * weights, rcond=None)[0]
    chi2 = float(np.vdot(left, left).real)
    misfit = chi2 if trace.sigma is not None else x.size * float(np.log(max(chi2, 1e-300) / x.size))
    return misfit + 2 * float(np.log(x.size))


def _decided(trace: ForeignTrace, tried: list[Candidate]) -> tuple[Candidate | None, str]:
    """Return the candidate that is fitted without asking, if there is one, and why it is, or why none is."""
    if trace.axes[3] in _LEVELS and not tried:
        return None, f"y is a level in {trace.axes[3]}, and the models are for y itself; convert it first"
    if not tried:
        return None, _why_nothing(trace)
    if is_spectrum(tried[0].model):
        return tried[
            0
        ], "the file says how many spectra were averaged, and such are fitted by their statistics"
    sound = [one for one in tried if not _doubt(one)]
    if not sound:
        return None, f"no model fits without doubt: {tried[0].name}: {_doubt(tried[0])}"
    best = sound[0]
    if not np.iscomplexobj(trace.y) and best.bic > _line(trace) - _STRONG:
        return None, "no model explains more than a straight line does"
    if tried[0].model != best.model and tried[0].bic < best.bic - _STRONG:
        return None, f"{tried[0].name} fits best, but {_doubt(tried[0])}"
    others = [one for one in sound if one.model != best.model]
    near = [one for one in others if one.parameters <= best.parameters and one.bic < best.bic + _STRONG]
    if near:
        return None, f"{best.name} and {near[0].name} fit equally well"
    if not others:
        return best, "the only model for such data that fits without doubt"
    return best, f"its criterion (BIC) is {others[0].bic - best.bic:.0f} below that of {others[0].name}"


def _doubt(candidate: Candidate) -> str:
    """Return what is to be distrusted in a fit; empty if nothing is."""
    if candidate.outcome.warnings:
        return candidate.outcome.warnings[0].partition(":")[0]
    if candidate.outcome.statistics.degrees_of_freedom < candidate.parameters:
        return f"{candidate.parameters} parameters are many for {candidate.outcome.statistics.points} points"
    if _overlap(candidate.outcome):
        return "its lines stand within each other, as where the shape of a line is another"
    return "" if candidate.outcome.sound else "not all of its parameters are determined"


def _overlap(outcome: FitOutcome) -> bool:
    """Return whether two lines are closer to each other than half the width of the wider one."""
    values = outcome.values()
    lines = [
        (values[name], values[f"width_{name[7:]}"])
        for name in values
        if name.startswith("center_") and f"width_{name[7:]}" in values
    ]
    return any(
        abs(one[0] - other[0]) < 0.5 * max(one[1], other[1])
        for place, one in enumerate(lines)
        for other in lines[:place]
    )


def _why_nothing(trace: ForeignTrace) -> str:
    if _is_density(trace):
        return (
            "y is a power spectral density, and the file does not say how many spectra were averaged: "
            "--averages N"
        )
    if trace.x.size > _MOST_POINTS:
        return f"{trace.x.size} points are too many to try all models; name one, or take a part (--every)"
    return "no model for such data is known; name one with --model"

"""What a fit gives: values with honest errors, how good it is, the curves to draw, and what to distrust.

Standard errors are of one standard deviation. Where the data come with their own errors, those are taken
as they are and the fit is *tested* against them: reduced χ² and its probability are reported, and a bad
one is a warning, never hidden by scaling. Where they do not, the scatter about the fit sets the scale, and
there is nothing left to test.
"""

from __future__ import annotations

import contextlib
import io
import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labspin.analysis.model import CorrelatedNoise, FloatArray
from labspin.arrays import Numbers
from labspin.errors import FitError
from labspin.notebook import html_page
from labspin.units import shown_in, typeset
from labspin.workspaces import liked_units, quantity_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "FitOutcome",
    "FitStatistics",
    "FittedParameter",
    "Picture",
    "ProfileEnds",
    "chosen_text",
    "with_error",
]


@dataclass(frozen=True)
class FittedParameter:
    """One parameter as fitted.

    Attributes
    ----------
    value, stderr
        In ``unit``; stderr is NaN where the data do not give one, 0 for a fixed parameter.
    derived
        Computed from other parameters, with their covariance.
    """

    name: str
    value: float
    stderr: float
    unit: str
    fixed: bool = False
    derived: bool = False
    description: str = ""

    def text(self) -> str:
        """Return ``value ± stderr unit``, the value rounded as its error asks."""
        return with_error(self.value, self.stderr, self.unit)

    def line(self) -> str:
        """Return ``name = value ± stderr unit``, and whether it was held or could not be determined."""
        return f"{self.name} = {noted(self.value, self.stderr, self.unit, fixed=self.fixed)}"


@dataclass(frozen=True)
class FitStatistics:
    """How good a fit is.

    Attributes
    ----------
    chi2
        Weighted sum of squared residuals (deviance for a likelihood fit).
    degrees_of_freedom
        Points minus fitted parameters.
    p_value
        Probability of a larger χ² if model and errors are right; None where the errors were taken from the
        scatter about the fit, or where only the shape of the likelihood is known.
    aic, bic
        Akaike and Bayes information criteria; only differences between models of the same data mean anything.
    """

    chi2: float
    degrees_of_freedom: int
    points: int
    p_value: float | None
    aic: float
    bic: float
    errors_from_scatter: bool
    converged: bool
    evaluations: int = 0
    extra: Mapping[str, float] = field(default_factory=dict)

    @property
    def chi2red(self) -> float:
        """Reduced χ²; NaN without a degree of freedom."""
        return self.chi2 / self.degrees_of_freedom if self.degrees_of_freedom > 0 else math.nan


@dataclass(frozen=True)
class ProfileEnds:
    """How far a parameter may be from where the fit put it, where χ² is no parabola.

    Attributes
    ----------
    one, two
        Where χ² of the best fit has risen by 1 and by 4, below and above; ∓∞ where it never does.
    widened
        The standard error is that of the profile, not of the curvature.
    followers
        Parameters that change with it by more than their errors by curvature.
    """

    one: tuple[float, float]
    two: tuple[float, float]
    widened: bool
    followers: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture of a fit: a notebook shows it, `save` writes it.

    Attributes
    ----------
    figure
        Figure of matplotlib, to be changed before it is shown.
    """

    figure: Figure

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        with _without_word_of_fonts():
            self.figure.savefig(file, format="png", dpi=110)
        return file.getvalue()

    def save(self, path: Path | str) -> Path:
        """Write the picture and return its path.

        Parameters
        ----------
        path
            Its ending says as what: PNG, PDF or SVG.
        """
        with _without_word_of_fonts():
            self.figure.savefig(path)
        return Path(path)


@contextlib.contextmanager
def _without_word_of_fonts() -> Iterator[None]:
    """Keep matplotlib from a line for each font it replaces: a notebook shows them above the picture."""
    logger = logging.getLogger("matplotlib.font_manager")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


@dataclass(frozen=True, eq=False)
class FitOutcome:
    """A fit of one model to one trace.

    Attributes
    ----------
    name
        What the fit is called in the run file, such as ``"t1"``.
    covariance
        Covariance of the fitted parameters ``covariance_names``, in their units.
    x, y, sigma, best, residuals
        The points that were fitted, their errors (None: unknown), the model there, and y − best.
    curve_x, curve_y
        The model on a fine grid.
    warnings
        What to distrust, one sentence each.
    noise
        Correlated noise that the fit was weighted by; None: the points are independent.
    likelihood
        That of the model.
    chosen
        Options of the model that the data prefer, where a recipe lets them choose; parameters that only
        other options have are then NaN.
    """

    name: str
    quantity: str
    model: str
    equation: str
    parameters: tuple[FittedParameter, ...]
    covariance_names: tuple[str, ...]
    covariance: FloatArray
    statistics: FitStatistics
    x: FloatArray
    y: Numbers
    sigma: Numbers | None
    best: Numbers
    curve_x: FloatArray
    curve_y: Numbers
    x_name: str = "x"
    x_unit: str = "1"
    y_name: str = "y"
    y_unit: str = "1"
    warnings: tuple[str, ...] = ()
    recipe: str = ""
    source: str = ""
    label: str = ""
    noise: CorrelatedNoise | None = None
    likelihood: str = "normal"
    chosen: Mapping[str, object] = field(default_factory=dict)
    ends: Mapping[str, ProfileEnds] = field(default_factory=dict)

    @property
    def residuals(self) -> Numbers:
        """Data minus model."""
        return np.asarray(self.y - self.best)

    def __getitem__(self, name: str) -> FittedParameter:
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        known = ", ".join(parameter.name for parameter in self.parameters)
        raise FitError(f"fit {self.name}: no parameter {name!r}; it has {known}")

    @property
    def sound(self) -> bool:
        """Whether the fit converged, with errors of all parameters."""
        return self.statistics.converged and bool(np.isfinite(self.covariance).all())

    @property
    def present(self) -> tuple[FittedParameter, ...]:
        """Parameters but those that the chosen model lacks."""
        return tuple(p for p in self.parameters if not (self.chosen and math.isnan(p.value)))

    def plot(self) -> Picture:
        """Return data, errors, fit and residuals as a picture, which a notebook shows."""
        from labspin import analysis  # its face: pictures stand above what they are made of

        return Picture(analysis.figure_of([self]))

    def __repr__(self) -> str:
        title = ", ".join(word for word in (self.name, self.label) if word)
        found = ", ".join(p.line() for p in self.present)
        return f"<fit {title}: {self.model} on {self.quantity}; {found}>"

    def _repr_html_(self) -> str:
        rows = [
            (p.name, p.text(), "held" if p.fixed else "derived" if p.derived else "fitted", p.description)
            for p in self.present
        ]
        facts = [("model", self.model), ("of", self.quantity), ("equation", self.equation)]
        title = ", ".join(word for word in (self.name, self.label) if word)
        notes = [goodness_text(self.statistics), *(f"warning: {warning}" for warning in self.warnings)]
        return html_page(title, facts, ("parameter", "value", "", "meaning"), rows, notes)

    def values(self) -> dict[str, float]:
        """Return the value of every parameter by name."""
        return {parameter.name: parameter.value for parameter in self.parameters}

    def with_changes(self, **changes: Any) -> FitOutcome:
        """Return a copy with fields replaced."""
        return replace(self, **changes)

    def not_fitted(self, why: str) -> FitOutcome:
        """Return what a trace beside this one has that could not be fitted: NaN for values, and no points.

        Parameters
        ----------
        why
            What was wrong with it.
        """
        nothing = np.empty(0)
        return self.with_changes(
            parameters=tuple(
                p if p.fixed else replace(p, value=np.nan, stderr=np.nan) for p in self.parameters
            ),
            covariance=np.full_like(self.covariance, np.nan),
            statistics=replace(
                self.statistics, chi2=np.nan, degrees_of_freedom=0, points=0, aic=np.nan, bic=np.nan,
                p_value=None if self.statistics.p_value is None else np.nan, converged=False, extra={},
            ),
            x=nothing, y=nothing, sigma=None if self.sigma is None else nothing, best=nothing,
            curve_x=nothing, curve_y=nothing, noise=None, ends={}, warnings=(f"not fitted: {why}",),
        )  # fmt: skip

    def rows(self) -> list[dict[str, str | float | bool | None]]:
        """Return one plain row a parameter, for tables and tidy files."""
        statistics = self.statistics
        common = {
            "source": self.source,
            "label": self.label,
            "fit": self.name,
            "quantity": self.quantity,
            "model": self.model,
            "chosen": chosen_text(self.chosen),
        }
        tail = {
            "chi2red": statistics.chi2red,
            "p_value": statistics.p_value,
            "points": statistics.points,
            "converged": statistics.converged,
            "warnings": "; ".join(self.warnings),
        }
        return [
            {
                **common,
                "parameter": p.name,
                "value": p.value,
                "stderr": p.stderr,
                "unit": p.unit,
                "fixed": p.fixed,
                **tail,
            }
            for p in self.present
        ]

    def summary(self) -> str:
        """Return the fit in a few lines of text."""
        chosen = f" ({chosen_text(self.chosen)})" if self.chosen else ""
        lines = [f"{self.name}: {self.model}{chosen} on {self.quantity}, {self.statistics.points} points"]
        lines += [f"  {p.line()}" for p in self.present]
        lines.append(f"  {goodness_text(self.statistics)}")
        return "\n".join([*lines, *(f"  warning: {warning}" for warning in self.warnings)])


def chosen_text(chosen: Mapping[str, object]) -> str:
    """Return the options that the data prefer as text, such as ``"count = 2"``.

    Parameters
    ----------
    chosen
        Name of each option to its value; none gives an empty text.
    """
    return ", ".join(f"{name} = {value}" for name, value in chosen.items())


def goodness_text(statistics: FitStatistics) -> str:
    """Return reduced χ² and its probability as text."""
    if statistics.errors_from_scatter:
        return (
            f"errors scaled to the scatter about the fit ({statistics.degrees_of_freedom} degrees of freedom)"
        )
    text = f"χ²red = {statistics.chi2red:.3g} ({statistics.degrees_of_freedom} degrees of freedom"
    return text + (")" if statistics.p_value is None else f", p = {statistics.p_value:.2g})")


def noted(value: float, stderr: float, unit: str, *, fixed: bool = False, like: float | None = None) -> str:
    """Return a fitted value as `with_error`, and whether it was held or could not be determined.

    What has no value, as of a trace that was not fitted, is not determined, held or not.

    Parameters
    ----------
    value, stderr
        A number and its standard error, NaN where the data do not give one, both in ``unit``.
    unit
        Unit of both; ``"1"`` or empty for a number without one.
    fixed
        Whether it was held.
    like
        As for `with_error`.
    """
    if math.isnan(value):
        return "not determined"
    known = math.isfinite(value) and not math.isfinite(stderr)
    end = " (held)" if fixed else " (not determined)" if known else ""
    return with_error(value, stderr, unit, like=like) + end


def common_size(values: Iterable[float]) -> float | None:
    """Return the size by which a column of values has one prefix; None where their sizes are too different.

    Parameters
    ----------
    values
        The values, in one unit.
    """
    sizes = sorted(abs(value) for value in values if math.isfinite(value) and value)
    if not sizes or sizes[-1] > 1e4 * sizes[0]:
        return None
    return sizes[len(sizes) // 2]


def with_error(value: float, stderr: float, unit: str, *, like: float | None = None) -> str:
    """Return ``value ± stderr`` as the workspace shows ``unit``, rounded to two digits of the error.

    Parameters
    ----------
    value, stderr
        A number and its standard error, both in ``unit``; without a positive, finite error only the value is
        shown.
    unit
        Unit of both; ``"1"`` or empty for a number without one.
    like
        Size of the values that stand beside this one, whose prefix it has; None: its own.
    """
    if not math.isfinite(value):
        return f"{value} {unit}".strip()
    if not (math.isfinite(stderr) and stderr > 0):
        return typeset(quantity_text(value, unit))
    divisor, found = shown_in(like or max(abs(value), stderr), unit, liked_units())
    shown, error = value / divisor, stderr / divisor
    name = "" if found in ("", "1") else f" {found}"
    largest = max(abs(shown), error)
    power = 0 if 1e-3 <= largest < 1e6 else math.floor(math.log10(largest))
    shown, error = shown / 10.0**power, error / 10.0**power
    places = min(12, max(0, 1 - math.floor(math.log10(error))))
    text = f"{shown:z.{places}f} ± {error:.{places}f}"  # z: no -0.0
    return typeset(f"({text})e{power:+03d}{name}" if power else f"{text}{name}")

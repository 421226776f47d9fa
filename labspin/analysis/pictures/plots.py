"""Pictures of fits: data with error bars, the fitted curve, and the residuals below in units of their errors.

Colours are Okabe and Ito's, which colour-blind readers can distinguish, each with its own marker. Every
parameter's axis carries its unit with a prefix that makes the numbers readable. No window is opened: figures
are drawn by the Agg canvas, so this works on a server.
"""

from __future__ import annotations

import io
import math
import re
import textwrap
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from labspin.analysis.fitting.grids import is_log_spaced
from labspin.analysis.model import FloatArray
from labspin.analysis.models.loading import offered_model
from labspin.analysis.names import words_of_name
from labspin.analysis.outcome import FitOutcome, FittedParameter, noted
from labspin.data.outputs import PICTURE, refuse_foreign
from labspin.data.storage import replace_file
from labspin.errors import FitError
from labspin.system import reason_of
from labspin.units import shown_in, typeset
from labspin.workspaces import liked_units

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "COLOURS",
    "MARKERS",
    "axis_label",
    "axis_scale",
    "figure_of",
    "legend_text",
    "log_axis",
    "plot_outcomes",
    "plot_t1",
    "save",
    "style_of",
]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vPX"
_LEGEND_LIMIT = 12
_LINES_INSIDE = 6
"""Lines of text up to which the legend leaves room for the data."""
_LINE = 0.19  # inches of the figure for a line of a legend beside the data
_EQUATION = 76  # characters of a line of an equation above one panel of several


def style_of(number: int) -> tuple[str, str]:
    """Return colour and marker of the line of a number, 0 and on: no two of the first 49 are the same.

    Parameters
    ----------
    number
        Place of the line among those of a panel.
    """
    turn, place = divmod(number, len(COLOURS))
    return COLOURS[place], MARKERS[(place + turn) % len(MARKERS)]


def plot_t1(outcomes: Sequence[FitOutcome], path: Path | str) -> Path:
    """Draw T1 fits over a logarithmic time axis with T1 ± σ in the legend, and return the picture's path.

    Parameters
    ----------
    outcomes
        At least one fit.
    path
        Path of the picture (PNG, PDF or SVG), or a folder.

    Returns
    -------
    path
        ``fits.png`` in it where a folder was given; with ``.png`` where there was no ending.
    """
    return save(figure_of(outcomes, logarithmic=True), path)


def plot_outcomes(outcomes: Sequence[FitOutcome], path: Path | str, *, traces: int = 0) -> Path:
    """Draw fits into one picture (PNG, PDF or SVG), one panel for each kind of quantity, and return its path.

    Parameters
    ----------
    outcomes
        At least one fit.
    path
        Path of the picture, or a folder.
    traces
        How many fits there are; where they are more, the picture says how many of them it shows.

    Returns
    -------
    path
        ``fits.png`` in it where a folder was given; with ``.png`` where there was no ending.

    Raises
    ------
    FitError
        There is nothing to draw, or the picture cannot be written.
    """
    figure = figure_of(outcomes)
    if traces > len(outcomes):
        figure.supxlabel(f"{len(outcomes)} of {traces} traces are drawn", fontsize="small", x=0.01, ha="left")
    return save(figure, path)


def figure_of(outcomes: Sequence[FitOutcome], *, logarithmic: bool | None = None) -> Figure:
    """Return a figure of ``outcomes``: one column for each kind of axes, residuals below.

    Parameters
    ----------
    outcomes
        At least one fit.
    logarithmic
        Logarithmic x axis; None: where its points are spaced so.
    """
    if not outcomes:
        raise FitError("plot: wanted at least one fit, got none")
    from matplotlib.figure import Figure

    groups = _grouped([part for outcome in outcomes for part in _parts(outcome)])
    legends = _legends(groups)
    named = [group for group, here in zip(groups, legends, strict=True) if here and _is_beside(group)]
    # The panel of the data, three quarters of the height, is at least as tall as the legend beside it.
    lines = max((_lines(group) for group in named), default=0)
    size = (6.4 * len(groups) + 2.6 * len(named), max(5.6, 2.0 + _LINE * lines))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(2, len(groups), sharex="col", squeeze=False, gridspec_kw={"height_ratios": [3, 1]})
    for column, group in enumerate(groups):
        _draw(axes[0, column], axes[1, column], group, logarithmic)
        if legends[column]:
            _legend(axes[0, column], group, uppermost_first=_apart(group) > 0)
    equations = [max(group, key=lambda outcome: len(outcome.present)).equation for group in groups]
    if len(set(equations)) == 1:
        figure.suptitle(equations[0], fontsize=8, wrap=True)
    else:
        for panel, equation in zip(axes[0], equations, strict=True):
            panel.set_title(textwrap.fill(equation, _EQUATION), fontsize=8)
    return figure


def _legends(groups: Sequence[Sequence[FitOutcome]]) -> list[bool]:
    """Return which panels name their fits: of neighbours that would say the same, the last one."""
    said = [[legend_text(outcome) for outcome in group] for group in groups]
    few = [len(group) <= _LEGEND_LIMIT for group in groups]
    return [few[place] and said[place] not in said[place + 1 :] for place in range(len(groups))]


def _lines(outcomes: Sequence[FitOutcome]) -> int:
    return sum(1 + legend_text(outcome).count("\n") for outcome in outcomes)


def _apart(outcomes: Sequence[FitOutcome]) -> float:
    """Return by how much of the tallest one each of several fits is drawn above the one before."""
    return _lines_apart(outcomes[0].model) if len(outcomes) > 1 else 0.0


def _lines_apart(model: str) -> float:
    own = offered_model(model)
    return own.lines_apart if own is not None else 0.0


def save(figure: Figure, path: Path | str) -> Path:
    """Write ``figure`` and return its path: PNG without an ending, ``fits.png`` in a folder.

    Parameters
    ----------
    figure
        A figure of matplotlib.
    path
        Path of the picture (PNG, PDF or SVG), or a folder. Only a picture may be replaced.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    target = Path(path)
    if target.is_dir():
        target = target / "fits.png"
    elif not target.suffix:
        target = target.with_suffix(".png")
    FigureCanvasAgg(figure)
    refuse_foreign(target, PICTURE, error=FitError)
    drawn = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", 'Creating legend with loc="best"'
            )  # said where a machine is busy
            figure.savefig(drawn, dpi=150, format=target.suffix.lstrip(".").lower())
    except ValueError as error:
        raise FitError(f"picture {target}: cannot be drawn: {error}") from error
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FitError(f"{target.parent}: {reason_of(error, writing=True)}; nothing was drawn") from error
    replace_file(target, drawn.getvalue(), "the picture was not written", error=FitError)
    return target


def _parts(outcome: FitOutcome) -> tuple[FitOutcome, ...]:
    """Return real and imaginary part of a complex fit as fits of their own, to be drawn."""
    if not np.iscomplexobj(outcome.y):
        return (outcome,)
    found = []
    parts: tuple[tuple[Any, str], ...] = ((np.real, "real part"), (np.imag, "imaginary part"))
    for part, words in parts:
        sigma = outcome.sigma
        # One σ for both parts may be a real number.
        changes = {"sigma": part(sigma) if sigma is not None and np.iscomplexobj(sigma) else sigma}
        changes |= {name: part(getattr(outcome, name)) for name in ("y", "best", "curve_y")}
        name, unit = _part_of_name(outcome.y_name, outcome.y_unit, words)
        found.append(outcome.with_changes(y_name=name, y_unit=unit, **changes))
    return tuple(found)


def _part_of_name(name: str, unit: str, part: str) -> tuple[str, str]:
    """Return name and unit of one part: ``"frequency shift (Hz) + i/Q"`` are a shift in hertz and Δ(1/Q).

    ``"lower rate + i upper rate"`` are both rates, of one unit.
    """
    real, plus, imaginary = name.partition(" + i ")
    if plus:
        return (real if part == "real part" else imaginary), unit
    both = re.fullmatch(r"(?P<real>.+) \((?P<unit>[^()]+)\) \+ i/(?P<imaginary>\w+)", name)
    if both is None:
        return f"{name}, {part}", unit
    if part == "real part":
        return both["real"], both["unit"]
    inverse = f"1/{both['imaginary']}"
    return f"Δ({inverse})" if "shift" in both["real"] else inverse, "1"


def _grouped(outcomes: Iterable[FitOutcome]) -> list[list[FitOutcome]]:
    groups: dict[tuple[str, ...], list[FitOutcome]] = {}
    for outcome in outcomes:
        key = (outcome.x_name, outcome.x_unit, outcome.y_name, outcome.y_unit, outcome.model)
        groups.setdefault(key, []).append(outcome)
    return list(groups.values())


def _draw(upper: Axes, lower: Axes, outcomes: Sequence[FitOutcome], logarithmic: bool | None) -> None:
    first = outcomes[0]
    scale, unit = axis_scale(np.concatenate([outcome.x for outcome in outcomes]), first.x_unit)
    spectrum = first.likelihood == "gamma"
    seen = np.concatenate([np.real(outcome.y) for outcome in outcomes])
    known_unit = first.y_unit not in ("", "1")
    height, y_unit = axis_scale(seen[np.isfinite(seen)], first.y_unit) if known_unit else (1.0, first.y_unit)
    apart = _apart(outcomes)
    tallest = max((float(np.ptp(one.y[np.isfinite(one.y)])) for one in outcomes if one.y.size), default=0.0)
    for index, outcome in enumerate(outcomes):
        colour, marker = style_of(index)
        marker = "." if spectrum else marker
        _draw_one(upper, lower, _moved(outcome, index * apart * tallest), (scale, height), colour, marker)
    lower.axhline(0, color="0.4", linewidth=0.8)
    if spectrum:
        upper.set_yscale("log")
    if logarithmic is None:
        logarithmic = not spectrum and is_log_spaced(first.x)
    if logarithmic:
        _log_axis(lower, np.concatenate([outcome.x for outcome in outcomes]) * scale)
    lower.set_xlabel(axis_label(first.x_name, unit))
    upper.set_ylabel(axis_label(first.y_name, y_unit) + (", moved apart" if apart else ""))
    known = all(outcome.sigma is not None for outcome in outcomes)
    lower.set_ylabel("residual / σ" if known else axis_label("residual", y_unit))
    upper.grid(alpha=0.25)
    lower.grid(alpha=0.25)


def _moved(outcome: FitOutcome, height: float) -> FitOutcome:
    """Return a fit that is drawn higher; its residuals stay as they are."""
    if not height:
        return outcome
    higher = {name: getattr(outcome, name) + height for name in ("y", "best", "curve_y")}
    return outcome.with_changes(**higher)


def _legend(panel: Axes, outcomes: Sequence[FitOutcome], *, uppermost_first: bool) -> None:
    """Name the fits, beside the data where there is no room among them."""
    handles, said = panel.get_legend_handles_labels()
    order = slice(None, None, -1) if uppermost_first else slice(None)
    beside: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
    place = beside if _is_beside(outcomes) else {}
    panel.legend(handles[order], said[order], fontsize=8, frameon=False, **place)


def _draw_one(
    upper: Axes, lower: Axes, outcome: FitOutcome, scales: tuple[float, float], colour: str, marker: str
) -> None:
    spectrum, (scale, height) = outcome.likelihood == "gamma", scales
    points: dict[str, Any] = {"color": colour, "markersize": 2 if spectrum else 4}
    x, y, sigma, residuals = _pooled(outcome)
    errors = None if spectrum or sigma is None else sigma * height
    upper.errorbar(x * scale, y * height, errors, fmt=marker, capsize=2, elinewidth=0.8, **points)
    line_colour = "black" if spectrum else colour
    upper.plot(outcome.curve_x * scale, np.real(outcome.curve_y) * height, color=line_colour, zorder=3)
    # The legend shows the marker and the line of a trace together.
    upper.plot([], [], marker=marker, markersize=4, color=line_colour, label=legend_text(outcome))
    lower.plot(x * scale, residuals * height if sigma is None else residuals / sigma, marker, **points)


def _is_beside(outcomes: Sequence[FitOutcome]) -> bool:
    """Return whether the legend is so long that it is drawn outside the axes."""
    # A spectrum has no empty corner.
    crowded = _lines(outcomes) > _LINES_INSIDE or _lines_apart(outcomes[0].model) > 0
    return len(outcomes) <= _LEGEND_LIMIT and crowded


def _pooled(outcome: FitOutcome) -> tuple[FloatArray, FloatArray, FloatArray | None, FloatArray]:
    """Return x, y, sigma and residuals to draw: repeated measurements at one x as their weighted mean."""
    x, place = np.unique(outcome.x, return_inverse=True)
    y, residuals = np.real(outcome.y), np.real(outcome.residuals)
    weights = np.ones_like(y) if outcome.sigma is None else outcome.sigma**-2.0
    total = np.bincount(place, weights)
    means = [np.bincount(place, weights * values) / total for values in (y, residuals)]
    sigma = None if outcome.sigma is None else np.asarray(total**-0.5, np.float64)
    return x, means[0], sigma, means[1]


def legend_text(outcome: FitOutcome) -> str:
    """Return what the legend says of a fit: its label, what matters of its parameters, and χ².

    Parameters
    ----------
    outcome
        The fit.
    """
    names = headline(outcome.model, [p.name for p in outcome.present if not p.fixed])
    present = {parameter.name: parameter for parameter in outcome.parameters}
    parts = [f"{_symbol(name)} = {typeset(_noted(present[name]))}" for name in names if name in present]
    between = "\n" if len(parts) > 1 else ": "
    head = f"{outcome.label}{between}" if outcome.label else ""
    statistics = outcome.statistics
    if not statistics.errors_from_scatter and statistics.degrees_of_freedom > 0:
        parts.append(f"$\\chi^2/\\nu$ = {statistics.chi2 / statistics.degrees_of_freedom:.2f}")
    return head + "\n".join(parts) + (" (!)" if outcome.warnings else "")


def _noted(parameter: FittedParameter) -> str:
    return noted(parameter.value, parameter.stderr, parameter.unit)


def headline(model: str, fitted: Sequence[str]) -> tuple[str, ...]:
    """Return which parameters of a fit are listed first: in legends, and at the head of a report.

    Parameters
    ----------
    model
        Name of the model.
    fitted
        Names of the parameters that were fitted.
    """
    several = [name for name in fitted if name.startswith("center_")]
    own = offered_model(model)
    return (own.headline if own is not None else ()) or tuple(several or fitted[:2])


def _symbol(name: str) -> str:
    return {
        "T1": "$T_1$",
        "T2": "$T_2$",
        "T2_star": "$T_2^*$",
        "pi_duration": "π pulse",
        "f0": "$f_0$",
        "Q": "$Q$",
        "spring_constant": "$k$",
    }.get(name, name.replace("_", " "))


def _log_axis(axes: Axes, x: FloatArray) -> None:
    """Logarithmic x with a linear piece below the shortest delay, where x = 0 is shown if it was measured."""
    positive = x[x > 0]
    if positive.size == 0:
        return
    if x.min() <= 0:
        axes.set_xscale("symlog", linthresh=float(positive.min()), linscale=0.3)
        axes.set_xlim(left=0)
    else:
        log_axis(axes, "x", positive)


def log_axis(panel: Axes, which: Literal["x", "y"], values: FloatArray) -> None:
    """Make an axis logarithmic, with ticks in plain numbers (0.1, 1, 10) that stand clear of each other.

    Parameters
    ----------
    panel
        Where it is.
    which
        Axis of the panel.
    values
        What it shows, in its unit; above zero.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    (panel.set_xscale if which == "x" else panel.set_yscale)("log")
    axis = panel.xaxis if which == "x" else panel.yaxis
    low, high = float(np.min(values)), float(np.max(values))
    decades = math.log10(high / low)
    if low < _PLAIN[0] or high > _PLAIN[1]:
        axis.set_minor_formatter(NullFormatter())  # powers of ten, and nothing between that they would touch
        return
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    named = () if decades >= _DECADES else (2, 5) if decades >= 1 else (2, 3, 4, 5, 7)
    axis.set_minor_locator(LogLocator(subs=tuple(range(2, 10))))
    axis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}" if _digit(value) in named else ""))


_PLAIN = (1e-4, 1e5)
"""Numbers that are written without a power of ten."""
_DECADES = 2.5
"""Decades up to which an axis has numbers between the powers of ten."""


def _digit(value: float) -> int:
    return round(value / 10.0 ** math.floor(math.log10(value) + 1e-9))


def axis_scale(x: FloatArray, unit: str) -> tuple[float, str]:
    """Return the factor and the unit in which ``x`` reads well: the workspace's, or with a prefix.

    Parameters
    ----------
    x
        What the axis shows, in ``unit``, any shape.
    unit
        Unit of x.

    Returns
    -------
    factor, unit
        What x is to be multiplied by, and the unit of the product.
    """
    largest = float(np.max(np.abs(x))) if x.size else 0.0
    if not largest > 0 or not math.isfinite(largest):
        return 1.0, unit
    divisor, name = shown_in(largest, unit, liked_units(), digits=15)
    return 1 / divisor, name


def axis_label(name: str, unit: str) -> str:
    """Return the text beside an axis.

    Parameters
    ----------
    name
        Name of a column, or words.
    unit
        As it is shown; ``"1"`` is left out.
    """
    words = words_of_name(name)
    return words if unit in ("", "1") else f"{words} ({unit})"

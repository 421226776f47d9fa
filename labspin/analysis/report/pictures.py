"""Pictures of a report, inside the page as data: SVG while that is small, PNG for many points.

An SVG shown as an image can run no script and shares no names with its neighbours.
"""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labspin.analysis.expression import Expression
from labspin.analysis.files.stored import axis_words
from labspin.analysis.model import FloatArray
from labspin.analysis.names import place_words
from labspin.analysis.outcome import FitOutcome
from labspin.analysis.pictures.plots import COLOURS, axis_label, axis_scale, figure_of
from labspin.analysis.pictures.pulses import sequence_figure
from labspin.analysis.recipes.facts import value_at_each
from labspin.analysis.recipes.recipe import Recipe
from labspin.analysis.report.page import Html, join, tag
from labspin.counts import number_of
from labspin.errors import FitError, LabspinError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from labspin.data import FitRecord, Run
    from labspin.instruments import PulseSequence

__all__ = ["fit_picture", "parameter_picture", "run_picture", "sequence_picture"]

_BARS = 100
"""Traces up to which their error bars have caps."""
_MOST_VECTORS = 5000
"""Points beyond which an SVG is larger and slower to show than a PNG."""


def run_picture(run: Run) -> Html:
    """Return the signal of ``run`` as a figure, or a note why there is none.

    Parameters
    ----------
    run
        The run with its points.
    """
    from matplotlib.figure import Figure

    from labspin.analysis.pictures.runplots import draw_stack

    if not len(run.points):
        return tag("p", "No point was measured.", class_="note")
    words = axis_words(run, run.header.signal)
    figure = Figure(figsize=(7.2, 4.4), layout="constrained")
    try:
        panels = draw_stack(figure, replace(run, header=replace(run.header, label=_literal(words))))
    except FitError as error:
        return tag("p", f"No picture: {error}", class_="note")
    if len(panels) > 1:
        figure.set_size_inches(7.2, 6.4)
    for axes in figure.axes:
        # A unit is a stranger's text: no formula is to be read out of it.
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
            text.set_parse_math(False)
    size = int(np.asarray(run.columns[run.header.signal]).size)
    return _embedded(figure, f"{words}, as measured", size)


def sequence_picture(sequences: Mapping[str, PulseSequence]) -> Html:
    """Return pulse sequences as a figure, or a note why they cannot be drawn.

    Parameters
    ----------
    sequences
        The sequences by their titles, at least one.
    """
    try:
        figure = sequence_figure(sequences)
    except LabspinError as error:
        return tag("p", f"No picture: {error}", class_="note")
    return _embedded(figure, "What the pulse generator played, and when the counter's gates were open", 0)


def fit_picture(outcomes: Sequence[FitOutcome], caption: str) -> Html:
    """Return data, fits and residuals of a few traces as a figure.

    Parameters
    ----------
    outcomes
        The fits to draw, at least one.
    caption
        Text below the figure.
    """
    plain = [_without_formulas(outcome) for outcome in outcomes]
    return _embedded(figure_of(plain), caption, sum(outcome.x.size for outcome in outcomes))


def parameter_picture(run: Run, record: FitRecord) -> Html:
    """Return the fitted parameters of a record of many traces along the axis of the run, as a figure.

    Parameters
    ----------
    run
        The run, which has the axis.
    record
        The fits as the run file keeps them.

    Returns
    -------
    figure
        Empty where no fitted parameter has a finite value.
    """
    from matplotlib.figure import Figure

    determined = {p.name: np.isfinite(p.value) & np.isfinite(p.stderr) for p in record.parameters}
    varied = [p for p in record.parameters if p.varied and determined[p.name].any()]
    if not varied:
        return join([])
    columns = min(len(varied), 2)
    rows = -(-len(varied) // columns)
    figure = Figure(figsize=(4.6 * columns, 2.6 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    (name, x_unit, x), series = _places(run, record)
    x_scale, x_unit = axis_scale(x[np.isfinite(x)], x_unit)
    for panel, parameter in zip(panels, varied, strict=False):
        values = np.where(determined[parameter.name], parameter.value, np.nan).ravel()
        scale, unit = axis_scale(values[np.isfinite(values)], parameter.unit)
        for number, (label, chosen) in enumerate(series.items()):
            heights = values * scale, parameter.stderr.ravel() * scale
            _draw_parameter(panel, heights, chosen, x * x_scale, COLOURS[number], label)
        panel.set_ylabel(_literal(axis_label(parameter.name, unit)))
        panel.set_xlabel(_literal(axis_label(name, x_unit)))
        panel.grid(alpha=0.25)
    if len(series) > 1:
        panels[0].legend(fontsize=7, frameon=False)
    for panel in panels[len(varied) :]:
        panel.set_axis_off()
    out = sum(int(np.isfinite(p.value).sum() - determined[p.name].sum()) for p in varied)
    left = f"; left out: {number_of(out, 'value')} that the data do not determine" if out else ""
    return _embedded(
        figure, f"{record.name}: fitted parameters of {number_of(x.size, 'trace')}{left}", x.size
    )


def _draw_parameter(
    panel: Axes,
    heights: tuple[FloatArray, FloatArray],
    chosen: NDArray[np.bool_],
    x: FloatArray,
    colour: str,
    label: str,
) -> None:
    sparse, (values, errors) = chosen.size <= _BARS, heights
    panel.errorbar(
        x[chosen],
        values[chosen],
        errors[chosen],
        fmt="." if sparse else ",",
        color=colour,
        capsize=2 if sparse else 0,
        elinewidth=0.8 if sparse else 0.3,
        label=_literal(label),
    )


def _places(run: Run, record: FitRecord) -> tuple[tuple[str, str, FloatArray], dict[str, NDArray[np.bool_]]]:
    """Return the axis along which the traces lie, and the traces of each place on the other axes.

    Where the run does not tell, or the other axes have too many places, traces are numbered.
    """
    count = int(record.dimensions[0].values.size)
    numbered = ("trace", "1", np.arange(float(count)))
    everything = {"": np.ones(count, bool)}
    axes = _axes(run, record, count)
    if not axes:
        return numbered, everything
    first = max(axes, key=lambda axis: np.unique(axis[2]).size)
    others = [axis for axis in axes if axis is not first]
    words = [
        ", ".join(place_words(name, float(values[k]), unit) for name, unit, values in others)
        for k in range(count)
    ]
    series = {text: np.array([word == text for word in words]) for text in dict.fromkeys(words)}
    return (first, series) if len(series) <= len(COLOURS) else (numbered, everything)


def _axes(run: Run, record: FitRecord, count: int) -> list[tuple[str, str, FloatArray]]:
    """Return name, unit and the place of each trace on the axes that tell traces apart."""
    stored = record.recipe
    layout = run.header.layout
    names = [axis.name for axis in layout.dimensions]
    names = (
        names or [c.name for c in layout.coordinates if c.dtype in ("float64", "int64") and not c.shape][:1]
    )
    try:
        recipe = Recipe(name=record.name, model="", **{key: stored[key] for key in ("x", "y", "select")})
        along = Expression(recipe.x).names
        found = [(name, value_at_each(run, recipe, name, count)) for name in names if name not in along]
    except (LabspinError, KeyError, TypeError, ValueError, AttributeError):
        return []
    return [
        (name, known[1], known[0])
        for name, known in found
        if known is not None and np.isfinite(known[0]).all() and np.unique(known[0]).size > 1
    ]


def _without_formulas(outcome: FitOutcome) -> FitOutcome:
    return outcome.with_changes(
        **{
            name: _literal(getattr(outcome, name))
            for name in ("label", "x_name", "x_unit", "y_name", "y_unit", "equation")
        }
    )


def _literal(text: str) -> str:
    """Return text in which matplotlib sees no formula."""
    return text.replace("$", r"\$")


def _embedded(figure: Figure, caption: str, points: int) -> Html:
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    kind, media = ("svg", "image/svg+xml") if points <= _MOST_VECTORS else ("png", "image/png")
    FigureCanvasAgg(figure)
    picture = io.BytesIO()
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    with mpl.rc_context({"svg.hashsalt": "labspin"}), warnings.catch_warnings():
        # A label in a script that the font does not have is drawn as boxes; its text is on the page.
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        figure.savefig(picture, format=kind, dpi=150, metadata=metadata)
    data = base64.b64encode(picture.getvalue()).decode("ascii")
    image = tag("img", src=f"data:{media};base64,{data}", alt=caption)
    return tag("figure", image, tag("figcaption", caption))

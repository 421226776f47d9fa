"""Pictures of a report, inside the page as data: SVG while that is small, PNG for many points.

An SVG shown as an image can run no script and shares no names with its neighbours.
"""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from labspin.analysis.outcome import FitOutcome
from labspin.analysis.plots import COLOURS, axis_label, axis_scale, figure_of
from labspin.analysis.report.page import Html, join, tag
from labspin.errors import FitError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from labspin.data import FitRecord, Run

__all__ = ["fit_picture", "parameter_picture", "run_picture"]

_BARS = 100
"""Traces up to which their error bars have caps."""
_MOST_VECTORS = 5000
"""Points beyond which an SVG is larger and slower to show than a PNG."""


def run_picture(run: Run) -> Html:
    """Return the signal of ``run`` as a figure, or a note why there is none."""
    from matplotlib.figure import Figure

    from labspin.analysis.runplots import draw_run

    if not len(run.points):
        return tag("p", "No point was measured.", class_="note")
    figure = Figure(figsize=(7.2, 4.4), layout="constrained")
    panel = figure.subplots()
    try:
        draw_run(panel, replace(run, header=replace(run.header, label="", procedure=run.header.signal)))
    except FitError as error:
        return tag("p", f"No picture: {error}", class_="note")
    for axes in figure.axes:
        # A unit is a stranger's text: no formula is to be read out of it.
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
            text.set_parse_math(False)
    size = int(np.asarray(run.columns[run.header.signal]).size)
    return _embedded(figure, f"{run.header.signal} as measured", size)


def fit_picture(outcomes: Sequence[FitOutcome], caption: str) -> Html:
    """Return data, fits and residuals of a few traces as a figure."""
    plain = [_without_formulas(outcome) for outcome in outcomes]
    return _embedded(figure_of(plain), caption, sum(outcome.x.size for outcome in outcomes))


def parameter_picture(record: FitRecord) -> Html:
    """Return the fitted parameters of a record of many traces along them, as a figure."""
    from matplotlib.figure import Figure

    varied = [parameter for parameter in record.parameters if parameter.varied]
    if not varied:
        return join([])
    columns = min(len(varied), 2)
    rows = -(-len(varied) // columns)
    figure = Figure(figsize=(4.6 * columns, 2.6 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    trace = np.arange(record.dimensions[0].values.size)
    sparse = trace.size <= _BARS
    for panel, parameter in zip(panels, varied, strict=False):
        values = parameter.value.ravel()
        scale, unit = axis_scale(values[np.isfinite(values)], parameter.unit)
        errors = np.where(np.isfinite(parameter.stderr), parameter.stderr, 0.0).ravel()
        panel.errorbar(
            trace,
            values * scale,
            errors * scale,
            fmt="." if sparse else ",",
            color=COLOURS[0],
            capsize=2 if sparse else 0,
            elinewidth=0.8 if sparse else 0.3,
        )
        panel.set_ylabel(_literal(axis_label(parameter.name, unit)))
        panel.set_xlabel("trace")
        panel.grid(alpha=0.25)
    for panel in panels[len(varied) :]:
        panel.set_axis_off()
    return _embedded(figure, f"{record.name}: fitted parameters of {trace.size} traces", trace.size)


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
        # A label in a script that the font does not have is drawn as boxes; its text stands on the page.
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        figure.savefig(picture, format=kind, dpi=150, metadata=metadata)
    data = base64.b64encode(picture.getvalue()).decode("ascii")
    image = tag("img", src=f"data:{media};base64,{data}", alt=caption)
    return tag("figure", image, tag("figcaption", caption))

"""The panel next to the plot: fits, manual starting values, the truth of a simulation."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from labspin.analysis.names import truth_words
from labspin.counts import number_of
from labspin.gui.foreign import MarkedLabel, markup
from labspin.gui.hands import ChoiceBox
from labspin.gui.parts import Panel, button, label
from labspin.gui.plots import LinePlot
from labspin.gui.run_source import Frame
from labspin.gui.start_panel import StartHandles, StartPanel
from labspin.gui.start_values import StartValues, recipe_for, start_values
from labspin.gui.tasks import in_background, sentence

if TYPE_CHECKING:
    from labspin.analysis import Recipe
    from labspin.analysis.outcome import FitOutcome

__all__ = ["FitPanel"]

_AGAIN = 2000  # ms between two fits while points arrive
_WARNING = 1000  # characters of a warning
_MOST = 8  # traces whose results are written out


class FitPanel(Panel):
    """Fits of the run in front.

    Parameters
    ----------
    plot
        Where curves, residuals and lines to drag are drawn.
    frames
        Returns the runs that are shown, that in front first.

    Signals
    -------
    fitted(outcome)
        A fit has ended; the plot should show its quantity.
    quantity_wanted(name)
        The plot should show this quantity, to which start values belong.
    """

    fitted = Signal(object)
    quantity_wanted = Signal(str)

    def __init__(self, plot: LinePlot, frames: Callable[[], Sequence[Frame]]) -> None:
        super().__init__("Fit")
        self._plot, self._frames = plot, frames
        self.outcome: FitOutcome | None = None
        self.is_chain = False  # whether the fit continues from those of runs, and is drawn alone
        self.start: StartValues | None = None
        self._log = (False, False)
        self._fitting: object = None  # identifies the awaited fit: a fit of a previously shown run is dropped
        self._preferred: dict[str, str] = {}  # procedure -> the last choice for it
        self.handles = StartHandles(plot.plot)
        self.start_panel = StartPanel()
        self.handles.dragged.connect(self.start_panel.change)
        self.start_panel.changed.connect(self._start_changed)
        self._make_parts()
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.setInterval(_AGAIN)
        self._timer.timeout.connect(self._fit_again)
        self.least_width = 280
        self.setMaximumWidth(640)

    def _make_parts(self) -> None:
        self.recipe = ChoiceBox()
        self.recipe.setAccessibleName("recipe or model")
        self.recipe.setToolTip("recipe or model by which the run in front is fitted")
        self.recipe.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.recipe.activated.connect(lambda _: self._recipe_chosen())
        self.fit_button = button(
            "Fit",
            self.fit,
            "primary",
            hint="fit the run in front; so does a double click on its curve",
            key="F",
        )
        self.by_hand = QCheckBox("start values by hand")
        self.by_hand.setToolTip("drag the dashed lines in the plot or type values, then press Fit")
        self.by_hand.toggled.connect(self._toggle_start)
        self.guess_button = button("Guess again", self._guess, hint="start values out of the data")
        self.again = QCheckBox("again while points arrive")
        self.again.setToolTip("every two seconds during the run")
        self.again.toggled.connect(lambda on: self._timer.start() if on else self._timer.stop())
        self.result, self.truth_text = MarkedLabel(), label("", "muted", wrap=True)
        for text in (self.result, self.truth_text):
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.truth = QCheckBox("truth of the simulation")
        self.truth.setToolTip("what a fit of a simulated run should find")
        self.truth.toggled.connect(lambda _: self.tell_truth())
        self.guess_button.hide()
        self.start_panel.hide()

    def _lay_out(self) -> None:
        self.body.addWidget(self.recipe)
        row = QHBoxLayout()
        row.addWidget(self.fit_button, 1)
        row.addWidget(self.guess_button)
        self.body.addLayout(row)
        for part in (self.by_hand, self.again):
            self.body.addWidget(part)
        inside = QWidget()
        inside.setObjectName("inside")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        parts: tuple[QWidget, ...] = (self.start_panel, self.result, self.truth, self.truth_text)
        for shown_part in parts:
            column.addWidget(shown_part)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        self.body.addWidget(scroll, 1)

    # -- what is fitted --------------------------------------------------------------------------------

    def forget(self) -> None:
        """Forget fits and start values: another run is shown."""
        self.outcome = self._fitting = None
        self.is_chain = False
        self.recipe.clear()  # recipes of another procedure would fit something else
        self.by_hand.setChecked(False)
        self._plot.show_fit(None)
        self.result.setText("")

    def offer(self, frame: Frame) -> None:
        """Offer the recipes and models for a run.

        Parameters
        ----------
        frame
            The run in front.
        """
        self.truth.setEnabled(frame.run.header.truth is not None)
        self.tell_truth()
        procedure = frame.run.header.procedure
        in_background(
            functools.partial(_fits_for, procedure), functools.partial(self._offer, procedure), self._say
        )

    def _offer(self, procedure: str, names: list[tuple[str, bool]]) -> None:
        frame = self._frame()
        if frame is None or frame.run.header.procedure != procedure:
            return  # another run is shown now
        self.recipe.clear()
        for name, is_recipe in names:
            self.recipe.addItem(name if is_recipe else f"model: {name}", (name, is_recipe))
        self.recipe.setCurrentIndex(max(0, self.recipe.findText(self._preferred.get(procedure, ""))))

    def leave_chain(self) -> None:
        """Show the runs again instead of what continues from their fits."""
        if self.is_chain:
            self.is_chain = False
            self._plot.show_fit(None)

    def set_log(self, x: bool, y: bool) -> None:
        """Draw the curve of the starting values on logarithmic or linear axes.

        Parameters
        ----------
        x, y
            Whether the axis is logarithmic.
        """
        self._log = (x, y)
        if self.start is not None and self.by_hand.isChecked():
            self.handles.show(self.start, self._log)

    def _frame(self) -> Frame | None:
        """Return the run in front, or None."""
        return next(iter(self._frames()), None)

    def _wanted(self, frame: Frame) -> Callable[[], Recipe]:
        """Return what reads the chosen recipe, in whichever thread."""
        name, is_recipe = self.recipe.currentData()
        line = frame.picture.line
        x = line.axis.name if line else ""
        return functools.partial(recipe_for, name, is_recipe, x, frame.picture.quantity)

    def fit(self) -> None:
        """Fit the run in front by the chosen recipe or model, from start values if they are set by hand.

        A recipe that continues from the fits of runs takes all runs that are shown.
        """
        frame = self._frame()
        if frame is None or self._fitting is not None or self.recipe.currentData() is None:
            return
        by_hand = self.start if self.by_hand.isChecked() else None
        held = self.start_panel.held()

        paths, wanted = [one.path for one in self._frames()], self._wanted(frame)

        def do() -> tuple[list[FitOutcome], bool]:
            from labspin.analysis import fit_chain, fit_run

            if by_hand:
                return fit_run(frame.run, by_hand.for_fit(held)), False
            recipe = wanted()
            if recipe.chain:
                return list(fit_chain(paths, recipe, write=False, workers=1).outcomes), True
            return fit_run(frame.run, recipe), False

        mark = self._fitting = object()
        self.result.setText("fitting …")
        in_background(do, functools.partial(self._show_fit, mark), functools.partial(self._fit_failed, mark))

    def _show_fit(self, mark: object, found: tuple[list[FitOutcome], bool]) -> None:
        if mark is not self._fitting:
            return  # of a run that is no longer shown
        self._fitting = None
        outcomes, self.is_chain = found
        self.outcome = outcomes[0]
        self.result.setText("<br>".join(_lines(outcomes)))
        frame = self._frame()
        if frame is not None:
            self.fitted.emit(self.outcome)
        if self.is_chain or (frame is not None and frame.picture.line is not None):
            self._plot.show_fit(self.outcome, alone=self.is_chain)

    def _fit_failed(self, mark: object, error: Exception) -> None:
        if mark is self._fitting:
            self._fitting = None
            self._say(error)

    def _say(self, error: Exception) -> None:
        self.result.setText(markup(sentence(error), _WARNING))

    def _fit_again(self) -> None:
        frame = self._frame()
        if frame is not None and frame.run.status == "running":
            self.fit()

    # -- start values ----------------------------------------------------------------------------------

    def _recipe_chosen(self) -> None:
        frame = self._frame()
        if frame is not None:
            self._preferred[frame.run.header.procedure] = self.recipe.currentText()
        if self.by_hand.isChecked():
            self._guess()

    def _toggle_start(self, on: bool) -> None:
        self.guess_button.setVisible(on)
        self.start_panel.setVisible(on)
        if on:
            self._look_up(self.outcome)
        else:
            self.start = None
            self.handles.show(None)

    def _guess(self) -> None:
        self._look_up(None)

    def _look_up(self, outcome: FitOutcome | None) -> None:
        frame = self._frame()
        if frame is None or self.recipe.currentData() is None:
            return
        self.start = None  # of another recipe
        self.handles.show(None)
        wanted = self._wanted(frame)
        in_background(lambda: start_values(frame.run, wanted(), outcome), self._show_start, self._say)

    def _show_start(self, start: StartValues) -> None:
        if not self.by_hand.isChecked():
            return
        self.quantity_wanted.emit(start.quantity)
        self.start_panel.show_start(start)
        self._start_changed()

    def _start_changed(self) -> None:
        self.start = self.start_panel.start
        if self.by_hand.isChecked():
            self.handles.show(self.start, self._log)

    # -- the truth -------------------------------------------------------------------------------------

    def tell_truth(self) -> None:
        """Show the truth of a simulated run, or hide it."""
        frame = self._frame()
        truth = truth_words(frame.run.header) if self.truth.isChecked() and frame is not None else []
        self.truth_text.setText("\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in truth))

    def close_panel(self) -> None:
        """Stop fitting."""
        self._timer.stop()


def _lines(outcomes: list[FitOutcome]) -> list[str]:
    """Return the results of fits, one line each."""
    lines: list[str] = []
    for outcome in outcomes[:_MOST]:
        if len(outcomes) > 1:
            lines.append(f"<b>{markup(outcome.label)}</b>")
        lines += [markup(f"{p.name} = {p.text()}{' (fixed)' if p.fixed else ''}") for p in outcome.present]
        reduced = outcome.statistics.chi2red
        if math.isfinite(reduced):
            lines.append(f"χ²/ν = {reduced:.3g}, {number_of(outcome.statistics.points, 'point')}")
        lines += [f"<i>{markup(warning, _WARNING)}</i>" for warning in outcome.warnings]
    if len(outcomes) > _MOST:
        lines.append(f"and {len(outcomes) - _MOST} more traces")
    return lines


def _fits_for(procedure: str) -> list[tuple[str, bool]]:
    """Return recipes for a procedure, those that continue from its fits last, then models.

    Returns
    -------
        Name, and whether it is a recipe.
    """
    from labspin.analysis import list_recipes, load_recipe, model_names

    found = []
    for name in list_recipes():
        recipe = load_recipe(name)
        if procedure in recipe.procedures:
            found.append((bool(recipe.chain), name != procedure, name))
    return [(name, True) for _, _, name in sorted(found)] + [(name, False) for name in model_names()]

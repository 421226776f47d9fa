"""See: runs while they are measured and afterwards, with fits on a click."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from superqt import QLabeledSlider

from labspin.gui.parts import Panel, button, label
from labspin.gui.pictures import Axis, Choice, axes_of, numeric_names
from labspin.gui.plots import LinePlot, MapPlot
from labspin.gui.run_source import Frame, RunSource
from labspin.gui.tasks import in_background, sentence

__all__ = ["SeeView"]

_AGAIN = 2000  # ms between two fits while points arrive


class SeeView(QWidget):
    """The plot of one or several runs, and what can be done with it.

    Signals
    -------
    trouble(text)
        Something cannot be shown or fitted.
    """

    trouble = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.source = RunSource(self)
        self.source.drawn.connect(self._draw)
        self.source.trouble.connect(self.trouble)
        self.frames: list[Frame] = []
        self.outcome: Any = None
        self.paths: list[Path] = []
        self.line, self.map = LinePlot(), MapPlot()
        self.line.wanted.connect(self.fit)
        self.line.looked.connect(self.source.look_at)
        self.title = label(
            "No run is shown. Start one in Measure, or choose one in Browse.", "heading", wrap=True
        )
        self._make_controls()
        self._make_side()
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.setInterval(_AGAIN)
        self._timer.timeout.connect(self._fit_again)
        self._is_fitting = False

    # -- parts -----------------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.quantity, self.x_box, self.y_box = QComboBox(), QComboBox(), QComboBox()
        for box, name in ((self.quantity, "quantity"), (self.x_box, "x axis"), (self.y_box, "y axis")):
            box.setAccessibleName(name)
            box.setToolTip(name)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.activated.connect(lambda _: self._choose())
        self.log_x, self.log_y = QCheckBox("log x"), QCheckBox("log y")
        self.bars, self.each = QCheckBox("errors"), QCheckBox("each repeat")
        self.cursors = QCheckBox("cursors")
        self.bars.setChecked(True)
        for check in (self.log_x, self.log_y):
            check.toggled.connect(self._set_log)
        self.bars.toggled.connect(self._set_bars)
        self.each.toggled.connect(lambda _: self._choose())
        self.cursors.toggled.connect(self.line.show_cursors)
        self._sliders: dict[str, QLabeledSlider] = {}
        self._slider_row = QHBoxLayout()

    def _make_side(self) -> None:
        self.side = Panel("Fit")
        self.recipe = QComboBox()
        self.recipe.setToolTip("recipe or model")
        self.fit_button = button("Fit", self.fit, "primary", hint="or double-click the curve")
        self.again = QCheckBox("again while points arrive")
        self.again.toggled.connect(self._set_again)
        self.result = label("", wrap=True)
        self.result.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.truth = QCheckBox("truth of the simulation")
        self.truth.toggled.connect(self._tell_truth)
        self.truth_text = label("", "muted", wrap=True)
        self.truth_text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        for part in (self.recipe, self.fit_button, self.again):
            self.side.body.addWidget(part)
        texts = QWidget()
        texts.setObjectName("inside")
        column = QVBoxLayout(texts)
        column.setContentsMargins(0, 0, 0, 0)
        for text_part in (self.result, self.truth, self.truth_text):
            column.addWidget(text_part)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(texts)
        self.side.body.addWidget(scroll, 1)
        for text, do in (
            ("Save picture…", self.save_picture), ("Save data…", self.save_data), ("Copy picture", self.copy),
        ):  # fmt: skip
            self.side.body.addWidget(button(text, do))
        self.side.setMinimumWidth(250)
        self.side.setMaximumWidth(360)

    def _lay_out(self) -> None:
        controls = QHBoxLayout()
        parts: tuple[QWidget, ...] = (
            label("show", "muted"), self.quantity, label("over", "muted"), self.x_box, self.y_box,
            self.log_x, self.log_y, self.bars, self.each, self.cursors,
        )  # fmt: skip
        for part in parts:
            controls.addWidget(part)
        controls.addStretch(1)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.line)
        self.stack.addWidget(self.map)
        left = Panel()
        left.body.addWidget(self.title)
        left.body.addLayout(controls)
        left.body.addLayout(self._slider_row)
        left.body.addWidget(self.stack, 1)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.addWidget(left)
        splitter.addWidget(self.side)
        splitter.setStretchFactor(0, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.addWidget(splitter)

    # -- what is shown ---------------------------------------------------------------------------------

    def show_runs(self, paths: list[Path]) -> None:
        """Show these runs, the first of them in front.

        Parameters
        ----------
        paths
            Paths of the run files; empty shows none.
        """
        self.paths = paths
        self.frames = []
        self.outcome = None
        self.line.show_fit(None)
        self.result.setText("")
        self.quantity.clear()
        self.x_box.clear()
        self.y_box.clear()
        self.title.setText(", ".join(path.stem for path in paths) or "No run is shown.")
        self.source.choose(Choice(each=self.each.isChecked()))
        self.source.show(paths)

    def _draw(self, frames: list[Frame]) -> None:
        frames = [frame for frame in frames if frame.path in self.paths]
        is_first = not self.frames
        self.frames = frames
        if not frames:
            return
        if is_first or not self.quantity.count():
            self._offer(frames[0])
        run = frames[0].run
        total = "?" if run.header.layout.size is None else run.header.layout.size
        names = ", ".join(frame.picture.label for frame in frames)
        self.title.setText(f"{names} — {run.status}, {len(run.points)} of {total} points")
        self._redraw()

    def _redraw(self) -> None:
        if not self.frames:
            return
        pictures = [frame.picture for frame in self.frames]
        for part in (self.log_x, self.log_y, self.bars, self.cursors):
            part.setVisible(pictures[0].map is None)
        if pictures[0].map is not None:
            self.stack.setCurrentWidget(self.map)
            self.map.show_picture(pictures[0])
        else:
            self.stack.setCurrentWidget(self.line)
            self.line.show_pictures(pictures)

    def _offer(self, frame: Frame) -> None:
        """Fill the choices of what may be shown of a run."""
        run = frame.run
        self.quantity.addItems(numeric_names(run))
        self.quantity.setCurrentText(frame.picture.quantity)
        self._offer_axes(frame)
        axis = frame.picture.line.axis if frame.picture.line is not None else None
        full = next((d.values for d in run.header.layout.dimensions if axis and d.name == axis.name), None)
        spans = full is not None and len(full) > 2 and full.min() > 0 and full.max() > 30 * full.min()
        self.log_x.setChecked(bool(spans))
        self.truth.setEnabled(run.header.truth is not None)
        in_background(functools.partial(_fits_for, run.header.procedure), self._offer_fits)

    def _offer_axes(self, frame: Frame) -> None:
        axes = axes_of(frame.run, frame.picture.quantity, each=self.each.isChecked())
        names = [axis.name for axis in axes]
        shown = frame.picture
        x = shown.map.x.name if shown.map else shown.line.axis.name if shown.line else names[-1]
        y = shown.map.y.name if shown.map else "-"
        for box, items, chosen in ((self.x_box, names, x), (self.y_box, ["-", *names], y)):
            box.clear()
            box.addItems(items)
            box.setCurrentText(chosen)
        self.y_box.setVisible(len(names) > 1)
        self._offer_sliders([axis for axis in axes if axis.name not in (x, y)])

    def _offer_sliders(self, axes: list[Axis]) -> None:
        while (item := self._slider_row.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        self._sliders = {}
        for axis in axes:
            slider = QLabeledSlider(Qt.Orientation.Horizontal)
            slider.setRange(-1, len(axis.values) - 1)
            slider.setValue(-1)
            slider.setToolTip(f"place along {axis.name}; -1: the mean")
            slider.valueChanged.connect(lambda _: self._choose(keep_axes=True))
            self._slider_row.addWidget(label(axis.name.replace("_", " "), "muted"))
            self._slider_row.addWidget(slider, 1)
            self._sliders[axis.name] = slider

    def choice(self) -> Choice:
        """Return what is chosen to be shown."""
        at = {name: slider.value() for name, slider in self._sliders.items() if slider.value() >= 0}
        return Choice(
            self.quantity.currentText(),
            self.x_box.currentText(),
            self.y_box.currentText() or "",
            at,
            self.each.isChecked(),
        )

    def _choose(self, *, keep_axes: bool = False) -> None:
        choice = self.choice()
        if not keep_axes:
            self._offer_sliders(
                [
                    axis
                    for frame in self.frames[:1]
                    for axis in axes_of(frame.run, choice.quantity, each=choice.each)
                    if axis.name not in (choice.x, choice.y)
                ]
            )
        self.source.choose(choice)

    def _set_bars(self, on: bool) -> None:
        self.line.set_bars(on)
        self._redraw()

    def _set_log(self) -> None:
        self.line.set_log(self.log_x.isChecked(), self.log_y.isChecked())
        self._redraw()

    # -- fits ------------------------------------------------------------------------------------------

    def _offer_fits(self, names: list[tuple[str, bool]]) -> None:
        self.recipe.clear()
        for name, is_recipe in names:
            self.recipe.addItem(f"{name}" if is_recipe else f"model: {name}", (name, is_recipe))

    def fit(self) -> None:
        """Fit the run in front by the chosen recipe or model."""
        if not self.frames or self._is_fitting or self.recipe.currentData() is None:
            return
        frame, (name, is_recipe) = self.frames[0], self.recipe.currentData()
        line = frame.picture.line
        do: Callable[[], Any] = functools.partial(
            _fit, frame, name, is_recipe, line.axis.name if line else ""
        )
        self._is_fitting = True
        self.result.setText("fitting …")
        in_background(do, self._show_fit, self._fit_failed)

    def _show_fit(self, outcomes: list[Any]) -> None:
        self._is_fitting = False
        self.outcome = outcomes[0]
        lines = []
        for outcome in outcomes[:8]:
            if len(outcomes) > 1:
                lines.append(f"<b>{outcome.label}</b>")
            lines += [f"{p.name} = {p.text()}{' (fixed)' if p.fixed else ''}" for p in outcome.present]
            reduced = outcome.statistics.chi2red
            if math.isfinite(reduced):
                lines.append(f"χ²/ν = {reduced:.3g}, {outcome.statistics.points} points")
            lines += [f"<i>{warning}</i>" for warning in outcome.warnings]
        self.result.setText("<br>".join(lines))
        if self.frames and self.frames[0].picture.line is not None:
            quantity = self.outcome.quantity
            if quantity in [self.quantity.itemText(k) for k in range(self.quantity.count())]:
                self.quantity.setCurrentText(quantity)
                self.source.choose(self.choice())
            self.line.show_fit(self.outcome)

    def _fit_failed(self, error: Exception) -> None:
        self._is_fitting = False
        self.result.setText(sentence(error))

    def _set_again(self, on: bool) -> None:
        if on:
            self._timer.start()
        else:
            self._timer.stop()

    def _fit_again(self) -> None:
        if self.frames and self.frames[0].run.status == "running":
            self.fit()

    def _tell_truth(self, on: bool) -> None:
        truth = self.frames[0].run.header.truth if on and self.frames else None
        self.truth_text.setText(
            "\n".join(f"{name}: {_plain(value)}" for name, value in (truth or {}).items())
        )

    # -- out -------------------------------------------------------------------------------------------

    def _ask(self, what: str, kinds: str) -> str:
        return QFileDialog.getSaveFileName(self, what, str(self.paths[0].with_suffix("")), kinds)[0]

    def save_picture(self, path: str = "") -> None:
        """Save the runs as a picture for publication, as ``labspin plot`` draws them.

        Parameters
        ----------
        path
            Path of the picture (``.pdf``, ``.png`` or ``.svg``); empty asks for it.
        """
        path = path or (self._ask("Save picture", "Pictures (*.pdf *.png *.svg)") if self.paths else "")
        if path:
            runs, quantity = list(self.paths), self.quantity.currentText()
            in_background(
                lambda: _plot(runs, path, quantity), None, lambda error: self.trouble.emit(sentence(error))
            )

    def save_data(self, path: str = "") -> None:
        """Save the run in front as a text table.

        Parameters
        ----------
        path
            Path of the table (``.csv``); empty asks for it.
        """
        path = path or (self._ask("Save data", "Tables (*.csv)") if self.paths else "")
        if path and self.frames:
            run = self.frames[0].path
            in_background(
                lambda: _export(run, Path(path)), None, lambda error: self.trouble.emit(sentence(error))
            )

    def copy(self) -> None:
        """Copy the picture as it is shown."""
        QApplication.clipboard().setPixmap(self.stack.grab())

    def close_source(self) -> None:
        """End the thread that reads runs."""
        self._timer.stop()
        self.source.close()


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(item) for item in value[:6])
    return str(value)[:80]


def _fits_for(procedure: str) -> list[tuple[str, bool]]:
    """Return recipes for a procedure, then models: name, and whether it is a recipe."""
    from labspin.analysis import MODELS, list_recipes, load_recipe

    found = []
    for name in list_recipes():
        recipe = load_recipe(name)
        if procedure in recipe.procedures and not recipe.chain:
            found.append((name, True))
    found.sort(key=lambda item: item[0] != procedure)
    return found + [(name, False) for name in sorted(MODELS)]


def _fit(frame: Frame, name: str, is_recipe: bool, x: str) -> list[Any]:
    from labspin.analysis import Recipe, fit_run

    recipe: Any = name if is_recipe else Recipe(name=name, x=x, y=frame.picture.quantity, model=name)
    return fit_run(frame.run, recipe)


def _plot(runs: list[Path], path: str, quantity: str) -> None:
    from labspin.analysis import plot_runs

    plot_runs(runs, path, quantity=quantity or None)


def _export(run: Path, path: Path) -> None:
    from labspin.data import export_csv

    export_csv(run, path, overwrite=True)

"""See: runs in progress and finished runs, with fits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from superqt import QLabeledSlider

from labspin.analysis.fitting.grids import is_log_spaced
from labspin.analysis.outcome import FitOutcome
from labspin.gui.ask_path import ask_path
from labspin.gui.fit_panel import FitPanel
from labspin.gui.foreign import tool_tip
from labspin.gui.go_there import GoThere
from labspin.gui.hands import ChoiceBox
from labspin.gui.link import HostLink
from labspin.gui.map_plots import MapGrid
from labspin.gui.narrow import flow, side_by_side
from labspin.gui.parts import Panel, button, label
from labspin.gui.pictures import Axis, Choice, Picture, axes_of, numeric_names, table_of
from labspin.gui.plots import LinePlot
from labspin.gui.run_source import Frame, RunSource
from labspin.gui.tasks import in_background, sentence

__all__ = ["SeeView"]


class SeeView(QWidget):
    """The plot of one or several runs, with its actions.

    Parameters
    ----------
    link
        To the host, whose set-points can be moved to a cursor; None: no host.

    Signals
    -------
    trouble(text)
        Something cannot be shown or fitted.
    """

    trouble = Signal(str)

    def __init__(self, link: HostLink | None = None) -> None:
        super().__init__()
        self.source = RunSource(self)
        self.source.drawn.connect(self._draw)
        self.source.trouble.connect(self.trouble)
        self.frames: list[Frame] = []
        self.paths: list[Path] = []
        self.line, self.maps = LinePlot(), MapGrid()
        self.go_there = None if link is None else GoThere(link)
        if self.go_there is not None:
            self.line.placed.connect(self.go_there.show_place)
        self._levels: tuple[float, float] | None = None
        self.maps.levels_wanted.connect(self._set_levels)
        self.line.wanted.connect(lambda: self.fits.fit())
        self.line.looked.connect(self.source.look_at)
        self.title = label(
            "No run is shown. Start one in Measure, or choose one in Browse.", "heading", wrap=True
        )
        self._make_controls()
        self._make_side()
        self._lay_out()

    # -- parts -----------------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.quantity, self.x_box, self.y_box = ChoiceBox(), ChoiceBox(), ChoiceBox()
        for box, name in ((self.quantity, "quantity"), (self.x_box, "x axis"), (self.y_box, "y axis")):
            box.setAccessibleName(name)
            box.setToolTip(tool_tip(name))
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.activated.connect(lambda _: self._choose())
        self.log_x, self.log_y = QCheckBox("log x"), QCheckBox("log y")
        self.bars, self.each = QCheckBox("errors"), QCheckBox("each repeat")
        self.cursors = QCheckBox("cursors")
        for part, hint in (
            (self.log_x, "logarithmic x axis"), (self.log_y, "logarithmic y axis"),
            (self.bars, "standard errors"), (self.each, "every repeat instead of their mean"),
            (self.cursors, "two places to read values and differences; drag them, or Ctrl and arrows"),
        ):  # fmt: skip
            part.setToolTip(tool_tip(hint))
        self.follow = QCheckBox("follow the bench")
        self.follow.setToolTip("show each new run as it begins; choosing other runs switches it off")
        self.follow.setChecked(True)
        self.apart = QLabeledSlider(Qt.Orientation.Horizontal)
        self.apart.setRange(0, 150)
        self.apart.setMinimumWidth(110)
        self.apart.setToolTip("distance between lines of several runs, in percent of the first one's height")
        self.apart.setAccessibleName("distance between lines")
        self.apart.valueChanged.connect(lambda _: self._redraw())
        self.apart_label = label("apart", "muted")
        self.bars.setChecked(True)
        for check in (self.log_x, self.log_y):
            check.toggled.connect(self._set_log)
        self.bars.toggled.connect(self._set_bars)
        self.each.toggled.connect(lambda _: self._choose())
        self.cursors.toggled.connect(self.line.show_cursors)
        self.all_levels = button(
            "All levels", lambda: self._set_levels(None), "small",
            hint="colours from the least to the greatest value; drag the handles of the bar for others",
        )  # fmt: skip
        self.all_levels.hide()
        self._sliders: dict[str, QLabeledSlider] = {}
        self._slider_row = QHBoxLayout()

    def _make_side(self) -> None:
        self.fits = FitPanel(self.line, lambda: self.frames)
        self.fits.fitted.connect(self._show_fitted)
        self.fits.quantity_wanted.connect(self._show_quantity)
        for row_of in (
            (("Save picture…", self.save_picture, "as labspin plot draws it, for publication", ""),
             ("Save data…", self.save_data, "a table of the run in front", "")),
            (("Copy picture", self.copy, "as it is shown", ""),
             ("Copy data", self.copy_data, "what is shown, as a table for a spreadsheet", "Ctrl+Shift+C")),
        ):  # fmt: skip
            row = QHBoxLayout()
            for text, do, hint, key in row_of:
                row.addWidget(button(text, do, hint=hint, key=key), 1)
            self.fits.body.addLayout(row)

    def _lay_out(self) -> None:
        controls = flow(
            side_by_side(label("show", "muted"), self.quantity),
            side_by_side(label("over", "muted"), self.x_box, self.y_box),
            self.log_x, self.log_y, self.bars, self.each, self.cursors, self.all_levels,
            side_by_side(self.apart_label, self.apart),
        )  # fmt: skip
        self.stack = QStackedWidget()
        self.stack.addWidget(self.line)
        self.stack.addWidget(self.maps)
        left = Panel()
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.follow)
        left.body.addLayout(head)
        left.body.addLayout(controls)
        left.body.addLayout(self._slider_row)
        left.body.addWidget(self.stack, 1)
        if self.go_there is not None:
            left.body.addWidget(self.go_there)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.setObjectName("see")
        splitter.addWidget(left)
        splitter.addWidget(self.fits)
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
        self.fits.forget()
        self._levels = None
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
        self.title.setText(f"{names} — {run.status}, {len(run.points)} of {total} point{'s' * (total != 1)}")
        self._redraw()

    def restate(self) -> None:
        """Draw everything again, in other units or colours."""
        self.line.restyle()
        self.maps.restyle()
        self._redraw()

    def _redraw(self) -> None:
        if not self.frames:
            return
        pictures = [frame.picture for frame in self.frames]
        is_map = pictures[0].map is not None and not self.fits.is_chain
        for part in (self.log_x, self.log_y, self.bars, self.cursors):
            part.setVisible(not is_map)
        self.all_levels.setVisible(is_map and self._levels is not None)
        for beside in (self.apart, self.apart_label):
            beside.setVisible(not is_map and len(pictures) > 1)
        if is_map:
            self.stack.setCurrentWidget(self.maps)
            self.maps.show_pictures(pictures)
        else:
            self.stack.setCurrentWidget(self.line)
            self.line.set_offset(self._offset(pictures))
            self.line.show_pictures(pictures)

    def _offset(self, pictures: list[Picture]) -> float:
        """Return the offset between lines of several runs, in the unit of the quantity."""
        first = pictures[0].line
        if len(pictures) < 2 or first is None or not len(first.values):
            return 0.0
        return 0.01 * float(self.apart.value()) * float(np.ptp(first.values))

    def _offer(self, frame: Frame) -> None:
        """Fill the choices of quantities and axes of a run."""
        run = frame.run
        self.quantity.addItems(numeric_names(run))
        self.quantity.setCurrentText(frame.picture.quantity)
        self._offer_axes(frame)
        axis = frame.picture.line.axis if frame.picture.line is not None else None
        full = next((d.values for d in run.header.layout.dimensions if axis and d.name == axis.name), None)
        x = np.zeros(0) if full is None else np.asarray(full, np.float64)
        self.log_x.setChecked(bool(x.size and x.min() > 0 and is_log_spaced(x)))
        self.fits.offer(frame)

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
            if len(axis.values) == 1:
                continue  # there is nothing to choose
            slider = QLabeledSlider(Qt.Orientation.Horizontal)
            slider.setRange(-1, len(axis.values) - 1)
            slider.setValue(-1)
            slider.setToolTip(tool_tip(f"place along {axis.name}; -1: the mean"))
            slider.valueChanged.connect(lambda _: self._choose(keep_axes=True))
            self._slider_row.addWidget(label(axis.name.replace("_", " "), "muted"))
            self._slider_row.addWidget(slider, 1)
            self._sliders[axis.name] = slider

    def choice(self) -> Choice:
        """Return the present choice."""
        at = {name: slider.value() for name, slider in self._sliders.items() if slider.value() >= 0}
        return Choice(
            self.quantity.currentText(),
            self.x_box.currentText(),
            self.y_box.currentText() or "",
            at,
            self.each.isChecked(),
            self._levels,
        )

    def _set_levels(self, levels: tuple[float, float] | None) -> None:
        """Set the ends of the colour scale of maps."""
        self._levels = levels
        self.source.choose(self.choice())

    def _choose(self, *, keep_axes: bool = False) -> None:
        self.fits.leave_chain()
        if not self.frames or self.quantity.currentText() != self.frames[0].picture.quantity:
            self._levels = None
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

    def _show_fitted(self, outcome: FitOutcome) -> None:
        self._show_quantity(outcome.quantity)
        self._redraw()

    def _show_quantity(self, name: str) -> None:
        if name in [self.quantity.itemText(k) for k in range(self.quantity.count())]:
            self.quantity.setCurrentText(name)
            self.source.choose(self.choice())

    def _set_bars(self, on: bool) -> None:
        self.line.set_bars(on)
        self._redraw()

    def _set_log(self) -> None:
        self.line.set_log(self.log_x.isChecked(), self.log_y.isChecked())
        self.fits.set_log(self.log_x.isChecked(), self.log_y.isChecked())
        self._redraw()

    # -- saving -------------------------------------------------------------------------------------------

    def _ask(self, what: str, kinds: str, ending: str, save: Callable[[str], None]) -> None:
        if self.paths:
            ask_path(self, what, self.paths[0].with_suffix(f".{ending}"), kinds, ending, save)

    def _save(self, work: Callable[[], None]) -> None:
        in_background(work, None, lambda error: self.trouble.emit(sentence(error)))

    def save_picture(self, path: str = "") -> None:
        """Save the runs as a picture for publication, as ``labspin plot`` draws them.

        Parameters
        ----------
        path
            Path of the picture (``.pdf``, ``.png`` or ``.svg``); empty asks for it.
        """
        runs, quantity = list(self.paths), self.quantity.currentText()

        def save(chosen: str) -> None:
            self._save(lambda: _plot(runs, chosen, quantity))

        if path and runs:
            save(path)
        else:
            self._ask("Save picture", "Pictures (*.pdf *.png *.svg)", "pdf", save)

    def save_data(self, path: str = "") -> None:
        """Save the run in front as a text table.

        Parameters
        ----------
        path
            Path of the table (``.csv``); empty asks for it.
        """
        if not self.frames:
            return
        run = self.frames[0].path

        def save(chosen: str) -> None:
            self._save(lambda: _export(run, Path(chosen)))

        if path:
            save(path)
        else:
            self._ask("Save data", "Tables (*.csv)", "csv", save)

    def copy_data(self) -> None:
        """Copy the data as a table separated by tabs; the axes of a map surround it."""
        if self.frames:
            QApplication.clipboard().setText(table_of([frame.picture for frame in self.frames]))

    def copy(self) -> None:
        """Copy the picture as it is shown."""
        QApplication.clipboard().setPixmap(self.stack.grab())

    def close_source(self) -> None:
        """End the thread that reads runs."""
        self.fits.close_panel()
        self.source.close()


def _plot(runs: list[Path], path: str, quantity: str) -> None:
    from labspin.analysis import plot_runs

    plot_runs(runs, path, quantity=quantity or None)


def _export(run: Path, path: Path) -> None:
    from labspin.data import export_csv

    export_csv(run, path, overwrite=True)

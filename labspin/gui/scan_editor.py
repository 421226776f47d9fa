"""An editor for the axes of a scan: any parameter or set-point, as a range or a list, nested or together.

It writes the format of run cards (`labspin.experiment.read_scan`), so that card, command line and window
agree. A form of sweep that rows cannot express (a snake, a filter) is kept.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QCompleter,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from labspin.gui.axes import shown
from labspin.gui.foreign import tool_tip
from labspin.gui.hands import ChoiceBox, NumberBox
from labspin.gui.parts import button, label

if TYPE_CHECKING:
    pass

__all__ = ["AxisRow", "ScanEditor", "as_lines", "rows_of"]

_LINEAR, _LOG, _LIST = "even steps", "equal ratios", "list"
_MOST = 10_000_000  # values along one axis


@dataclass(frozen=True)
class AxisRow:
    """One axis in the editor."""

    name: str
    values: str
    """As a card has it: ``"first … last, number"``, with ``", log"`` of equal ratios, or a list."""
    is_together: bool = False
    """Whether it advances together with the axis above."""


def rows_of(sweep: Any) -> list[AxisRow] | None:
    """Return the rows of a sweep; None if it has a form that rows cannot express.

    Parameters
    ----------
    sweep
        Description of a sweep (`Sweep.to_dict`), or an empty value for none.
    """
    if not sweep:
        return []
    kind = sweep.get("sweep") if isinstance(sweep, Mapping) else None
    if kind in ("product", "zip"):
        rows: list[AxisRow] = []
        for place, part in enumerate(sweep["of"]):
            found = rows_of(part)
            if found is None or (kind == "zip" and len(found) != 1):
                return None
            rows += [
                AxisRow(row.name, row.values, (kind == "zip" and place > 0) or row.is_together)
                for row in found
            ]
        return rows if _groups(rows) <= 1 else None
    if kind in ("linear", "logarithmic"):
        ends = " … ".join(_text(sweep[end], sweep.get("unit", "1")) for end in ("start", "stop"))
        return [
            AxisRow(sweep["name"], f"{ends}, {sweep['number']}" + (", log" if kind == "logarithmic" else ""))
        ]
    if kind == "values":
        listed = ", ".join(_text(value, sweep.get("unit", "1")) for value in sweep["values"])
        return [AxisRow(sweep["name"], listed)]
    return None


def as_lines(scan: object) -> str:
    """Return a scan of the editor as the lines of a command line.

    Parameters
    ----------
    scan
        What `ScanEditor.written` returned.
    """
    if not isinstance(scan, Mapping):
        return ""
    return "\n".join(
        f"{name} = {', '.join(values) if isinstance(values, list) else values}"
        for name, values in scan.items()
    )


def _groups(rows: Sequence[AxisRow]) -> int:
    """Return how many groups of axes advance together."""
    return sum(row.is_together and not before.is_together for before, row in itertools.pairwise(rows))


def _text(value: Any, unit: str) -> str:
    return value if isinstance(value, str) else shown(float(value), unit, 12)


class _Row(QWidget):
    """The fields of one axis.

    Signals
    -------
    changed()
        Something was edited.
    removed(), raised()
        The axis is to be removed, or moved outwards.
    """

    changed = Signal()
    removed = Signal()
    raised = Signal()

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.setObjectName("inside")
        self.name, self.kind = ChoiceBox(), ChoiceBox()
        self.name.setEditable(True)
        self.name.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.name.addItems(list(names))
        self.name.setCurrentText("")
        self.name.setMinimumWidth(165)
        completer = QCompleter(list(names), self.name)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.name.setCompleter(completer)
        edit = self.name.lineEdit()
        if edit is not None:
            edit.setPlaceholderText("parameter or set-point")
        self.kind.addItems([_LINEAR, _LOG, _LIST])
        self.first, self.last, self.listed = QLineEdit(), QLineEdit(), QLineEdit()
        self.number = NumberBox()
        self.number.setRange(1, _MOST)
        self.number.setValue(11)
        self.together = QCheckBox("together with the axis above")
        self.together.setToolTip("both axes advance at once, instead of one within the other")
        self._name_parts()
        self._lay_out()
        self.kind.currentTextChanged.connect(lambda _: self._show_fields())
        self._show_fields()
        for signal in (
            self.name.currentTextChanged, self.kind.currentTextChanged, self.first.textChanged,
            self.last.textChanged, self.listed.textChanged, self.number.valueChanged, self.together.toggled,
        ):  # fmt: skip
            signal.connect(lambda *_: self.changed.emit())

    def _name_parts(self) -> None:
        for part, name, hint in (
            (self.name, "axis", "any parameter that is a number, or a set-point of the station (with a dot)"),
            (self.kind, "spacing", "how its values are spread"),
            (self.first, "first value", "with its unit, such as 10 G"),
            (self.last, "last value", "with its unit, such as 20 G"),
            (self.listed, "values", "with units and commas between, such as 10 G, 17 G, 25 G"),
            (self.number, "number of values", "number of values, both ends included"),
            (self.together, "together", "both advance at the same time, along one axis"),
        ):  # fmt: skip
            part.setAccessibleName(name)
            part.setToolTip(tool_tip(hint))
        self.first.setPlaceholderText("first")
        self.last.setPlaceholderText("last")
        self.listed.setPlaceholderText("10 G, 17 G, 25 G")
        for field in (self.first, self.last):
            field.setMinimumWidth(70)

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 2, 0, 6)
        grid.setHorizontalSpacing(6)
        head = QHBoxLayout()
        head.addWidget(self.name, 1)
        head.addWidget(self.kind)
        for text, signal, hint in (
            ("↑", self.raised, "move outwards"),
            ("×", self.removed, "remove this axis"),
        ):
            pressed = button(text, signal.emit, "small", hint=hint)
            pressed.setAccessibleName(hint)
            head.addWidget(pressed)
        grid.addLayout(head, 0, 0, 1, 5)
        self._to, self._in = label("…", "muted"), label("in", "muted")
        for column, part in enumerate((self.first, self._to, self.last, self._in, self.number)):
            grid.addWidget(part, 1, column)
        grid.addWidget(self.listed, 2, 0, 1, 5)
        grid.addWidget(self.together, 3, 0, 1, 5)
        for column in (0, 2):
            grid.setColumnStretch(column, 1)

    def _show_beginning(self) -> None:
        edit = self.name.lineEdit()
        if edit is not None and not edit.hasFocus():
            edit.setCursorPosition(0)

    def _show_fields(self) -> None:
        is_list = self.kind.currentText() == _LIST
        for part in (self.first, self._to, self.last, self._in, self.number):
            part.setVisible(not is_list)
        self.listed.setVisible(is_list)

    def fill(self, row: AxisRow) -> None:
        """Show an axis."""
        self.name.setCurrentText(row.name)
        self._show_beginning()
        self.together.setChecked(row.is_together)
        ends, comma, number = row.values.partition(",")
        first, dots, last = ends.partition("…")
        if not dots or not comma:
            self.kind.setCurrentText(_LIST)
            self.listed.setText(row.values)
            return
        count, _, log = number.partition(",")
        self.kind.setCurrentText(_LOG if log.strip() == "log" else _LINEAR)
        self.first.setText(first.strip())
        self.last.setText(last.strip())
        self.number.setValue(int(count))

    def row(self) -> AxisRow:
        """Return the axis in the fields."""
        name, kind = self.name.currentText().strip(), self.kind.currentText()
        if kind == _LIST:
            return AxisRow(name, self.listed.text().strip().replace("−", "-"), self.together.isChecked())
        log = ", log" if kind == _LOG else ""
        first, last = (field.text().strip().replace("−", "-") for field in (self.first, self.last))
        values = f"{first} … {last}, {self.number.value()}{log}" if first or last else ""
        return AxisRow(name, values, self.together.isChecked())


class ScanEditor(QWidget):
    """The axes of one scan, the first outermost.

    Signals
    -------
    changed()
        An axis was edited, added, removed or moved.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("inside")
        self.rows: list[_Row] = []
        self._names: tuple[str, ...] = ()
        self._kept: object = ""
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self.told = label("", "muted", wrap=True)
        self.told.hide()
        self._column.addWidget(self.told)
        self.add_button = button("Add axis", self.add, hint="the new axis is the innermost one")
        row = QHBoxLayout()
        row.addWidget(self.add_button)
        row.addStretch(1)
        self._column.addLayout(row)

    def offer(self, names: Sequence[str]) -> None:
        """Offer names of axes.

        Parameters
        ----------
        names
            Parameters that are numbers, and set-points.
        """
        self._names = tuple(names)
        for row in self.rows:
            text = row.name.currentText()
            row.name.blockSignals(True)
            row.name.clear()
            row.name.addItems(list(names))
            row.name.setCurrentText(text)
            row.name.blockSignals(False)

    def show_scan(self, sweep: Any) -> None:
        """Show the axes of a scan.

        Parameters
        ----------
        sweep
            Description of a sweep (`Sweep.to_dict`), or an empty value for none.
        """
        for row in self.rows:
            row.setParent(None)
            row.deleteLater()
        self.rows = []
        found = rows_of(sweep)
        self._kept = sweep if found is None else ""
        self.told.setVisible(found is None)
        if found is None:
            self.told.setText(
                f"The card has a sweep of the form {sweep['sweep']!r}, which is edited there. "
                "Adding an axis here replaces it."
            )
        for axis in found or []:
            self._append().fill(axis)

    def add(self) -> None:
        """Add an empty axis."""
        self._append().name.setFocus()
        self._kept = ""
        self.told.hide()
        self.changed.emit()

    def _append(self) -> _Row:
        row = _Row(self._names)
        row.changed.connect(self.changed)
        row.removed.connect(lambda: self._remove(row))
        row.raised.connect(lambda: self._raise(row))
        self.rows.append(row)
        self._column.insertWidget(len(self.rows), row)
        self._show_together()
        return row

    def _remove(self, row: _Row) -> None:
        self.rows.remove(row)
        self._column.removeWidget(row)
        row.hide()
        row.deleteLater()
        self._show_together()
        self.changed.emit()

    def _raise(self, row: _Row) -> None:
        place = self.rows.index(row)
        if place == 0:
            return
        self.rows[place - 1], self.rows[place] = row, self.rows[place - 1]
        self._column.removeWidget(row)
        self._column.insertWidget(place, row)
        self._show_together()
        self.changed.emit()

    def _show_together(self) -> None:
        for place, row in enumerate(self.rows):
            row.together.setVisible(place > 0)
            if place == 0:
                row.together.setChecked(False)

    def written(self) -> Any:
        """Return the scan as a run card has it: a table, what was kept, or ``""`` for none."""
        if self._kept:
            return self._kept
        rows = [row.row() for row in self.rows]
        if not rows:
            return ""
        table: dict[str, object] = {row.name: row.values for row in rows}
        if any(row.is_together for row in rows):
            table["together"] = [
                row.name
                for place, row in enumerate(rows)
                if row.is_together or (place + 1 < len(rows) and rows[place + 1].is_together)
            ]
        return table

    def problem(self) -> str:
        """Return what is missing or contradictory, or ``""``."""
        rows = [row.row() for row in self.rows]
        names = [row.name for row in rows]
        for row in rows:
            if not row.name:
                return "scan: an axis has no name; choose a parameter or a set-point"
            if not row.values:
                return f"scan: {row.name}: wanted a first and a last value, or a list, got nothing"
        if len(set(names)) < len(names):
            return f"scan: {max(names, key=names.count)} is there twice; remove one of the axes"
        if _groups(rows) > 1:
            return "scan: only one group of axes may advance together"
        return ""

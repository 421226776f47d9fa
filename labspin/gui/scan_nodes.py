"""Widgets of the nodes of a scan: an axis, a group of axes, what is done around one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QCompleter,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from labspin.gui.foreign import tool_tip
from labspin.gui.hands import ChoiceBox, NumberBox
from labspin.gui.narrow import flow
from labspin.gui.parts import button, label
from labspin.gui.scan_tree import AROUND, AXES, GROUPS, KEPT, Node

__all__ = ["NEW_AXIS", "NodeBox", "other_form"]

Field = QLineEdit | ChoiceBox | NumberBox | QCheckBox
_MOST = 10_000_000  # values along one axis
_LEAST = 44  # least width of a field, pixels
_REMOVES = "remove this axis or group; a form around a scan is taken off, and what is in it stays"
_WORDS = {**AXES, **GROUPS, **AROUND}
_KINDS = {word: kind for kind, word in _WORDS.items()}
_EMPTY = {"name": "", "start": "", "stop": "", "number": "11", "values": ""}
NEW_AXIS = Node("linear", _EMPTY)
"""An axis in which nothing is typed."""
_NEW = {
    "repeat": {"number": "2", "name": "repeat", "inner": ""},
    "shuffled": {"seed": "1", "within": ""},
    "filter": {"where": "", "keep": ""},
    "alongside": {"axis": "", "name": "", "values": ""},
}
"""What stands in the fields of a form that is put around a scan."""
_FIELDS = {
    "repeat": (
        ("number", "passes", "how often the whole is measured"),
        ("name", "axis", "name of the new axis in the run file"),
    ),
    "shuffled": (
        ("seed", "seed", "a whole number; the same one gives the same order"),
        ("within", "within", "name of an axis whose values keep their order; empty: everything is shuffled"),
    ),
    "filter": (
        (
            "where",
            "only where",
            "conditions that must all hold, with commas between: dark_time < 5 ms",
        ),
        ("keep", "positions", "instead of conditions: numbers of the points that are kept, from 0"),
    ),
    "alongside": (
        ("axis", "with axis", "name of the axis with which it moves"),
        ("name", "moves", "a parameter or set-point"),
        ("values", "values", "one for each value of the axis, with units and commas between"),
    ),
}
"""Fields of what is around a scan: key, word, and what it is."""


class NodeBox(QWidget):
    """One node of a scan with its parts in it.

    Parameters
    ----------
    node
        What it shows at first.
    names
        Names of axes that are offered.

    Signals
    -------
    changed()
        Something was edited.
    removed(), raised()
        The node is to be removed, or moved outwards.
    replaced(node)
        Another form is wanted in its place.
    """

    changed = Signal()
    removed = Signal()
    raised = Signal()
    replaced = Signal(object)

    def __init__(self, node: Node, names: Sequence[str]) -> None:
        super().__init__()
        self.setObjectName("inside")
        self._kind, self._content, self._names = node.kind, node.content, tuple(names)
        self._texts = dict(node.texts)
        self.fields: dict[str, Field] = {}
        self.parts: list[NodeBox] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 2, 0, 4)
        self._column.setSpacing(3)
        self._make_head()
        if node.kind in AXES:
            self._make_axis()
        elif node.kind in AROUND:
            self._make_around()
        elif node.kind == KEPT:
            said = "A form that is edited in the card. Removing it here takes it out of the card."
            self._column.addWidget(label(said, "muted", wrap=True))
        if node.kind in GROUPS or node.kind in AROUND:
            self._make_parts(node)

    # -- parts -----------------------------------------------------------------------------------------

    def _make_head(self) -> None:
        self.kind = ChoiceBox()
        forms = {**GROUPS, **AROUND} if self._kind in GROUPS or self._kind in AROUND else _WORDS
        self.kind.addItems(list(forms.values()) if self._kind != KEPT else [KEPT, *AROUND.values()])
        self.kind.setCurrentText(_WORDS.get(self._kind, KEPT))
        self.kind.setAccessibleName("form")
        hint = "how it is visited; forms around a scan keep what is in them, and × takes them off again"
        self.kind.setToolTip(tool_tip(hint))
        self.kind.activated.connect(lambda _: self._choose(_KINDS.get(self.kind.currentText(), KEPT)))
        row = QHBoxLayout()
        row.addWidget(self.kind)
        row.addStretch(1)
        self.up_button = button("↑", self.raised.emit, "small", hint="move outwards")
        self.remove_button = button("×", self.removed.emit, "small", hint=_REMOVES)
        for pressed in (self.up_button, self.remove_button):
            pressed.setAccessibleName(pressed.whatsThis())
            row.addWidget(pressed)
        self._column.addLayout(row)

    def _make_axis(self) -> None:
        self.name = self._choice("name", "axis", "any number of the procedure, or a set-point (with a dot)")
        self._column.addWidget(self.name)
        row = QHBoxLayout()
        if self._kind == "values":
            hint = "with units and commas between, such as 10 G, 17 G, 25 G"
            self.listed = self._line("values", "values", hint)
            self.listed.setPlaceholderText("10 G, 17 G, 25 G")
            row.addWidget(self.listed, 1)
        else:
            self.first = self._line("start", "first value", "with its unit, such as 10 G")
            self.last = self._line("stop", "last value", "with its unit, such as 20 G")
            self.number = NumberBox()
            self.number.setRange(1, _MOST)
            self.number.setValue(int(self._texts["number"]))
            self.number.setMinimumWidth(_LEAST)
            self.number.valueChanged.connect(lambda _: self.changed.emit())
            self._keep("number", "number of values", "both ends included", self.number)
            self.first.setPlaceholderText("first")
            self.last.setPlaceholderText("last")
            for part, stretch in (
                (self.first, 3), (label("…", "muted"), 0), (self.last, 3), (label("in", "muted"), 0),
                (self.number, 2),
            ):  # fmt: skip
                row.addWidget(part, stretch)
        self._column.addLayout(row)

    def _make_around(self) -> None:
        form = QFormLayout()
        form.setContentsMargins(10, 0, 0, 0)
        for key, word, hint in _FIELDS[self._kind]:
            offers = key in ("axis", "within") or (key == "name" and self._kind == "alongside")
            field = self._choice(key, word, hint) if offers else self._line(key, word, hint)
            form.addRow(label(word, "muted"), field)
        if self._kind == "repeat":
            inner = QCheckBox("each point before the next")
            inner.setToolTip("instead of whole passes")
            inner.setChecked(self._texts.get("inner") == "True")
            inner.toggled.connect(lambda _: self.changed.emit())
            self.fields["inner"] = inner
            form.addRow(inner)
        self._column.addLayout(form)

    def _make_parts(self, node: Node) -> None:
        self._inside = QVBoxLayout()
        self._inside.setContentsMargins(14, 0, 0, 0)
        self._inside.setSpacing(2)
        self._column.addLayout(self._inside)
        for part in node.parts:
            self._append(part)
        if node.kind in GROUPS:
            self.add_button = button("Add axis", self.add, "small", hint="the new axis is the innermost one")
            self._column.addLayout(flow(self.add_button))

    def _line(self, key: str, name: str, hint: str) -> QLineEdit:
        field = QLineEdit(self._texts.get(key, ""))
        field.setMinimumWidth(_LEAST)
        field.setCursorPosition(0)
        field.textChanged.connect(lambda _: self.changed.emit())
        self._keep(key, name, hint, field)
        return field

    def _choice(self, key: str, name: str, hint: str) -> ChoiceBox:
        field = ChoiceBox()
        field.setEditable(True)
        field.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        field.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        field.addItems(list(self._names))
        field.setCurrentText(self._texts.get(key, ""))
        completer = QCompleter(list(self._names), field)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        field.setCompleter(completer)
        edit = field.lineEdit()
        if edit is not None:
            edit.setPlaceholderText("parameter or set-point")
            edit.setCursorPosition(0)
        field.currentTextChanged.connect(lambda _: self.changed.emit())
        self._keep(key, name, hint, field)
        return field

    def _keep(self, key: str, name: str, hint: str, field: Field) -> None:
        field.setAccessibleName(name)
        field.setToolTip(tool_tip(hint))
        self.fields[key] = field

    # -- what is edited --------------------------------------------------------------------------------

    def node(self) -> Node:
        """Return what is in the fields."""
        typed = {key: _text_of(field) for key, field in self.fields.items()}
        texts = {**self._texts, **typed}  # what is typed for even steps stays while a list is tried
        return Node(self._kind, texts, tuple(part.node() for part in self.parts), self._content)

    def offer(self, names: Sequence[str]) -> None:
        """Offer names of axes.

        Parameters
        ----------
        names
            Parameters that are numbers, and set-points.
        """
        self._names = tuple(names)
        for field in self.fields.values():
            if isinstance(field, ChoiceBox):
                text = field.currentText()
                field.blockSignals(True)
                field.clear()
                field.addItems(list(names))
                field.setCurrentText(text)
                field.blockSignals(False)
        for part in self.parts:
            part.offer(names)

    def add(self) -> None:
        """Add an empty axis to a group."""
        self._append(NEW_AXIS).focus()
        self.changed.emit()

    def focus(self) -> None:
        """Give the keyboard to the first field."""
        next(iter(self.fields.values()), self.kind).setFocus()

    @property
    def form(self) -> str:
        """The kind of the node."""
        return self._kind

    def axes(self) -> list[NodeBox]:
        """Return the axes in it, outermost first."""
        return [self] if self._kind in AXES else [one for part in self.parts for one in part.axes()]

    def _append(self, node: Node) -> NodeBox:
        box = NodeBox(node, self._names)
        self._put(len(self.parts), box)
        return box

    def _put(self, place: int, box: NodeBox) -> None:
        box.changed.connect(self.changed)
        box.removed.connect(lambda: self._remove(box))
        box.raised.connect(lambda: self._raise(box))
        box.replaced.connect(lambda node: self._replace(box, node))
        self.parts.insert(place, box)
        self._inside.insertWidget(place, box)

    def _take_out(self, box: NodeBox) -> int:
        place = self.parts.index(box)
        del self.parts[place]
        self._inside.removeWidget(box)
        box.hide()
        box.deleteLater()
        return place

    def _remove(self, box: NodeBox) -> None:
        place = self._take_out(box)
        if box.form in AROUND:  # what was in it stays
            for part in box.node().parts:
                self._put(place, NodeBox(part, self._names))
        if self._kind in AROUND and not self.parts:
            self.removed.emit()  # around nothing
        else:
            self.changed.emit()

    def _replace(self, box: NodeBox, node: Node) -> None:
        self._put(self._take_out(box), NodeBox(node, self._names))
        self.changed.emit()

    def _raise(self, box: NodeBox) -> None:
        place = self.parts.index(box)
        if place == 0:
            return
        self.parts[place - 1], self.parts[place] = box, self.parts[place - 1]
        self._inside.removeWidget(box)
        self._inside.insertWidget(place - 1, box)
        self.changed.emit()

    def _choose(self, kind: str) -> None:
        """Take another form: another spacing or order, or one around what is there."""
        node = self.node()
        if kind == node.kind:
            return
        self.replaced.emit(other_form(node, kind))


def other_form(node: Node, kind: str) -> Node:
    """Return a node in another form: what is in it stays.

    Parameters
    ----------
    node
        The node.
    kind
        The form that is wanted.
    """
    if kind in AXES:
        return Node(kind, {**_EMPTY, **node.texts})
    if kind in GROUPS:
        parts = node.parts if node.kind in GROUPS else (node,)
        return Node(kind, {}, parts if len(parts) > 1 else (*parts, NEW_AXIS))
    return Node(kind, _NEW[kind], (node,))


def _text_of(field: Field) -> str:
    if isinstance(field, QCheckBox):
        return str(field.isChecked())
    if isinstance(field, NumberBox):
        return str(field.value())
    return field.currentText() if isinstance(field, ChoiceBox) else field.text()

"""An editor for scans: any parameter or set-point, as a range or a list, in every form of a run card.

It writes the format of run cards (`labspin.experiment.read_scan`), so that card, command line and window
agree. A form of a laboratory's own is kept as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from labspin.gui.narrow import flow
from labspin.gui.parts import button
from labspin.gui.scan_nodes import NEW_AXIS, NodeBox
from labspin.gui.scan_tree import AROUND, GROUPS, Node, described, is_costly, problem_of, tree_of, written

__all__ = ["ScanEditor"]


class ScanEditor(QWidget):
    """One scan, its outermost axis first.

    Signals
    -------
    changed()
        An axis or a form was edited, added, removed or moved.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("inside")
        self.root: NodeBox | None = None
        self._names: tuple[str, ...] = ()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self.add_button = button("Add axis", self.add, hint="the new axis is the innermost one")
        self._column.addLayout(flow(self.add_button))

    @property
    def rows(self) -> list[NodeBox]:
        """The axes, outermost first."""
        return [] if self.root is None else self.root.axes()

    def offer(self, names: Sequence[str]) -> None:
        """Offer names of axes.

        Parameters
        ----------
        names
            Parameters that are numbers, and set-points.
        """
        self._names = tuple(names)
        if self.root is not None:
            self.root.offer(names)

    def show_scan(self, sweep: Any) -> None:
        """Show the axes and forms of a scan.

        Parameters
        ----------
        sweep
            Description of a sweep (`Sweep.to_dict`), a table of axes, or an empty value for none.
        """
        self._show(tree_of(sweep))

    def _show(self, node: Node | None) -> None:
        if self.root is not None:
            self._column.removeWidget(self.root)
            self.root.hide()
            self.root.deleteLater()
        self.root = None
        if node is None:
            return
        self.root = NodeBox(node, self._names)
        self.root.up_button.hide()  # there is nothing outside
        self.root.changed.connect(self.changed)
        self.root.removed.connect(self._remove)
        self.root.replaced.connect(self._replace)
        self._column.insertWidget(0, self.root)

    def add(self) -> None:
        """Add an empty axis, nested inside what is there."""
        if self.root is None:
            self._show(NEW_AXIS)
        else:
            self._show(_with_axis(self.root.node()))
        self.rows[-1].focus()
        self.changed.emit()

    def _replace(self, node: Node) -> None:
        self._show(node)
        self.changed.emit()

    def _remove(self) -> None:
        """Remove the scan, or what is around it."""
        node = None if self.root is None else self.root.node()
        self._show(node.parts[0] if node is not None and node.kind in AROUND and node.parts else None)
        self.changed.emit()

    def node(self) -> Node | None:
        """Return the scan as a tree; None for none."""
        return None if self.root is None else self.root.node()

    def written(self) -> Any:
        """Return the scan as a table of axes where one says it, else its description; ``""`` for none."""
        return written(self.node())

    def described(self) -> Any:
        """Return the description of the scan, as a run card has it; ``""`` for none."""
        return described(self.node())

    @property
    def is_costly(self) -> bool:
        """Whether the points take long to be found; the preview says what is wrong with them."""
        return is_costly(self.node())

    def problem(self) -> str:
        """Return what is missing or contradictory, or ``""``."""
        return problem_of(self.node())


def _with_axis(node: Node) -> Node:
    """Return a tree with an empty axis as its innermost one, within what is around it."""
    if node.kind in AROUND and node.parts:
        return Node(node.kind, node.texts, (_with_axis(node.parts[0]),))
    if node.kind in GROUPS:
        return Node(node.kind, node.texts, (*node.parts, NEW_AXIS))
    return Node("product", {}, (node, NEW_AXIS))

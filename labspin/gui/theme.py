"""Colours and sizes of the window, light and dark."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPalette, QPen
from PySide6.QtWidgets import QApplication

__all__ = ["DARK", "LIGHT", "Theme", "current", "fine", "style_plot", "use_theme"]


@dataclass(frozen=True)
class Theme:
    """One set of colours."""

    name: str
    window: str
    panel: str
    field: str
    text: str
    muted: str
    border: str
    accent: str
    chunk: str
    danger: str
    good: str
    warning: str
    series: tuple[str, ...]


LIGHT = Theme(
    name="light", window="#f3f4f6", panel="#ffffff", field="#ffffff", text="#1c2430", muted="#5d6879",
    border="#cfd5dd", accent="#1f5fa8", chunk="#b9d3ef", danger="#c0262d", good="#1d7a45", warning="#9a6200",
    series=("#1f5fa8", "#c2571a", "#1d7a45", "#8a3ca0", "#8c6d00", "#2a8a8a"),
)  # fmt: skip
DARK = Theme(
    name="dark", window="#15181d", panel="#1e232a", field="#272d36", text="#e6e9ee", muted="#9aa5b4",
    border="#3a424e", accent="#5aa2ee", chunk="#2d5684", danger="#e5484d", good="#4cc38a", warning="#e2a336",
    series=("#5aa2ee", "#f0883e", "#4cc38a", "#c792ea", "#e3c34b", "#56c5c5"),
)  # fmt: skip
_chosen = [LIGHT]
_pictures = tempfile.TemporaryDirectory(prefix="labspin-window-")

_SHEET = """
QWidget {{ font-size: 10.5pt; }}
QMainWindow, QDialog {{ background: {window}; }}
QFrame#panel {{ background: {panel}; border: 1px solid {border}; border-radius: 8px; }}
QFrame#bar {{ background: {panel}; border-bottom: 1px solid {border}; }}
QFrame#notice {{ background: {panel}; border: 2px solid {danger}; border-radius: 6px; }}
QLabel#title {{ font-size: 15pt; font-weight: 600; }}
QLabel#heading {{ font-size: 12pt; font-weight: 600; }}
QLabel#muted, QLabel#help {{ color: {muted}; }}
QLabel#value {{ font-size: 12pt; font-weight: 600; }}
QLabel#old {{ font-size: 12pt; font-style: italic; color: {muted}; }}
QLabel#figure {{ font-size: 38pt; font-weight: 600; }}
QLabel#figure-old {{ font-size: 38pt; font-style: italic; color: {muted}; }}
QLabel#wrong {{ color: {danger}; }}
QLabel#good {{ color: {good}; }}
QLabel#simulated, QLabel#real {{ border-radius: 9px; font-weight: 600; }}
QLabel#simulated {{ color: {accent}; border: 1px solid {accent}; }}
QLabel#real {{ color: {window}; background: {warning}; }}
QPushButton {{ min-height: 26px; padding: 3px 14px; border: 1px solid {border}; border-radius: 6px;
    background: {field}; }}
QPushButton:hover {{ border-color: {accent}; }}
QPushButton:focus {{ border: 2px solid {accent}; padding: 2px 13px; }}
QPushButton:checked {{ background: {accent}; color: {window}; }}
QPushButton:disabled {{ color: {muted}; background: {window}; }}
QPushButton#primary {{ background: {accent}; color: {panel}; font-weight: 600; border-color: {accent}; }}
QPushButton#primary:disabled {{ background: {window}; color: {muted}; border-color: {border}; }}
QPushButton#safe {{ background: {danger}; color: white; font-size: 15pt; font-weight: 700; min-height: 40px;
    min-width: 128px; border: none; border-radius: 8px; }}
QPushButton#safe:disabled {{ background: {border}; color: {muted}; }}
QPushButton#armed {{ background: {danger}; color: white; font-weight: 600; }}
QLineEdit, QPlainTextEdit {{ background: {field}; border: 1px solid {border};
    border-radius: 5px; padding: 3px 6px; min-height: 24px; selection-background-color: {accent}; }}
QLineEdit:focus {{ border: 2px solid {accent}; padding: 2px 5px; }}
QLineEdit[wrong="true"] {{ border: 2px solid {danger}; padding: 2px 5px; }}
QLineEdit[readOnly="true"] {{ color: {muted}; }}
QLineEdit[changed="true"] {{ font-weight: 600; }}
QWidget#qt_scrollarea_viewport, QWidget#inside {{ background: transparent; }}
QComboBox, QSpinBox {{ min-height: 28px; }}
QListWidget::item {{ padding: 6px 4px; }}
QPlainTextEdit#log {{ font-family: monospace; font-size: 10pt; }}
QPushButton#small {{ padding: 3px 8px; }}
QCheckBox::indicator {{ width: 14px; height: 14px; border: 1px solid {muted}; border-radius: 3px;
    background: {field}; }}
QCheckBox::indicator:hover, QCheckBox::indicator:focus {{ border: 2px solid {accent}; width: 12px;
    height: 12px; }}
QCheckBox::indicator:checked {{ background: {accent}; border-color: {accent}; image: url({tick}); }}
QCheckBox::indicator:disabled {{ border-color: {border}; background: {window}; }}
QTabWidget::pane {{ border: none; }}
QTabBar::tab {{ padding: 9px 20px; font-size: 11.5pt; color: {muted}; background: transparent;
    border-bottom: 3px solid transparent; }}
QTabBar::tab:selected {{ color: {text}; border-bottom: 3px solid {accent}; font-weight: 600; }}
QTableView, QListView, QListWidget, QTableWidget {{ background: {panel}; border: 1px solid {border};
    border-radius: 6px; alternate-background-color: {window}; gridline-color: {border}; }}
QHeaderView::section {{ background: {window}; color: {muted}; border: none; padding: 5px 8px; }}
QScrollArea {{ border: none; background: transparent; }}
QProgressBar {{ border: 1px solid {border}; border-radius: 6px; background: {field}; text-align: center;
    min-height: 22px; }}
QProgressBar::chunk {{ background: {chunk}; border-radius: 5px; }}
QToolTip {{ background: {panel}; color: {text}; border: 1px solid {border}; }}
QSplitter::handle {{ background: {window}; }}
"""


def fine(width: float) -> float:
    """Return the width of a pen in pixels of the screen; pens of plots do not follow its scale by themselves.

    Parameters
    ----------
    width
        In pixels of a screen of scale 1.
    """
    screen = QApplication.primaryScreen()
    return width * (screen.devicePixelRatio() if screen is not None else 1.0)


def current() -> Theme:
    """Return the present theme."""
    return _chosen[0]


def use_theme(name: str) -> Theme:
    """Give the application the colours of ``"light"``, ``"dark"`` or ``"system"``, and return them.

    Parameters
    ----------
    name
        ``"light"``, ``"dark"`` or ``"system"``.
    """
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        return current()
    if name == "system":
        name = "dark" if application.styleHints().colorScheme() == Qt.ColorScheme.Dark else "light"
    theme = _chosen[0] = DARK if name == "dark" else LIGHT
    application.setStyle("fusion")
    application.setFont(QFont(application.font().family(), 10))
    application.setPalette(_palette(theme))
    application.setStyleSheet(_SHEET.format(**vars(theme), tick=_tick(theme).as_posix()))
    pg.setConfigOptions(background=theme.panel, foreground=theme.text, antialias=True)
    return theme


def _tick(theme: Theme) -> Path:
    """Return a picture of a tick in the colour of panels; style sheets take pictures from files only."""
    path = Path(_pictures.name) / f"tick-{theme.name}.png"
    if not path.exists():
        image = QImage(48, 48, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(QColor(0, 0, 0, 0))
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.panel), 7))
        painter.drawPolyline([QPointF(10, 25), QPointF(20, 35), QPointF(38, 13)])
        painter.end()
        image.save(str(path))
    return path


def _palette(theme: Theme) -> QPalette:
    palette = QPalette()
    roles = QPalette.ColorRole
    for role, colour in (
        (roles.Window, theme.window), (roles.Base, theme.panel), (roles.AlternateBase, theme.window),
        (roles.Text, theme.text), (roles.WindowText, theme.text), (roles.ButtonText, theme.text),
        (roles.Button, theme.field), (roles.Highlight, theme.accent), (roles.HighlightedText, theme.panel),
        (roles.ToolTipBase, theme.panel), (roles.ToolTipText, theme.text),
        (roles.PlaceholderText, theme.muted), (roles.Link, theme.accent), (roles.Mid, theme.border),
    ):  # fmt: skip
        palette.setColor(role, QColor(colour))
    return palette


def style_plot(plot: pg.PlotWidget) -> None:
    """Give a plot the colours of the present theme.

    Parameters
    ----------
    plot
        The plot to colour.
    """
    theme = current()
    plot.setBackground(theme.panel)
    for side in ("left", "bottom", "right", "top"):
        axis = plot.getAxis(side)
        axis.setPen(theme.border)
        axis.setTextPen(theme.text)
    plot.showGrid(x=True, y=True, alpha=0.15)

"""What a figure consists of: named columns of equal length, and how to draw them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labspin.errors import ArgumentError
from labspin.physics.arguments import abridged

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FigureScript", "Sheet"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Sheet:
    """One figure: its data, and how to draw them.

    Raises
    ------
    ArgumentError
        The columns differ in length.
    """

    columns: Mapping[str, FloatArray]  # name with unit in brackets -> values, (n,) each
    draw: Callable[[Figure], None]
    size: tuple[float, float] = (6.0, 4.0)  # inches

    __repr__ = abridged

    def __post_init__(self) -> None:
        sizes = {name: np.shape(values) for name, values in self.columns.items()}
        if len(set(sizes.values())) > 1 or any(len(shape) != 1 for shape in sizes.values()):
            raise ArgumentError(f"columns of a figure: wanted (n,) each, all of one length, got {sizes}")

    def write(self, path: Path) -> None:
        """Write the columns as CSV with a header line.

        Parameters
        ----------
        path
            File to write; an existing one is replaced.
        """
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(self.columns)
            rows.writerows(
                [f"{value:.10g}" for value in row] for row in zip(*self.columns.values(), strict=True)
            )

    def picture(self, path: Path, title: str) -> None:
        """Write the picture as PNG.

        Parameters
        ----------
        path
            File to write; an existing one is replaced.
        title
            Text above the picture.
        """
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=self.size, layout="constrained")
        FigureCanvasAgg(figure)
        self.draw(figure)
        figure.suptitle(title, fontsize=10)
        figure.savefig(path, dpi=130)


@dataclass(frozen=True)
class FigureScript:
    """A figure of a paper by its short name."""

    name: str  # nv-2c
    title: str
    compute: Callable[[], Sheet]
    seconds: float  # of one idle core, roughly

    @property
    def paper(self) -> str:
        """Short name of the paper: nv, mr or sw."""
        return self.name.split("-")[0]

    @property
    def caption(self) -> str:
        """What the figure shows: the docstring of its function, as one paragraph."""
        return " ".join((self.compute.__doc__ or "").split())

"""All figures by name, and the functions that write them: computed, and measured on the simulated bench."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from labspin.errors import ArgumentError
from labspin.reproduction import mrfm, nv, spinwaves, spinwaves_field, spinwaves_layer, spinwaves_spin
from labspin.reproduction.kept import KeptResults, digest_of
from labspin.reproduction.measurement import Measurement, Panel, draw_panels, write_panels
from labspin.reproduction.sheet import FigureScript, Sheet

__all__ = ["FIGURES", "Compared", "FigureScript", "Sheet", "measure", "measurements", "reproduce"]

_PHYSICS = {"nv": ("nv",), "mr": ("mrfm",), "sw": ("spinwaves", "nv")}
_UNMEASURED = {
    "nv-3a": "no bench can switch cross-relaxation off; nv-3b shows its points beside the curve without it",
    "sw-5": "a bench sees what all waves together do to a centre, not the frequency of one; sw-4b shows that",
    "sw-6bc": "a centre sees the noise of all waves, not the polarisation of one; sw-4b has both lines",
    "sw-7": "relaxation depends on the number of resonant waves, not on how fast each of them decays",
    "mr-3.2": "one spin shifts the cantilever by 2 µHz of 3 kHz, and the bench has a surface of them",
}
_NO_CARD = (
    "no card measures waves or layers themselves; what a bench sees of them are relaxation and force: sw-4b, "
    "sw-4c, sw-11d, sw-13"
)

_FILM = (*spinwaves.SCRIPTS, *spinwaves_layer.SCRIPTS, *spinwaves_field.SCRIPTS, *spinwaves_spin.SCRIPTS)


def _number(script: FigureScript) -> tuple[int, str]:
    figure = script.name.split("-")[1]
    digits = len(figure) - len(figure.lstrip("0123456789"))
    return int(figure[:digits]), figure[digits:]


FIGURES: dict[str, FigureScript] = {
    script.name: script for script in (*nv.SCRIPTS, *mrfm.SCRIPTS, *sorted(_FILM, key=_number))
}


class Compared(NamedTuple):
    """A figure that was measured: its picture, and its points beside the curve."""

    measurement: Measurement
    picture: Path
    panels: list[Panel]


def reproduce(
    folder: Path,
    names: Iterable[str] = (),
    *,
    again: bool = False,
    on_start: Callable[[FigureScript], None] = lambda script: None,
) -> Iterator[tuple[FigureScript, Path]]:
    """Compute figures and write ``NAME.png`` and ``NAME.csv`` into ``folder``; yield each when it is there.

    Parameters
    ----------
    folder
        Made if it is not there. A figure in it is kept as long as the code that it came from is the same.
    names
        Names of figures or of papers (``nv``, ``mr``, ``sw``); none means all.
    again
        Compute also what is kept.
    on_start
        Called with each figure before it is computed.

    Raises
    ------
    ArgumentError
        A name is not known.
    """
    chosen = _chosen(tuple(names))
    folder.mkdir(parents=True, exist_ok=True)
    kept = KeptResults(folder)
    for script in chosen:
        on_start(script)
        picture, source = folder / f"{script.name}.png", _source(script)
        if again or not (kept.has(picture, source) and picture.with_suffix(".csv").exists()):
            sheet = script.compute()
            sheet.write(picture.with_suffix(".csv"))
            sheet.picture(picture, script.title)
            kept.add(picture, source)
        yield script, picture


def measurements() -> dict[str, Measurement]:
    """Return the figures that a card measures, by name, in the order of `FIGURES`."""
    from labspin.reproduction import measured_film, measured_mr, measured_nv

    found = (*measured_nv.MEASUREMENTS, *measured_mr.MEASUREMENTS, *measured_film.MEASUREMENTS)
    return {one.name: one for one in found}


def measure(
    folder: Path,
    names: Iterable[str] = (),
    *,
    on_start: Callable[[Measurement], None] = lambda measurement: None,
) -> Iterator[Compared]:
    """Run the card of each figure, and write its points over the curve to ``NAME-measured.png`` and ``.csv``.

    Parameters
    ----------
    folder
        Made if it is not there; its ``runs`` keep the run files while the code that measures is the same.
    names
        Names of figures or of papers (``nv``, ``mr``, ``sw``); none means all that a card measures.
    on_start
        Called with each figure before it is measured.

    Raises
    ------
    ArgumentError
        A name is not known, or no card measures that figure.
    """
    known, asked = measurements(), tuple(names)
    chosen = [script.name for script in _chosen(asked)]
    for name in set(asked) & (set(FIGURES) - set(known)):
        raise ArgumentError(f"figure {name!r} cannot be measured: {_UNMEASURED.get(name, _NO_CARD)}")
    folder.mkdir(parents=True, exist_ok=True)
    for name in chosen:
        if name in known:
            on_start(known[name])
            panels = known[name].panels(folder / "runs")
            picture = folder / f"{name}-measured.png"
            write_panels(picture.with_suffix(".csv"), panels)
            draw_panels(picture, panels, known[name].title, known[name].columns)
            yield Compared(known[name], picture, panels)


def _source(script: FigureScript) -> str:
    """Return a digest of the code that a figure depends on."""
    package = Path(__file__).resolve().parents[1]
    module = inspect.getsourcefile(inspect.unwrap(script.compute))
    files = [Path(str(module)), package / "reproduction" / "sheet.py", *(package / "physics").glob("*.py")]
    for name in _PHYSICS[script.paper]:
        files += (package / "physics" / name).glob("*.py")
    return digest_of(script.title, *(path.read_text(encoding="utf-8") for path in sorted(files)))


def _chosen(names: tuple[str, ...]) -> list[FigureScript]:
    if not names:
        return list(FIGURES.values())
    known = {name: [script] for name, script in FIGURES.items()}
    for script in FIGURES.values():
        known.setdefault(script.paper, []).append(script)
    for name in names:
        if name not in known:
            raise ArgumentError(f"figure {name!r} is not known; wanted one of {', '.join(known)}")
    return list({script.name: script for name in names for script in known[name]}.values())

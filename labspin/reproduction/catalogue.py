"""All figures by name, and the function that writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from labspin.errors import ArgumentError
from labspin.reproduction import mrfm, nv, spinwaves, spinwaves_field, spinwaves_layer, spinwaves_spin
from labspin.reproduction.sheet import FigureScript, Sheet

__all__ = ["FIGURES", "FigureScript", "Sheet", "reproduce"]

_FILM = (*spinwaves.SCRIPTS, *spinwaves_layer.SCRIPTS, *spinwaves_field.SCRIPTS, *spinwaves_spin.SCRIPTS)


def _number(script: FigureScript) -> tuple[int, str]:
    figure = script.name.split("-")[1]
    digits = len(figure) - len(figure.lstrip("0123456789"))
    return int(figure[:digits]), figure[digits:]


FIGURES: dict[str, FigureScript] = {
    script.name: script for script in (*nv.SCRIPTS, *mrfm.SCRIPTS, *sorted(_FILM, key=_number))
}


def reproduce(folder: Path, names: Iterable[str] = ()) -> Iterator[tuple[FigureScript, Path]]:
    """Compute figures and write ``NAME.png`` and ``NAME.csv`` into ``folder``; yield each when it is there.

    Parameters
    ----------
    folder
        Made if it is not there.
    names
        Names of figures or of papers (``nv``, ``mr``, ``sw``); none means all.

    Raises
    ------
    ArgumentError
        A name is not known.
    """
    chosen = _chosen(tuple(names))
    folder.mkdir(parents=True, exist_ok=True)
    for script in chosen:
        sheet = script.compute()
        sheet.write(folder / f"{script.name}.csv")
        sheet.picture(folder / f"{script.name}.png", script.title)
        yield script, folder / f"{script.name}.png"


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

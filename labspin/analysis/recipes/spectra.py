"""Settings of a fit of a thermal spectrum besides the model: averages, window, length, temperature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labspin.analysis.model import FitModel
from labspin.errors import FitError, RecipeError
from labspin.units import parse_quantity

__all__ = [
    "SPECTRUM_SETTINGS",
    "THERMAL",
    "density_unit",
    "is_spectrum",
    "spectrum_numbers",
    "spectrum_settings",
]

THERMAL = "thermal_spectrum"
SPECTRUM_SETTINGS = ("averages", "window", "length", "temperature")


def is_spectrum(model: FitModel | str) -> bool:
    """Return whether a model is fitted to averaged power spectra, by the likelihood of their bins.

    Parameters
    ----------
    model
        The model, or its name in a recipe, whose options are then partly those of the fit.
    """
    return model.likelihood == "gamma" if isinstance(model, FitModel) else model == THERMAL


def spectrum_settings(
    model: FitModel | str, options: Mapping[str, object], settings: dict[str, object]
) -> dict[str, Any]:
    """Return the settings of `fit_spectrum` besides the model, taken out of options and ``settings``.

    ``options`` in it are those that the model itself takes.

    Parameters
    ----------
    model
        The model, or its name.
    options
        What the caller calls options of the model.
    settings
        What the caller gives to the fit; what is for a spectrum is taken out of it.

    Raises
    ------
    FitError
        A setting of a spectrum for another model.
    RecipeError
        An unknown option, or one that is no number.
    """
    named = is_spectrum(model)
    given = {name: settings.pop(name) for name in SPECTRUM_SETTINGS if name in settings}
    if not named:
        if given:
            raise FitError(f"{next(iter(given))}: is for {THERMAL}, got model {model!r}; leave it out")
        return {"options": dict(options)}
    unknown = sorted(set(options) - set(SPECTRUM_SETTINGS))
    if unknown:
        raise RecipeError(
            f"model {THERMAL}: unknown option {unknown[0]!r}; it takes {', '.join(SPECTRUM_SETTINGS)}"
        )
    return {"options": {}, **spectrum_numbers(f"model {THERMAL}", options), **given}


def spectrum_numbers(where: str, options: Mapping[str, object]) -> dict[str, Any]:
    """Return the options of a thermal spectrum as numbers: temperature in K, length in s.

    Parameters
    ----------
    where
        Whose options they are, for errors.
    options
        Name -> number, or text with a unit.
    """
    found = dict(options)
    for name, unit in (("temperature", "K"), ("length", "s")):
        if isinstance(found.get(name), str):
            found[name] = parse_quantity(found[name], unit, name=f"{where}: {name}")
    for name in {"temperature", "length", "averages"} & set(found):
        if isinstance(found[name], bool) or not isinstance(found[name], (int, float)):
            raise RecipeError(f"{where}: {name}: wanted a number, got {found[name]!r}")
    return found


def density_unit(x_unit: str, y_unit: str) -> str:
    """Return the unit of a power spectrum: where none is known, that of one of plain numbers.

    Parameters
    ----------
    x_unit, y_unit
        Units of x and y.

    Raises
    ------
    FitError
        y is a level.
    """
    if y_unit in ("dBm", "dB"):
        raise FitError(f"spectrum: wanted power in each bin, got a level in {y_unit}; convert it to power")
    return f"1/{x_unit}" if y_unit in ("", "1") and x_unit not in ("", "1") else y_unit

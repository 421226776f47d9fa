"""The fit models, one subject a file; `load_model` finds one by its name in a recipe.

A lab's own model is named by path: ``"my_models.py:two_bumps"`` is the function ``two_bumps(x, a, b, …)``
of that file, with an optional ``two_bumps_guess(x, y, weights)`` beside it that returns {name: value}, or a
`FitModel` of that name. An installed package offers models as entry points of the group ``labspin.models``.

Spin-wave relaxometry (distance from T1'(H0)) belongs here as ``relaxometry.py``, on
`labspin.physics.spinwaves`, in the manner of ``kappa.py``.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labspin.analysis.model import FitModel, Parameter
from labspin.errors import FitError, LabspinError, RecipeError

__all__ = ["MODELS", "load_model", "model_from_function"]

_GROUP = "labspin.models"

MODELS: dict[str, tuple[str, str]] = {
    "stretched_exponential": ("decays", "STRETCHED_EXPONENTIAL"),
    "recharging_decay": ("decays", "RECHARGING_DECAY"),
    "double_exponential": ("decays", "DOUBLE_EXPONENTIAL"),
    "gaussian_dips": ("dips", "gaussian_dips"),
    "lorentzian_dips": ("dips", "lorentzian_dips"),
    "odmr_spectrum": ("odmr", "odmr_spectrum"),
    "mdmr_spectrum": ("odmr", "mdmr_spectrum"),
    "noncontact_friction": ("friction", "noncontact_friction"),
    "cross_relaxation_dip": ("cross_relaxation", "cross_relaxation_dip"),
    "cross_relaxation_rate": ("cross_relaxation", "cross_relaxation_rate"),
    "resonator_amplitude": ("resonator", "RESONATOR_AMPLITUDE"),
    "resonator_response": ("resonator", "RESONATOR_RESPONSE"),
    "ring_down": ("oscillations", "RING_DOWN"),
    "complex_ring_down": ("oscillations", "COMPLEX_RING_DOWN"),
    "rabi_ensemble": ("rabi", "RABI_ENSEMBLE"),
    "rabi_oscillation": ("oscillations", "RABI_OSCILLATION"),
    "spin_bath_shift": ("kappa", "spin_bath_shift"),
    "thermal_spectrum": ("thermal", "thermal_spectrum"),
}
"""Name -> module of this package and its `FitModel`, or the function that makes one from options."""


def load_model(name: str, *, folder: Path | None = None, **options: Any) -> FitModel:
    """Return the model called ``name``.

    Parameters
    ----------
    name
        A name of `MODELS`, an entry point of the group ``labspin.models``, or ``"file.py:object"``.
    folder
        Where a relative path starts; default the working directory.
    options
        What the model is built with, such as ``count`` of dips.

    Raises
    ------
    RecipeError
        There is no such model, or it does not take these options.
    """
    if ".py:" in name:
        return _from_file(name, folder or Path(), options)
    if name in MODELS:
        module, attribute = MODELS[name]
        return _built(name, getattr(importlib.import_module(f"{__name__}.{module}"), attribute), options)
    installed = {entry.name: entry for entry in importlib.metadata.entry_points(group=_GROUP)}
    if name not in installed:
        known = ", ".join(sorted({*MODELS, *installed}))
        raise RecipeError(f"model {name!r}: wanted one of {known}, or 'file.py:function'")
    entry = installed[name]
    return _from_module(name, _installed_module(entry), entry.attr, options)


def _installed_module(entry: importlib.metadata.EntryPoint) -> Any:
    try:
        return importlib.import_module(entry.module)
    except Exception as error:  # another package's code
        raise RecipeError(
            f"model {entry.name!r}: {entry.value} could not be loaded: {type(error).__name__}: {error}; "
            "mend or remove the package that installs it"
        ) from error


def _built(name: str, found: Any, options: Mapping[str, Any]) -> FitModel:
    if isinstance(found, FitModel):
        if options:
            raise RecipeError(f"model {name}: takes no options, got {', '.join(options)}; remove them")
        return found
    try:
        inspect.signature(found).bind(**options)
    except TypeError as error:
        raise RecipeError(f"model {name}: options {dict(options)!r}: {error}") from error
    model = found(**options)
    assert isinstance(model, FitModel)
    return model


def model_from_function(function: Any, guess: Any = None, *, name: str = "") -> FitModel:
    """Return a model made from ``function(x, a, b=1.0, …)``; defaults in the signature are starting values.

    Raises
    ------
    FitError
        The function has no parameter besides x.
    """
    signature = list(inspect.signature(function).parameters.values())
    names = [p.name for p in signature[1:] if p.kind is p.POSITIONAL_OR_KEYWORD]
    called = name or getattr(function, "__name__", "function")
    if not names:
        raise FitError(f"model {called}: wanted a function (x, a, b, …), got {inspect.signature(function)}")
    starts = {p.name: 1.0 if p.default is p.empty else float(p.default) for p in signature[1:]}

    def guesser(x: Any, y: Any, weights: Any) -> Mapping[str, float]:
        return starts if guess is None else {**starts, **guess(x, y, weights)}

    return FitModel(
        name=called,
        equation=(inspect.getdoc(function) or called).split("\n", 1)[0],
        source=inspect.getsourcefile(function) or "",
        parameters=tuple(Parameter(item, "", "") for item in names),
        function=function,
        guesser=guesser,
        is_complex=False,
    )


def _from_file(name: str, folder: Path, options: Mapping[str, Any]) -> FitModel:
    file, attribute = name.rsplit(":", 1)
    return _from_module(name, _module((folder / file).resolve()), attribute, options)


def _from_module(name: str, module: Any, attribute: str, options: Mapping[str, Any]) -> FitModel:
    if not hasattr(module, attribute):
        raise RecipeError(f"model {name!r}: {module.__file__} has no {attribute!r}")
    found = getattr(module, attribute)
    if isinstance(found, FitModel):
        return _built(name, found, options)
    if options:
        raise RecipeError(
            f"model {name!r}: a function takes no options, got {', '.join(options)}; remove them"
        )
    if not callable(found):
        raise RecipeError(f"model {name!r}: wanted a function or a FitModel, got {found!r}")
    return model_from_function(found, getattr(module, f"{attribute}_guess", None), name=name)


@functools.lru_cache(maxsize=32)
def _module(path: Path) -> Any:
    if not path.is_file():
        raise RecipeError(f"model file {path}: wanted a Python file, found none")
    specification = importlib.util.spec_from_file_location(f"labspin_models_{path.stem}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    try:
        specification.loader.exec_module(module)
    except LabspinError:
        raise
    except Exception as error:
        raise RecipeError(
            f"model file {path}: could not be loaded: {type(error).__name__}: {error}"
        ) from error
    return module

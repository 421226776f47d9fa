"""How a fit model is found by its name, and what becomes of a function of one's own."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

from labspin.analysis.model import FitModel, FloatArray, Guess, Numbers, Parameter
from labspin.analysis.models.start_search import search_start
from labspin.arrays import Value
from labspin.errors import FitError, RecipeError
from labspin.plugins import Registry

__all__ = ["MODELS", "load_model", "model_from_function", "model_names", "offered_model"]

MODELS: Mapping[str, str] = {
    "stretched_exponential": "labspin.analysis.models.decays:STRETCHED_EXPONENTIAL",
    "recharging_decay": "labspin.analysis.models.decays:RECHARGING_DECAY",
    "double_exponential": "labspin.analysis.models.decays:DOUBLE_EXPONENTIAL",
    "gaussian_dips": "labspin.analysis.models.dips:gaussian_dips",
    "lorentzian_dips": "labspin.analysis.models.dips:lorentzian_dips",
    "hyperfine_dips": "labspin.analysis.models.hyperfine:hyperfine_dips",
    "gaussian_derivative": "labspin.analysis.models.derivative_lines:gaussian_derivative",
    "lorentzian_derivative": "labspin.analysis.models.derivative_lines:lorentzian_derivative",
    "odmr_spectrum": "labspin.analysis.models.odmr:odmr_spectrum",
    "mdmr_spectrum": "labspin.analysis.models.odmr:mdmr_spectrum",
    "noncontact_friction": "labspin.analysis.models.friction:noncontact_friction",
    "cross_relaxation_dip": "labspin.analysis.models.cross_relaxation:cross_relaxation_dip",
    "cross_relaxation_rate": "labspin.analysis.models.cross_relaxation:cross_relaxation_rate",
    "resonator_amplitude": "labspin.analysis.models.resonator:RESONATOR_AMPLITUDE",
    "resonator_response": "labspin.analysis.models.resonator:RESONATOR_RESPONSE",
    "resonator_phase": "labspin.analysis.models.resonator:RESONATOR_PHASE",
    "notch_resonator": "labspin.analysis.models.notch:NOTCH_RESONATOR",
    "ring_down": "labspin.analysis.models.ring_down:RING_DOWN",
    "complex_ring_down": "labspin.analysis.models.ring_down:COMPLEX_RING_DOWN",
    "ramsey": "labspin.analysis.models.coherence:ramsey",
    "echo_decay": "labspin.analysis.models.coherence:ECHO_DECAY",
    "decoupling_scaling": "labspin.analysis.models.coherence:DECOUPLING_SCALING",
    "ring_down_decibel": "labspin.analysis.models.decibel:RING_DOWN_DECIBEL",
    "saturation": "labspin.analysis.models.saturation:SATURATION",
    "rabi_ensemble": "labspin.analysis.models.rabi:RABI_ENSEMBLE",
    "rabi_oscillation": "labspin.analysis.models.oscillations:RABI_OSCILLATION",
    "spin_bath_shift": "labspin.analysis.models.kappa:spin_bath_shift",
    "three_level_relaxation": "labspin.analysis.models.relaxometry:THREE_LEVEL_RELAXATION",
    "film_relaxation": "labspin.analysis.models.film:film_relaxation",
    "film_layer_relaxation": "labspin.analysis.models.film_layer:film_layer_relaxation",
    "film_edge": "labspin.analysis.models.film_edge:film_edge",
    "spin_wave_shift": "labspin.analysis.models.film_shift:spin_wave_shift",
    "spin_wave_force": "labspin.analysis.models.film_shift:spin_wave_force",
    "thermal_spectrum": "labspin.analysis.models.thermal:thermal_spectrum",
}
"""Name -> module and its `FitModel`, or the function that makes one from options."""

_REGISTRY = Registry("model", "labspin.models", MODELS, RecipeError, "'file.py:function'")


def model_names() -> tuple[str, ...]:
    """Return the names of models that labspin and installed packages offer, sorted."""
    return _REGISTRY.names()


def load_model(name: str, *, folder: Path | None = None, **options: object) -> FitModel:
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
    found, module = _REGISTRY.locate(name, folder or Path())
    if isinstance(found, FitModel) or name in MODELS:
        return _built(name, found, options)
    if options:
        raise RecipeError(
            f"model {name!r}: a function takes no options, got {', '.join(options)}; remove them"
        )
    if not callable(found):
        raise RecipeError(f"model {name!r}: wanted a function or a FitModel, got {found!r}")
    guess = getattr(module, f"{getattr(found, '__name__', '')}_guess", None)
    return model_from_function(found, guess, name=name)


def offered_model(name: str) -> FitModel | None:
    """Return a model for how its fits are shown; None where it cannot be had without running a user's file.

    Parameters
    ----------
    name
        Name of the model as a fit records it. The code of ``"file.py:object"`` is not run for a picture.
    """
    if name not in model_names():
        return None
    try:
        return load_model(name)
    except (
        RecipeError
    ):  # the package of a stored fit may be gone or broken: its numbers are shown all the same
        return None


def _built(name: str, found: object, options: Mapping[str, object]) -> FitModel:
    if isinstance(found, FitModel):
        if options:
            raise RecipeError(f"model {name}: takes no options, got {', '.join(options)}; remove them")
        return found
    assert callable(found)  # of labspin's own table
    try:
        inspect.signature(found).bind(**options)
    except TypeError as error:
        raise RecipeError(f"model {name}: options {dict(options)!r}: {error}") from error
    _check_types(name, found, options)
    try:
        model = found(**options)
    except (TypeError, ValueError) as error:
        raise RecipeError(f"model {name}: options {dict(options)!r}: {error}") from error
    assert isinstance(model, FitModel)
    return model


_KINDS: tuple[tuple[str, type, str], ...] = (
    ("bool", bool, "true or false"),
    ("int", int, "a whole number"),
    ("str", str, "text"),
    ("float", float, "a number in SI units"),
)


def _check_types(name: str, function: Callable[..., object], options: Mapping[str, object]) -> None:
    """Refuse an option of another type than the function that makes the model says."""
    declared = _annotations(function)
    for option, value in options.items():
        annotation = declared.get(option)
        annotation = annotation.removesuffix(" | None") if isinstance(annotation, str) else annotation
        kind = next((one for one in _KINDS if annotation in (one[0], one[1])), None)
        if kind is None or value is None:
            continue
        wanted = (int, float) if kind[1] is float else kind[1]
        wrong = not isinstance(value, wanted) or (isinstance(value, bool) and kind[1] is not bool)
        if wrong:
            raise RecipeError(f"model {name}: {option}: wanted {kind[2]}, got {value!r}")


def _annotations(function: Callable[..., object]) -> dict[str, object]:
    """Return the types of options as they are written, those of a table that is handed on, too."""
    found: dict[str, object] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        table = re.fullmatch(r"Unpack\[(\w+)\]", str(parameter.annotation))
        if table is None:
            found[name] = parameter.annotation
            continue
        handed = getattr(function, "__globals__", {}).get(table[1])
        for option, written in getattr(handed, "__annotations__", {}).items():
            found[option] = getattr(written, "__forward_arg__", written)
    return found


def _returned(function: Callable[..., object]) -> str:
    """Return ``y = …``, what a function of one statement returns; empty where its text is not to be had."""
    try:
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    except (OSError, TypeError, ValueError, SyntaxError):
        return ""
    body = definition.body if isinstance(definition, ast.FunctionDef) else []
    only = body[0] if len(body) == 1 else None
    return f"y = {ast.unparse(only.value)}" if isinstance(only, ast.Return) and only.value else ""


def model_from_function(
    function: Callable[..., Numbers], guess: Guess | None = None, *, name: str = ""
) -> FitModel:
    """Return a model made from ``function(x, a, b=1.0, …)``; defaults in the signature are starting values.

    Parameters
    ----------
    function
        ``function(x, a, b=1.0, …)``; the first line of its docstring becomes the equation of the model.
    guess
        ``guess(x, y, weights)`` -> {name: value}, which replace the starting values; None: those of the
        signature, and for parameters without a default what `search_start` finds in the data.
    name
        Name of the model; empty: the name of the function.

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
    starts = {p.name: float(p.default) for p in signature[1:] if p.default is not p.empty}
    sought = [item for item in names if item not in starts]

    def guesser(x: FloatArray, y: FloatArray, weights: FloatArray | None) -> Mapping[str, Value]:
        if guess is not None:
            return {**dict.fromkeys(sought, 1.0), **starts, **guess(x, y, weights)}
        return {**starts, **search_start(function, starts, sought, (x, y, weights))}

    return FitModel(
        name=called,
        equation=(inspect.getdoc(function) or _returned(function) or called).split("\n", 1)[0],
        source=inspect.getsourcefile(function) or "",
        parameters=tuple(Parameter(item, "", "") for item in names),
        function=function,
        guesser=guesser,
        is_complex=False,
    )

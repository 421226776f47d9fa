"""Names of columns as a person writes them: beside axes, in legends and in labels of traces."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from labspin.errors import UnitError
from labspin.workspaces import quantity_text

if TYPE_CHECKING:
    from labspin.data import RunHeader

__all__ = ["place_words", "truth_words", "words_of_name"]

_WORDS = {
    "pl": "PL",
    "t1": "T1",
    "f0": "f₀",
    "q": "Q",
    "nv": "NV",
    "pi": "π",
    "snr": "SNR",
    "rms": "rms",
}
_WHOLE = {
    "f0": "resonance frequency f₀",
    "inverse_q": "1/Q",
    "inverse_quality": "1/Q",
    "cryostat_setpoint": "set-point of the cryostat",
    "difference": "PL contrast without − with π pulse",
    "contrast": "PL contrast (signal/reference)",
    "reflected_ratio": "reflected-light ratio",
    "pl_x": "PL in phase",
    "angle_x": "angle in phase",
    "coherence": "coherence (PL contrast, bright − dark)",
    "frequency_shift": "frequency shift Δf",
    "dissipation_shift": "Δ(1/Q)",
    "pulse_duration": "length of the microwave pulse",
    "pair_shift": "shift of both lines, δ₋ + δ₊",
    "light_shift": "shift by the light",
    "difference_lower": "difference by π on |−⟩",
    "difference_upper": "difference by π on |+⟩",
}
_DIRECTIONS = {1.0: "up", -1.0: "down"}
_LONG = 8  # numbers of a list that are all written


def words_of_name(name: str) -> str:
    """Return the name of a column in words, with the abbreviations of the field as they are written.

    Parameters
    ----------
    name
        Such as ``"magnet_field"``; what is no name of a column is returned as it is.
    """
    if not re.fullmatch(r"[\w ]+", name):
        return name
    words = re.split(r"[_ ]", name)
    if whole := _WHOLE.get("_".join(words)):
        return whole
    return " ".join(_WORDS.get(word, word) for word in words)


def place_words(name: str, value: float, unit: str) -> str:
    """Return where a trace was measured, in words.

    Parameters
    ----------
    name
        Name of a dimension, such as ``"magnet_field"`` or ``"direction"``.
    value, unit
        There.
    """
    if name == "direction" and value in _DIRECTIONS:
        return _DIRECTIONS[value]
    return f"{words_of_name(name)} {quantity_text(value, unit)}"


def truth_words(header: RunHeader) -> list[tuple[str, str]]:
    """Return what a simulated sample really is, in words: names, and values with their units.

    Parameters
    ----------
    header
        Header of a run; where nothing was simulated, there is nothing to say.
    """
    units = header.extra.get("truth_units")
    table = units if isinstance(units, Mapping) else {}
    return [
        (name, _truth_text(value, str(table.get(name, "1")))) for name, value in (header.truth or {}).items()
    ]


def _truth_text(value: object, unit: str) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_truth_text(one, unit)}" for name, one in value.items())
    if isinstance(value, (list, tuple)):
        shown = value if len(value) <= _LONG else [*value[:3], "…", *value[-2:]]
        tail = f" ({len(value)} values)" if len(value) > _LONG else ""
        return ", ".join(one if one == "…" else _truth_text(one, unit) for one in shown) + tail
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if unit in ("", "1"):
        return f"{value:.6g}"
    try:
        return quantity_text(float(value), unit, digits=6)
    except UnitError:
        return f"{value:.6g} {unit}"

"""Names of columns as a person writes them: beside axes, in legends and in labels of traces."""

from __future__ import annotations

import re

from labspin.workspaces import quantity_text

__all__ = ["place_words", "words_of_name"]

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
    "difference": "difference without − with π pulse",
    "coherence": "coherence (PL contrast, bright − dark)",
    "frequency_shift": "frequency shift Δf",
    "dissipation_shift": "Δ(1/Q)",
    "pulse_duration": "length of the microwave pulse",
}
_DIRECTIONS = {1.0: "up", -1.0: "down"}


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
        Of a dimension, such as ``"magnet_field"`` or ``"direction"``.
    value, unit
        There.
    """
    if name == "direction" and value in _DIRECTIONS:
        return _DIRECTIONS[value]
    return f"{words_of_name(name)} {quantity_text(value, unit)}"

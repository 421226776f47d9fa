"""Which columns of a file a person would fit: x and y, perhaps errors of y, each with the reason.

What the file itself says goes first (scales, NeXus, the set-points of a run). Else x is the first column of
a length whose name or unit is one that things are swept over, or that rises or falls throughout; y is the
first other column that is none of set-points, counters, time stamps and errors.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labspin.data.foreign.source import Contents, Item
from labspin.errors import DamagedFileError, RunFileError

__all__ = ["Pick", "pick_axes"]

_FEWEST = 4
_SWEPT = re.compile(
    r"(?:^|[\W_\d])(?:freq(?:uency|uenz)?|f|time|zeit|temps|t|tau|delay|field|b|wavelength|lambda|wavenumber|energy|"
    r"detuning|bias|gate|distance|position|temperature|power|drive|angle|x|x_value|pixel|evolution)(?:$|[\W_\d])",
    re.IGNORECASE,
)
_ERRORS = re.compile(
    r"(?:^|[\W_])(?:err(?:or)?s?|std(?:dev|err)?|sigma|sem|uncertainty|unc|fehler|unsicherheit|erreur|"
    r"incertitude|errore|d)(?:$|[\W_\d])",
    re.IGNORECASE,
)
_ASIDE = re.compile(
    r"(?:^|[\W_])(?:index|idx|nr|no|number|sequence|seq|chunk|timestamps?|time[_ ]?stamp|seq_num|point|"
    r"count_?number|n_?avgs?|averages|rep|repetition|comment|line|record|wall_?time|mask|valid)(?:$|[\W_\d])",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"(?:^|[\W_])(?:temp(?:erature|eratur)?|field|position|pressure|humidity|averaging time)(?:$|[\W_\d])",
    re.IGNORECASE,
)
"""What a signal was measured at, rather than a signal."""
_PARTS = (("x", "y"), ("re", "im"), ("real", "imag"), ("i", "q"), ("inphase", "quadrature"))
_SWEPT_UNITS = frozenset(
    {"s", "ms", "us", "µs", "ns", "Hz", "kHz", "MHz", "GHz", "nm", "1/cm", "T", "mT", "G", "K"}
)


@dataclass(frozen=True, kw_only=True)
class Pick:
    """What would be fitted, and why.

    Attributes
    ----------
    x, y
        Names of the columns.
    sigma
        Name of the standard errors of y; empty if there are none.
    why
        The reasons, one sentence each.
    others
        Names of further columns that could be y.
    """

    x: str
    y: str
    sigma: str = ""
    why: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def pick_axes(contents: Contents, *, x: str | None = None, y: str | None = None) -> Pick:
    """Return the columns of a file that a person would fit.

    Parameters
    ----------
    contents
        What the file offers.
    x, y
        Names that the user gave; None where the file is to say.

    Raises
    ------
    RunFileError
        There are no two columns of one length, or no column of a given name.
    """
    lines = [item for item in contents.items if len(item.shape) == 1 and item.shape[0] >= _FEWEST]
    numeric = [item for item in lines if item.dtype != "text" or _holds_numbers(contents, item)]
    numeric = _without_counters(contents, numeric)
    if x is not None:
        return _beside(contents, numeric, x, y)
    told = [item for item in numeric if item.along and contents.find(item.along) is not None]
    if y is not None:
        chosen = contents.find(y)
        told = [item for item in told if item is chosen]
    usable = [item for item in told if not _is_aside(item)]
    if usable:
        first = usable[0]
        axis = contents.find(first.along)
        name = first.along if axis is None else axis.name
        return _pick(
            name, first, usable, numeric, f"the file says that {_quoted(first)} was measured against it"
        )
    return _by_looks(contents, numeric, y)


def _by_looks(contents: Contents, items: Sequence[Item], y: str | None) -> Pick:
    chosen = None if y is None else contents.find(y)
    for group in _groups(items):
        if chosen is not None and chosen not in group:
            continue
        axis, why = _axis(contents, [item for item in group if item is not chosen])
        if axis is None:
            continue
        rest = [item for item in group if item is not axis and (chosen is None or item is chosen)]
        signals = _signals(rest)
        both = _both_parts(axis, signals) if chosen is None else None
        if both is not None:
            real, imaginary = both
            because = "their names say that they are the two parts of a response; --y takes one alone"
            reasons = (f"x = {axis.name}: {why}", f"y = {real.name} + 1j*{imaginary.name}: {because}")
            others = tuple(item.name for item in signals)
            return Pick(x=axis.name, y=f"{real.name} + 1j*{imaginary.name}", why=reasons, others=others)
        return _pick(axis.name, signals[0], signals, group, why)
    offered = ", ".join(str(item.entry) for item in contents.items[:12]) or "none at all"
    wanted = "two columns of one length"
    if _groups(items):
        wanted = "a column that rises or falls throughout, to be x"
    elif _groups([item for item in contents.items if len(item.shape) == 1]):
        wanted = f"two columns of at least {_FEWEST} numbers"
    raise RunFileError(f"{contents.path}: wanted {wanted}, got {offered}; name them with --x and --y")


def _signals(items: Sequence[Item]) -> list[Item]:
    """Return the columns that may be y, those that say at what it was measured last."""
    found = [item for item in items if not _is_aside(item) and not _ERRORS.search(item.name)] or list(items)
    return sorted(found, key=lambda item: bool(_CONDITION.search(item.name.rpartition("/")[2])))


def _both_parts(axis: Item, signals: Sequence[Item]) -> tuple[Item, Item] | None:
    """Return real and imaginary part of a response against frequency, if the first two signals are these."""
    against = axis.unit.endswith("Hz") or axis.name.rpartition("/")[2].lower().startswith("freq")
    if (
        not against
        or len(signals) < 2
        or signals[0].unit != signals[1].unit
        or signals[0].shape != signals[1].shape
    ):
        return None
    names = [item.name.rpartition("/")[2] for item in signals[:2]]
    for pair in _PARTS:
        marks = [
            re.search(rf"(?:^|[\W_]){word}(?:$|[\W_\d])", name, re.IGNORECASE)
            for word, name in zip(pair, names, strict=True)
        ]
        if all(marks):
            return signals[0], signals[1]
    return None


def _beside(contents: Contents, items: Sequence[Item], x: str, y: str | None) -> Pick:
    """Return the first column that can stand beside a given x."""
    if y is not None:
        return Pick(x=x, y=y)
    axis = contents.find(x)
    length = contents.read({"x": x})["x"].values.shape
    rest = [item for item in items if item is not axis and item.shape == length]
    signals = _signals(rest)
    if not signals:
        raise RunFileError(f"{contents.path}: no column has as many numbers as {x!r}; name one with --y")
    return _pick(x, signals[0], signals, items, "as asked for")


def _pick(x: str, y: Item, signals: Sequence[Item], group: Sequence[Item], why: str) -> Pick:
    sigma = _sigma(y, group)
    reasons = [f"x = {x}: {why}", f"y = {y.name}: " + ("the only other column" if len(signals) == 1 else
               f"the first of {len(signals)} that could be; --y takes another")]  # fmt: skip
    if sigma:
        reasons.append(f"sigma = {sigma}: its name says that it holds the errors of {y.name}")
    others = tuple(item.name for item in signals if item is not y)
    return Pick(x=x, y=y.name, sigma=sigma, why=tuple(reasons), others=others)


def _groups(items: Sequence[Item]) -> list[list[Item]]:
    """Return columns of one folder and one length together, in the order of the file, alone ones left out."""
    groups: dict[tuple[str, int], list[Item]] = {}
    by_length: dict[int, list[Item]] = {}
    for item in items:
        groups.setdefault((item.name.rpartition("/")[0], item.shape[0]), []).append(item)
        by_length.setdefault(item.shape[0], []).append(item)
    return [group for group in [*groups.values(), *by_length.values()] if len(group) > 1]


def _axis(contents: Contents, group: Sequence[Item]) -> tuple[Item | None, str]:
    """Return what was swept in a group, and by which sign it is known."""
    candidates = [item for item in group if not _is_aside(item) and not _ERRORS.search(item.name)]
    named = [item for item in candidates if _SWEPT.search(item.name.rpartition("/")[2])]
    for item in named:
        if _is_monotone(contents, item):
            return item, f"its name says that it was swept, and it {_course(contents, item)}"
    for item in candidates:
        if item.unit in _SWEPT_UNITS and _is_monotone(contents, item):
            return item, f"its unit is {item.unit}, and it {_course(contents, item)}"
    for item in candidates:
        if _is_monotone(contents, item):
            return item, f"the first column that {_course(contents, item)} throughout"
    if named:
        most = max(named, key=lambda item: _variation(contents, item))
        return most, "its name says that it was swept" + (", and it varies most" if len(named) > 1 else "")
    return None, ""


def _variation(contents: Contents, item: Item) -> float:
    """Return by how much of its size a column varies: a loop at one temperature is one of the field."""
    values = contents.read({"x": item.name})["x"].values
    there = np.abs(values[np.isfinite(values)]) if values.dtype.kind != "c" else np.zeros(0)
    return float(np.ptp(there) / there.max()) if there.size and there.max() > 0 else 0.0


def _is_aside(item: Item) -> bool:
    return bool(_ASIDE.search(item.name.rpartition("/")[2]))


def _without_counters(contents: Contents, items: Sequence[Item]) -> list[Item]:
    """Return columns without those that have no title, where others have, and count up by one."""
    bare = [item for item in items if re.fullmatch(r"column \d+|Unnamed: \d+", item.name)]
    if len(bare) == len(items):
        return list(items)
    counters = []
    for item in bare:
        values = contents.read({"x": item.name})["x"].values
        if np.array_equal(np.diff(values), np.ones(values.size - 1)):
            counters.append(item)
    return [item for item in items if item not in counters]


def _sigma(y: Item, group: Sequence[Item]) -> str:
    """Return the column whose name is that of y with a word for errors; or the only one of errors."""
    last = y.name.rpartition("/")[2].lower()
    errors = [item for item in group if item is not y and item.shape == y.shape and _ERRORS.search(item.name)]
    errors = [item for item in errors if item.unit in ("", y.unit)]
    for item in errors:
        if last in item.name.lower():
            return item.name
    if len(errors) != 1:
        return ""
    others = [item for item in group if item is not y and item is not errors[0]]
    beside = group.index(errors[0]) == group.index(y) + 1 and errors[0].unit == y.unit != ""
    for_another = any(item.name.rpartition("/")[2].lower() in errors[0].name.lower() for item in others)
    return errors[0].name if len(others) == 1 or (beside and not for_another) else ""


def _holds_numbers(contents: Contents, item: Item) -> bool:
    try:
        return bool(np.isfinite(contents.read({"y": item.name})["y"].values).sum() >= _FEWEST)
    except DamagedFileError:
        return False


def _is_monotone(contents: Contents, item: Item) -> bool:
    values = contents.read({"x": item.name})["x"].values
    if values.dtype.kind == "c":
        return False
    steps = np.diff(values[np.isfinite(values)].astype(np.float64))
    return bool(steps.size and (np.all(steps > 0) or np.all(steps < 0)))


def _course(contents: Contents, item: Item) -> str:
    values = contents.read({"x": item.name})["x"].values
    return "rises" if values[0] < values[-1] else "falls"


def _quoted(item: Item) -> str:
    return repr(item.name)

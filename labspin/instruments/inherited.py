"""pymeasure's own properties under labspin's rules: what they would clip is refused, and refusals are read.

A driver on a class of pymeasure has all of its properties, also those that no role needs. Many of them clip
silently (``truncated_range``), some check nothing, and hardly any asks the instrument whether it took the
value. `keep_rules` replaces them, when a driver class is made, by properties of the same words on the wire
that refuse with a `LimitError`, and that read the instrument's errors afterwards where the driver can.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

from labspin.errors import LimitError
from labspin.instruments.limits import check_limits, listed
from labspin.instruments.pymeasure import validators

__all__ = ["Inherited", "keep_rules"]


class Inherited(property):
    """A property of pymeasure's under labspin's rules; its docstring is pymeasure's."""


def keep_rules(driver: type) -> None:
    """Replace the settable properties that ``driver`` has from pymeasure by ones that refuse wrong values.

    Parameters
    ----------
    driver
        Class of a driver; it is changed.
    """
    for name, member in inspect.getmembers_static(driver):
        if type(member) is not property or member.fset is None or not _is_pymeasures(driver, name):
            continue
        how = inspect.signature(member.fset).parameters
        if "validator" in how and how["set_command"].default is not None:
            setattr(driver, name, _refusing(driver, name, member, how))


def _is_pymeasures(driver: type, name: str) -> bool:
    owner = next((base for base in driver.__mro__ if name in vars(base)), object)
    return owner.__module__.startswith("pymeasure.")


def _refusing(driver: type, name: str, member: property, how: Mapping[str, inspect.Parameter]) -> Inherited:
    write: Any = member.fset
    command = str(how["set_command"].default)
    check = _checked(f"{driver.__name__} {name}", how["validator"].default, command)
    reads_errors = not _is_pymeasures(driver, "check_set_errors")

    def fset(self: object, value: object) -> None:
        write(self, value, validator=check, check_set_errors=reads_errors)

    return Inherited(member.fget, fset, doc=member.__doc__)


def _checked(
    name: str, validate: Callable[[object, object], object], command: str
) -> Callable[[object, object], object]:
    """Return a validator that refuses where ``validate`` would clip, and what ``command`` cannot say."""

    def check(value: Any, values: Any) -> Any:
        if validate is validators.truncated_range:
            found: Any = check_limits(name, value, min(values), max(values))
        elif validate is validators.truncated_discrete_set:
            found = listed(name)(value, values)
        else:
            found = _validated(name, validate, value, values)
        is_word = any(isinstance(one, (str, bool)) for one in values)  # which pymeasure maps to what is sent
        if not is_word and "%s" not in command:
            _refuse_what_is_no_number(name, found, whole="%d" in command)
        return found

    return check


def _validated(name: str, validate: Callable[[Any, Any], Any], value: Any, values: Any) -> object:
    try:
        return validate(value, values)
    except (ValueError, TypeError, KeyError) as error:
        wanted = f"one of {', '.join(map(str, values))}" if values else "one of the instrument's values"
        raise LimitError(
            f"{name}: wanted {wanted}, got {value!r}; nothing was sent to the instrument"
        ) from error


def _refuse_what_is_no_number(name: str, value: Any, *, whole: bool) -> None:
    try:
        good = math.isfinite(value) and (not whole or float(value).is_integer())
    except TypeError:
        good = False
    if not good:
        wanted = "a whole number" if whole else "a number"
        raise LimitError(f"{name}: wanted {wanted}, got {value!r}; nothing was sent to the instrument")

"""What a procedure measured, compared by name with what it declared.

A name that was not declared or one that is missing is an error at the first point, not a column of ``nan`` in
the morning. Shapes and types are compared by the writer, which has to convert them anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from labspin.data import Column
from labspin.errors import PlanError

__all__ = ["readings_in_order"]


def readings_in_order(
    procedure: str, columns: Sequence[Column]
) -> Callable[[Mapping[str, object]], tuple[object, ...]]:
    """Return a function that turns what ``measure()`` returns into the values of ``columns``, in order.

    It raises `PlanError` where the names are not those of the columns.

    Parameters
    ----------
    procedure
        Name of the procedure, for errors.
    columns
        The declared quantities, in the order of the record.
    """
    names = tuple(column.name for column in columns)
    expected = frozenset(names)

    def read(measured: Mapping[str, object]) -> tuple[object, ...]:
        if type(measured) is not dict and not isinstance(measured, Mapping):
            raise PlanError(f"procedure {procedure!r}: wanted measure() to return {names}, got {measured!r}")
        if measured.keys() != expected:
            missing, unknown = sorted(expected - measured.keys()), sorted(measured.keys() - expected)
            raise PlanError(
                f"procedure {procedure!r}: wanted measure() to return {names}, but {missing} are missing and "
                f"{unknown} are not declared; declare every quantity and return every declared one"
            )
        return tuple([measured[name] for name in names])

    return read

"""One number of a paper beside the same number here."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Quoted"]


@dataclass(frozen=True)
class Quoted:
    """One number of a paper and the same number here."""

    source: str  # [NV] p. 3
    quantity: str
    unit: str
    quoted: float | str  # the words, where a text gives no number: "several Hz"
    computed: float
    comment: str  # agrees | erratum | … , and why

    @property
    def ratio(self) -> float | None:
        """Computed over quoted; None where words or nothing are quoted."""
        return None if isinstance(self.quoted, str) or self.quoted == 0 else self.computed / self.quoted

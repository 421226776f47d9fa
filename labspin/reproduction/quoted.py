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
    quoted: float
    computed: float
    comment: str  # agrees | erratum | … , and why

    @property
    def ratio(self) -> float:
        """Computed over quoted."""
        return self.computed / self.quoted

"""How much an archive may unpack to: what is packed a hundredfold, and large, is no measured data."""

from __future__ import annotations

import zipfile
from pathlib import Path

__all__ = ["refuse_bomb"]

_LARGE = 1 << 28  # bytes that an archive may hold whatever it was packed to
_MOST_PACKED = 100  # times to which measured data can be packed


def refuse_bomb(path: Path) -> None:
    """Refuse an archive that unpacks to more than the memory should hold, and more than data do.

    Parameters
    ----------
    path
        A zip archive; any other file passes.

    Raises
    ------
    ValueError
        The archive claims too much.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    whole, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
    if whole > _LARGE and whole > _MOST_PACKED * packed:
        raise ValueError(
            f"its {packed / 1e6:.3g} MB claim to unpack to {whole / 1e6:.3g} MB; unpack it yourself "
            "if it is meant, and hand over the arrays"
        )

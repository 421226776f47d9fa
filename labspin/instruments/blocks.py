"""Answers that are binary blocks (``#42048…``, IEEE 488.2), as one exchange that cannot be confused."""

from __future__ import annotations

from labspin.errors import InstrumentError, ReplyError
from labspin.instruments.base import Guarded
from labspin.instruments.wire import visa

__all__ = ["ReadsBlocks"]


class ReadsBlocks(Guarded):
    """Mix-in for drivers whose instrument answers with definite-length blocks; a base before `Guarded`."""

    def ask_block(self, command: str, size: int) -> bytes:
        """Return the bytes of the block that ``command`` asks for; no line end follows it.

        Parameters
        ----------
        command
            The question, without line end.
        size
            Number of bytes that the block must have.

        Raises
        ------
        ReplyError
            Something else came.
        """
        line = self._line
        with line.lock:
            try:
                self._make_ready(line)
                line.unanswered.append(command)
                self.adapter.write(command)
                data = self._block(command, size)
                line.unanswered.clear()
            except (InstrumentError, visa().errors.Error, OSError) as error:
                raise self._complaint(command, error, 1) from error
        return data

    def _block(self, command: str, size: int) -> bytes:
        head: bytes = self.adapter.read_bytes(2)
        digits: bytes = self.adapter.read_bytes(int(head[1:])) if head[1:].isdigit() else b""
        if head[:1] != b"#" or not digits.isdigit() or int(digits) != size:
            raise ReplyError(
                f"wanted a block of {size} bytes, got {head + digits!r}; check the length that was asked for"
            )
        return bytes(self.adapter.read_bytes(size))

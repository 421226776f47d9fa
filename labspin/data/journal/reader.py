"""Reading a journal without trusting it; `journal` describes what a journal is."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from labspin.data.journal.layout import MAGIC, RECORD_HEAD, require_plain_file
from labspin.data.plain import unpack_each
from labspin.errors import DamagedFileError, NotARunFileError, RunFileError
from labspin.system import reason_of

__all__ = ["JournalReader", "sound_end"]

_BLOCK = 1 << 20
_WINDOW = 1 << 22  # bytes in which a sound record is looked for at once
# Every payload begins with a short msgpack array whose first item is a small number.
_PAYLOAD = re.compile(rb"[\x90-\x9f][\x00-\x0f]")


class JournalReader:
    """Reads the records of a journal, of a live one too; call `records` again for what came since.

    Nothing in the file is trusted: lengths are compared with the file before anything is read, every record
    must match its checksum, and decoding makes data only.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.position = len(MAGIC)
        """Bytes up to which everything was read and sound."""
        try:
            require_plain_file(path)
            self._file = path.open("rb", buffering=1 << 16)
        except OSError as error:
            raise RunFileError(f"{path}: cannot be read: {reason_of(error)}") from error
        try:
            magic = self._file.read(len(MAGIC))
        except OSError as error:
            self._file.close()
            raise RunFileError(f"{path}: cannot be read: {reason_of(error)}") from error
        if magic != MAGIC:
            self._file.close()
            raise self._foreign(magic)

    def _foreign(self, magic: bytes) -> RunFileError:
        if not magic:
            return DamagedFileError(f"{self.path}: the journal is empty; it holds no run and can be deleted")
        if magic[:-1] == MAGIC[:-1]:
            return NotARunFileError(f"{self.path}: written by a newer labspin; update labspin to read it")
        if MAGIC.startswith(magic):
            return DamagedFileError(f"{self.path}: the journal is cut short before its first record")
        return NotARunFileError(f"{self.path}: not a labspin journal; it does not begin like one")

    def __enter__(self) -> JournalReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def size(self) -> int:
        """Bytes in the file now."""
        return os.fstat(self._file.fileno()).st_size

    def batches(self) -> Iterator[list[bytes]]:
        """Yield the payloads of the sound records from `position` on, up to the first that is not."""
        block, sound = _BLOCK, True
        while sound and self.position < (size := self.size):
            self._file.seek(self.position)
            data = self._file.read(min(block, size - self.position))
            # The header comes alone: it says how to take the rest.
            batch, place, wanted, sound = _split(data, only_first=self.position == len(MAGIC))
            if batch:
                self.position += place
                block = _BLOCK
                yield batch
            elif not wanted or self.position + wanted > size or not self._is_sound(data):
                return
            else:
                block = wanted  # one record that is longer than a block

    def record_batches(self) -> Iterator[list[list[Any]]]:
        """Yield the sound records, decoded, from `position` on, many at a time; the first one comes alone.

        Raises
        ------
        DamagedFileError
            A record whose checksum is right does not hold what a record holds.
        """
        for batch in self.batches():
            records = unpack_each(batch)
            for record in records:
                if type(record) is not list or not record or type(record[0]) is not int:
                    raise DamagedFileError(f"{self.path}: a record before byte {self.position} is no list")
            yield records

    def records(self) -> Iterator[list[Any]]:
        """Yield each record of `record_batches`; to be used up, or the rest of a batch is passed over."""
        for batch in self.record_batches():
            yield from batch

    def tail(self) -> Literal["clean", "torn", "damaged"]:
        """Return what follows `position`: nothing, one incomplete record, or damage."""
        if self.position == self.size:
            return "clean"
        return "torn" if self._next_sound() is None else "damaged"

    def require_sound(self) -> None:
        """Raise `DamagedFileError` if sound records stand behind a bad one."""
        if self.tail() == "damaged":
            raise DamagedFileError(
                f"{self.path}: damaged at byte {self.position} of {self.size}, with good records after it; "
                "make a copy, then recover it with salvage to keep all records that are sound"
            )

    def skip_damage(self) -> bool:
        """Continue at the next sound record behind a bad one; return whether there is any."""
        place = self._next_sound()
        if place is None:
            return False
        self.position = place
        return True

    def _next_sound(self) -> int | None:
        """Return where the next sound record begins, at a cost bounded by a few passes over the file."""
        size, head = self.size, RECORD_HEAD.size
        work = 4 * (size - self.position) + (1 << 20)
        begin = self.position + 1  # of the first record that may be sound
        while begin + head < size:
            self._file.seek(begin)
            window = self._file.read(_WINDOW + head + 1)
            for candidate in _PAYLOAD.finditer(window, head):
                place = candidate.start() - head
                length, checksum = RECORD_HEAD.unpack_from(window, place)
                payload = begin + candidate.start()
                if not length or payload + length > size or work < length:
                    continue
                work -= length
                if self._checksum(payload, length) == checksum:
                    return begin + place
            begin += _WINDOW
        return None

    def _is_sound(self, data: bytes) -> bool:
        """Return whether the record that begins here with ``data`` is sound, before it is read whole."""
        length, checksum = RECORD_HEAD.unpack_from(data)
        return bool(self._checksum(self.position + RECORD_HEAD.size, length) == checksum)

    def _checksum(self, begin: int, length: int) -> int:
        """Return the checksum of a part of the file, which may be long."""
        checksum, end = 0, begin + length
        self._file.seek(begin)
        while begin < end and (block := self._file.read(min(_BLOCK, end - begin))):
            checksum, begin = zlib.crc32(block, checksum), begin + len(block)
        return checksum


def _split(data: bytes, *, only_first: bool) -> tuple[list[bytes], int, int, bool]:
    """Part a block into records.

    Returns
    -------
    batch, place, wanted, sound
        The payloads, where they end, the length of the record that the block does not hold whole (0 if it
        holds not even its head), and whether no bad record was met.
    """
    batch: list[bytes] = []
    place, size = 0, len(data)
    head, crc32, overhead = RECORD_HEAD.unpack_from, zlib.crc32, RECORD_HEAD.size
    while place + overhead <= size:
        length, checksum = head(data, place)
        end = place + overhead + length
        if end > size:
            return batch, place, overhead + length, True
        payload = data[place + overhead : end]
        if not length or crc32(payload) != checksum:
            return batch, place, 0, False
        batch.append(payload)
        place = end
        if only_first:
            break
    return batch, place, 0, True


def sound_end(path: Path) -> int:
    """Return where the last sound record of a journal ends; only a torn record may follow.

    Parameters
    ----------
    path
        The journal.

    Returns
    -------
        Position, bytes from the start of the file.

    Raises
    ------
    RunFileError
        The journal cannot be read, is none, or is damaged.
    """
    with JournalReader(path) as reader:
        for _ in reader.batches():
            continue
        reader.require_sound()
        return reader.position

"""TDMS, the format of LabVIEW: ``group/channel``, and ``group/channel:time`` where it is a waveform.

Time stamps are seconds since the first; the attribute ``start`` holds its time.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from labspin.data.foreign.source import Contents, Item, damage, need_package
from labspin.data.foreign.titles import split_title, unit_of
from labspin.data.plain import plain
from labspin.errors import DamagedFileError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nptdms import TdmsChannel, TdmsFile

__all__ = ["read_tdms"]

_TIME = ":time"
_UNIT_PROPERTIES = ("unit_string", "NI_UnitDescription", "Unit", "unit", "units")


def read_tdms(path: Path) -> Contents:
    """Return the channels of a TDMS file.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    DamagedFileError
        It is cut short or corrupted.
    RunFileError
        npTDMS is not installed.
    """
    try:
        open_file = importlib.import_module("nptdms").TdmsFile.open
    except ImportError as error:
        raise need_package(path, "a TDMS file", "npTDMS") from error
    with damage(path), _heard(path), path.open("rb") as raw, open_file(raw) as file:
        items = [item for channel in _channels(file) for item in _items(path, open_file, channel)]
        attributes = {key: plain(value) for key, value in file.properties.items()}
        attributes = {key: str(value) for key, value in attributes.items()}
    return Contents(kind="a TDMS file", path=path, items=items, attributes=attributes)


@contextlib.contextmanager
def _heard(path: Path) -> Iterator[None]:
    """Turn into an error what npTDMS only logs: that a file is cut short, or its text damaged."""
    said: list[str] = []
    logger = logging.getLogger("nptdms")
    handler = _Listener(said)
    console = importlib.import_module("nptdms.log").log_manager.console_handler  # of each of its modules
    before = logger.handlers[:], logger.propagate, console.level
    logger.handlers, logger.propagate = [handler], False
    console.setLevel(logging.CRITICAL + 1)
    try:
        yield
    except NotImplementedError as error:  # a kind of data that the reader lacks, or a damaged number of it
        raise DamagedFileError(f"{path}: cut short or corrupted: {error}") from error
    finally:
        logger.handlers, logger.propagate = before[:2]
        console.setLevel(before[2])
    if said:
        raise DamagedFileError(f"{path}: cut short or corrupted: {said[0][:200]}")


class _Listener(logging.Handler):
    """Keeps warnings."""

    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what a record says."""
        self._said.append(record.getMessage())


def _items(path: Path, open_file: Callable[[BinaryIO], TdmsFile], channel: TdmsChannel) -> Iterator[Item]:
    title = f"{channel.group_name}/{channel.name}"
    head, slash, last = title.rpartition("/")
    short, unit = split_title(last)
    name = f"{head}{slash}{short}"
    shape = (len(channel),)
    stamps = np.dtype(channel.dtype).kind == "M"
    waveform = "wf_increment" in channel.properties and not stamps
    load = functools.partial(_values, path, open_file, channel.group_name, channel.name)
    yield Item(
        name=name,
        title=title,
        shape=shape,
        dtype="float64" if stamps else str(np.dtype(channel.dtype)),
        unit="s" if stamps else (_unit(channel) or unit),
        along=name + _TIME if waveform else "",
        load=load,
        attributes={
            key: plain(str(value) if _is_stamp(value) else value) for key, value in channel.properties.items()
        },
    )
    if waveform:
        yield Item(name=name + _TIME, shape=shape, unit="s", load=functools.partial(load, time=True))


def _values(
    path: Path, open_file: Callable[[BinaryIO], TdmsFile], group: str, name: str, *, time: bool = False
) -> NDArray[np.generic]:
    with _heard(path), path.open("rb") as raw, open_file(raw) as file:
        channel = file[group][name]
        if time:
            return np.asarray(channel.time_track())
        values = np.asarray(channel[:])
    if values.dtype.kind == "M":
        return np.asarray((values - values[:1]) / np.timedelta64(1, "s"), np.float64)
    return values


def _is_stamp(value: object) -> bool:
    return isinstance(value, np.datetime64)


def _channels(file: TdmsFile) -> Iterator[object]:
    """Yield the channels that hold numbers or time stamps."""
    for group in file.groups():
        for channel in group.channels():
            if np.dtype(channel.dtype).kind in "biufcM":
                yield channel


def _unit(channel: TdmsChannel) -> str:
    for key in _UNIT_PROPERTIES:
        if isinstance(value := channel.properties.get(key), str):
            return unit_of(value)
    return ""

"""The file system of the SMB100A as far as clients look at it: lists are files in the user's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labspin.twin.wire import Command, CommandError, Unit, ask, one_argument

if TYPE_CHECKING:
    from labspin.twin.devices.smb100a import SMB100A

__all__ = ["file_lines"]

_SIZE, _FREE = 1024, 500_000_000  # bytes: of a list, and of what is left
_ENDING = ".lsw"


def _catalogue(device: SMB100A, call: Unit) -> str:
    """Return used and free bytes, and name, type and size of every file of the folder."""
    files = [f'"{name}{_ENDING},BIN,{_SIZE}"' for name in device.state.lists]
    folders = ['".,DIR,0"', '"..,DIR,0"']
    return ",".join([str(_SIZE * len(files)), str(_FREE), *folders, *files])


def _change_folder(device: SMB100A, call: Unit) -> None:
    device.state.folder = one_argument(call).strip("\"'")


def _delete(device: SMB100A, call: Unit) -> None:
    name = one_argument(call).strip("\"'").rsplit("/", 1)[-1].removesuffix(_ENDING)
    if device.state.lists.pop(name, None) is None:
        raise CommandError(-256, "File name not found")


def file_lines() -> tuple[Command, ...]:
    """Return the lines of ``MMEMory``; contents of files are not simulated."""
    return (
        Command("MMEMory:CATalog", ask=_catalogue),
        ask("MMEMory:CATalog:LENGth", lambda device: str(len(device.state.lists) + 2)),
        Command("MMEMory:CDIRectory", lambda device, call: f'"{device.state.folder}"', _change_folder),
        ask("MMEMory:MSIS", lambda device: '"/var"'),
        Command("MMEMory:DELete", do=_delete),
    )

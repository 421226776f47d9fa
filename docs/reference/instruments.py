"""Write `instruments.md`, the page of all instruments, out of what the code says about them.

Run ``python docs/reference/instruments.py`` after a driver or a simulated instrument has changed; a test
compares the page with the code.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
import textwrap
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from labspin.errors import ArgumentError
from labspin.instruments import ACTUATORS, DRIVERS, CompositeAdapter, DriverEntry, load_driver
from labspin.instruments.base import Guarded
from labspin.twin.devices import DEVICES
from labspin.twin.wire import spellings
from labspin.units import format_quantity

PAGE = Path(__file__).with_suffix(".md")
LISTED = tomllib.loads(Path(__file__).with_name("commands.toml").read_text(encoding="utf-8"))
HEAD = """\
# Instruments

What every driver is for, how it is addressed, what its hardware allows, what making it safe does, what is
worth knowing about the device, and what its simulated counterpart does and does not. The page is written by
`python docs/reference/instruments.py` out of the code, where the same words stand; options are explained in
[station files](station-file.md), the clients of other frameworks in [foreign programs](interop.md), and how
a laboratory adds its own device in [add an instrument](../how-to/add-an-instrument.md).
"""


def paragraphs(text: str | None) -> list[str]:
    """Return the paragraphs of a docstring as Markdown; the items of a list are one."""
    plain = re.sub(r"``(.+?)``", r"`\1`", inspect.cleandoc(text or ""), flags=re.DOTALL)
    return re.split(r"\n\s*\n", plain)


def first_sentence(member: Any) -> str:
    return " ".join(paragraphs(member.__doc__)[0].split())


def device_of(entry: DriverEntry) -> str:
    """Return the device in words: the first line of the driver's module."""
    return paragraphs(inspect.getmodule(entry.adapter).__doc__)[0].splitlines()[0].rstrip(".")


def quirks_of(entry: DriverEntry) -> list[str]:
    """Return the paragraphs of the driver's module from the quirks on."""
    found = paragraphs(inspect.getmodule(entry.adapter).__doc__)
    start = next(n for n, text in enumerate(found) if text.startswith("Quirks"))
    return found[start:]


def address_of(entry: DriverEntry) -> str:
    """Return the form of an address, as the driver says it of a wrong one."""
    if issubclass(entry.adapter, CompositeAdapter):
        parts = ", ".join(f"`{part}` ({role})" for part, role in entry.adapter.parts.items())
        return f"none of its own; it is made of {parts}"
    try:
        entry.adapter.check_address("")
    except ArgumentError as error:
        return str(error).removeprefix("wanted ").rpartition(", got ")[0]
    raise AssertionError(f"{entry.name} takes an empty address")


def limits_of(entry: DriverEntry) -> list[str]:
    units = {**ACTUATORS[entry.role], **entry.adapter.units}
    return [
        f"`{name}` {format_quantity(least, units[name], digits=6)} to "
        f"{format_quantity(greatest, units[name], digits=6)}"
        for name, (least, greatest) in entry.adapter.ranges().items()
    ]


def options_of(entry: DriverEntry) -> list[str]:
    found = []
    for field in dataclasses.fields(entry.adapter.options):
        made = field.default_factory
        default = field.default if made is dataclasses.MISSING else made()
        unit = field.metadata.get("unit", "")
        found.append(f"`{field.name}` ({default!r}{' ' + unit if unit and default is not None else ''})")
    return found


def twin_of(name: str) -> list[str]:
    """Return what the module of the simulated instrument says, and those that it refers to."""
    module = inspect.getmodule(DEVICES[name])
    home = module.__name__.removesuffix("_commands")
    texts = paragraphs(sys.modules[home].__doc__)
    for other in re.findall(r"`(labspin\.twin\.devices\.\w+)`", "\n".join(texts)):
        texts += paragraphs(sys.modules[other].__doc__)
    return texts


def known_commands(name: str) -> Iterable[str]:
    """Return how many of the commands that `commands.toml` lists the simulated instrument knows."""
    if name not in LISTED:
        return
    listed = [word.rstrip("?!") for word in LISTED[name]["commands"].split()]
    table = DEVICES[name].table
    missing = [word for word in listed if not all(spelling in table for spelling in spellings(word))]
    refused = LISTED[name].get("refused", "").split()
    own = f"; refused with its own error: {', '.join(f'`{word}`' for word in refused)}" if refused else ""
    rest = f"; not simulated: {', '.join(f'`{word}`' for word in missing)}" if missing else ""
    yield (
        f"Knows {len(listed) - len(missing)} of {len(listed)} commands of {LISTED[name]['source']}{own}{rest}.\n"
    )


def section(entry: DriverEntry) -> Iterable[str]:
    yield f"## {entry.name}\n"
    yield f"{device_of(entry)}.\n"
    yield f"- role: `{entry.role}` (`{entry.adapter.__module__}:{entry.adapter.__name__}`)"
    yield f"- address: {address_of(entry)}"
    if limits := limits_of(entry):
        yield f"- limits: {'; '.join(limits)}"
    if options := options_of(entry):
        yield f"- options (and what they are if left out): {', '.join(options)}"
    if relied := entry.adapter.relied_on:
        names = ", ".join(f"`{name.removeprefix('device.')}`" for name in relied)
        yield f"- read back and compared in a run: {names}"
    if entry.adapter.tells_doubts():
        yield f"- asked at every point: {first_sentence(entry.adapter.doubts).removeprefix('Return ')}"
    if issubclass(entry.driver, Guarded):
        how = "with the question" if entry.driver.takes_several else "in a second message"
        yield f"- an answer on a socket or serial port is confirmed by a marker: {how}"
    safe = entry.adapter if "safe" in vars(entry.adapter) or entry.name not in DEVICES else entry.driver
    yield f"- made safe: {first_sentence(safe.safe)}\n"
    yield from (f"{text}\n" for text in quirks_of(entry))
    if entry.name in DEVICES:
        yield "### Simulated\n"
        yield from known_commands(entry.name)
        yield from (f"{text}\n" for text in twin_of(entry.name))


def render() -> str:
    """Return the page."""
    entries = [load_driver(name) for name in DRIVERS]
    rows = [f"| [`{e.name}`](#{e.name}) | {device_of(e)} | `{e.role}` |" for e in entries]
    table = "\n".join(["| driver | device | role |", "| --- | --- | --- |", *rows])
    return "\n".join([HEAD, table, "", *(line for entry in entries for line in section(entry))])


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")

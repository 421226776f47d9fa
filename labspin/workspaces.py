"""The laboratory's workspace: who works here, which samples there are, and where the data go.

A folder with a file ``workspace.toml`` is a workspace, and so is everything below it::

    operator = "M. Curie"
    project = "torque"
    data = "data"                      # folder of the run files, relative to this file
    spool = "/var/tmp/labspin"         # where runs are made, if the folder of data is a share without locks

    [samples.D7]                       # the register of samples; without one, any name is accepted
    description = "15 µm diamond, 4 ppm NV"

    [units]                            # in which quantities are shown; without one: SI with a prefix
    field = "G"
    frequency = "MHz"

Every key may be missing. A command belongs to the workspace of the files that it is given, else to that of
the current folder. Without the file, the current folder is the workspace and nothing is said of people.
What ``[units]`` leaves open is shown as the card writes it (`labspin.written`).
"""

from __future__ import annotations

import difflib
import functools
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args

from labspin.documents import Section, read_document
from labspin.errors import ConfigurationError
from labspin.units import DIMENSIONS, conversion_factor, format_quantity
from labspin.written import units_by_dimension

__all__ = [
    "FILE_NAME", "Notification", "Occasion", "Workspace", "belonging_to", "find_workspace", "liked_units",
    "quantity_text", "shown_as_written", "workspace_folder",
]  # fmt: skip

FILE_NAME = "workspace.toml"
_DOOR = "instruments"  # the folder of the stations
Occasion = Literal["run", "end", "failure"]
"""When a person may be told: a run has finished, all runs are over, something failed."""
_OCCASIONS: tuple[Occasion, ...] = get_args(Occasion)


@dataclass(frozen=True)
class Notification:
    """How and when a person is notified."""

    command: tuple[str, ...] = ()
    """Program and arguments, in which {title}, {text} and {when} are replaced; empty: no notification."""
    when: tuple[Occasion, ...] = ("end", "failure")


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """What holds for all runs of a workspace."""

    root: Path
    operator: str = ""
    project: str = ""
    data: Path = field(default=Path("data"))
    """Folder of the run files."""
    names: str = "{date}-{time}-{label}"
    """Names of run files, without ``.h5``; ``{project}`` and ``{operator}`` are those of the workspace."""
    spool: Path | None = None
    """Local folder in which runs are made; None: where they belong. ``LABSPIN_SPOOL`` goes before it."""
    samples: Mapping[str, str] = field(default_factory=dict)
    """Register of samples: name -> description; empty: any name is accepted."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Dimension -> unit in which its quantities are shown; see `labspin.units.shown_in`."""

    notify: Notification = Notification()
    """Whom to tell when runs are over."""

    def check_sample(self, name: str) -> str:
        """Return ``name`` if the register has it, or if there is no register.

        Parameters
        ----------
        name
            Name of a sample; empty: none is named.

        Raises
        ------
        ConfigurationError
            The register does not have it.
        """
        if name and self.samples and name not in self.samples:
            near = difflib.get_close_matches(name, self.samples, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigurationError(
                f"sample {name!r}: wanted one of {', '.join(self.samples)}{hint}; for a new one add a table "
                f"[samples.{name}] to {self.root / FILE_NAME}"
            )
        return name


_place: ContextVar[Path | None] = ContextVar("_place", default=None)


@contextmanager
def belonging_to(*places: Path) -> Iterator[None]:
    """Let what is done meanwhile belong to the workspace of these files, whatever the current folder is.

    Parameters
    ----------
    places
        Cards, run files, stations or folders. Where they lie in no workspace or in several ones, the current
        folder decides as ever.
    """
    roots = {root for place in places if (root := _root_of(place))}
    token = _place.set(roots.pop() if len(roots) == 1 else _place.get())
    try:
        yield
    finally:
        _place.reset(token)


def _root_of(place: Path) -> Path | None:
    """Return the folder of the workspace in which a file lies; a link lies where it stands."""
    try:
        own = (place if place.is_dir() else place.parent).resolve()
        return next((root for root in (own, *own.parents) if (root / FILE_NAME).is_file()), None)
    except (OSError, ValueError, RuntimeError):  # a name that no file can have; what opens it says so
        return None


def find_workspace(start: Path | None = None) -> Workspace:
    """Return the workspace that ``start`` lies in.

    Parameters
    ----------
    start
        A folder; default that of `belonging_to`, else the current one.

    Raises
    ------
    ConfigurationError
        Its file cannot be read, or says what it cannot mean.
    """
    folder = (start or _place.get() or Path()).resolve()
    for root in (folder, *folder.parents):
        if (root / FILE_NAME).is_file():
            return _read(root)
    return Workspace(root=Path(), spool=_spool("", Path()))


_written: ContextVar[Mapping[str, str]] = ContextVar("_written", default={})  # noqa: B039 - never changed


@contextmanager
def shown_as_written(*units: Iterable[str]) -> Iterator[None]:
    """Show quantities in these units meanwhile, where the workspace chooses none of their dimension.

    Parameters
    ----------
    units
        In which each card, or that of each run, writes its quantities (see `labspin.written.written_units`);
        of several, those in which all of them do.
    """
    token = _written.set(units_by_dimension(set.intersection(*map(set, units)) if units else ()))
    try:
        yield
    finally:
        _written.reset(token)


def liked_units() -> Mapping[str, str]:
    """Return in which units quantities are shown here: dimension -> unit.

    What the workspace (see `find_workspace`) chooses goes before what `shown_as_written` says. Nothing is
    chosen where its file cannot be read: what needs it says so, and numbers are shown all the same.
    """
    chosen, written = _units_here(), _written.get()
    return {**written, **chosen} if written else chosen


def _units_here() -> Mapping[str, str]:
    place = _place.get()
    # By strings: asked for with every number that is shown.
    for root, file in _places(os.getcwd() if place is None else str(place)):  # noqa: PTH109
        try:
            stand = os.stat(file)  # noqa: PTH116
        except OSError:  # no workspace: the one above may be
            continue
        return _units_of(root, stand.st_mtime_ns, stand.st_size)
    return {}


@functools.lru_cache(maxsize=4)
def _places(folder: str) -> tuple[tuple[Path, str], ...]:
    here = Path(folder).resolve()
    return tuple((root, str(root / FILE_NAME)) for root in (here, *here.parents))


@functools.lru_cache(maxsize=16)
def _units_of(root: Path, changed: int, size: int) -> Mapping[str, str]:
    try:  # again where the file has changed
        return _read(root).units
    except ConfigurationError:
        return {}


def quantity_text(value: float, unit: str, *, digits: int = 4) -> str:
    """Return a quantity as text, in the unit in which the workspace of the current folder shows it.

    Parameters
    ----------
    value
        A number in ``unit``.
    unit
        Symbol of a unit without a prefix.
    digits
        Significant digits.
    """
    return format_quantity(value, unit, digits=digits, units=liked_units())


def workspace_folder(place: Path) -> Path:
    """Return the folder of the nearest workspace at or above a place; the place's own if there is none.

    Parameters
    ----------
    place
        A folder, or a file such as a station. A workspace is known by its ``workspace.toml`` or by its folder
        ``instruments``.
    """
    whole = place.resolve()
    own = whole if whole.is_dir() else whole.parent
    above = (own, *own.parents)
    return next((one for one in above if (one / FILE_NAME).is_file() or (one / _DOOR).is_dir()), own)


def _read(root: Path) -> Workspace:
    section, _ = read_document(root / FILE_NAME, what="workspace file", error=ConfigurationError)
    here = Path().resolve()
    # From the workspace's own folder paths are shown short, as they are typed.
    base = Path() if root == here else root
    samples = section.section("samples")
    register = {}
    for name in samples:
        table = samples.section(name)
        register[name] = table.take("description", str, "")
        table.finish()
    found = Workspace(
        root=base,
        operator=section.take("operator", str, ""),
        project=section.take("project", str, ""),
        data=base / section.take("data", str, "data"),
        names=_names(section),
        spool=_spool(section.take("spool", str, ""), base),
        samples=register,
        units=_units(section.section("units")),
        notify=_notification(section.section("notify")),
    )
    section.finish()
    return found


def _notification(section: Section) -> Notification:
    command = section.texts("command", example='["notify-send", "{title}", "{text}"]')
    when = section.texts("when", example='["end", "failure"]') if "when" in section else Notification.when
    for word in when:
        if word not in _OCCASIONS:
            section.fail("when", f"wanted some of {', '.join(_OCCASIONS)}, got {word!r}")
    section.finish()
    return Notification(command, cast("tuple[Occasion, ...]", when))


def _names(section: Section) -> str:
    """Return the pattern of file names; with date and time in it, names are new and sort by themselves."""
    pattern: str = section.take("names", str, Workspace.names, example='names = "{date}-{time}-{label}"')
    known = ("date", "time", "label", "project", "operator")
    named = re.findall(r"\{([a-z]*)\}", pattern)
    others = re.sub(r"\{[a-z]*\}", "", pattern)
    if not {"date", "time"} <= set(named) <= set(known) or not re.fullmatch(r"[\w.-]*", others):
        section.fail(
            "names",
            "wanted {date}, {time}, and as you like {label}, {project}, {operator}, letters, digits, "
            f"'-', '_' and '.', got {pattern!r}; folders are chosen by 'data'",
        )
    return pattern


def _spool(said: str, base: Path) -> Path | None:
    chosen = os.environ.get("LABSPIN_SPOOL", "")
    return Path(chosen) if chosen else (base / said if said else None)


def _units(section: Section) -> dict[str, str]:
    found = {}
    for name in section:
        unit = section.take(name, str, example='field = "G"')
        if name not in DIMENSIONS:
            near = difflib.get_close_matches(name, DIMENSIONS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            section.fail(name, f"wanted one of {', '.join(DIMENSIONS)}, got {name!r}{hint}")
        section.guard(name, functools.partial(conversion_factor, unit, DIMENSIONS[name]))
        found[name] = unit
    section.finish()
    return found

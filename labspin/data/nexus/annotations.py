"""What people say about a run once it is measured: comment, tags, rating, a corrected sample name.

They stand beside the data as fits do. The header keeps what was recorded when the run began; the places where
other programs look for sample, operator and project (`NXsample`, `NXuser`) have what holds.
"""

from __future__ import annotations

from typing import Any

import h5py

from labspin.data.metadata import RunMetadata
from labspin.data.nexus.pieces import add_group, add_text
from labspin.data.nexus.stored import get_group, get_json
from labspin.data.plain import clean_text, to_json
from labspin.data.schema import RunHeader
from labspin.errors import ArgumentError, DamagedFileError

__all__ = ["read_annotations", "summary_of", "write_annotations", "write_people"]

_PLACE = "annotations"


def summary_of(metadata: RunMetadata) -> dict[str, str]:
    """Return the notes that lists of runs show, as attributes of a file.

    Parameters
    ----------
    metadata
        Notes on the run.

    Returns
    -------
        Attribute name -> text: ``operator``, ``sample``, ``project``, ``comment``, ``tags`` and ``rating``;
        empty where nothing was noted.
    """
    found = metadata.to_dict()
    shown = {
        name: clean_text(str(found.get(name, ""))) for name in ("operator", "sample", "project", "comment")
    }
    rating = "" if metadata.rating is None else str(metadata.rating)
    return {**shown, "tags": " ".join(metadata.tags), "rating": rating}


def read_annotations(entry: h5py.Group) -> dict[str, Any]:
    """Return what was added to a run, name by name.

    Parameters
    ----------
    entry
        Entry of the run.

    Raises
    ------
    DamagedFileError
        It is not what `write_annotations` writes.
    """
    own = get_group(entry, "labspin")
    if _PLACE not in own:
        return {}
    content = get_json(own, _PLACE)
    try:
        return {name: getattr(RunMetadata.from_dict(content), name) for name in dict(content)}
    except (ArgumentError, AttributeError, TypeError, ValueError) as error:
        raise DamagedFileError(f"the annotations contradict themselves: {error}") from error


def write_annotations(entry: h5py.Group, header: RunHeader, content: dict[str, object]) -> None:
    """Put annotations beside the data of a run, in the place of former ones.

    Parameters
    ----------
    entry
        Entry of the run, writable.
    header
        Header of the run.
    content
        Name -> value of what differs from the header's metadata.
    """
    own = get_group(entry, "labspin")
    if _PLACE in own:
        del own[_PLACE]
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in content.items()}
    add_text(own, _PLACE, to_json(plain))
    told = header.metadata.with_changes(**content)
    write_people(entry, header, told)
    for name, text in summary_of(told).items():
        own.attrs[name] = text


def write_people(entry: h5py.Group, header: RunHeader, metadata: RunMetadata) -> None:
    """Write who measured what where other programs look for it, in the place of what stands there.

    Parameters
    ----------
    entry
        Entry of the run, writable.
    header
        Header of the run.
    metadata
        Words about the run, as they hold now.
    """
    for place in ("user", "sample", "experiment_identifier", "experiment_description"):
        if place in entry:
            del entry[place]
    add_text(entry, "experiment_description", metadata.description or header.procedure)
    if metadata.operator:
        add_text(add_group(entry, "user", "NXuser"), "name", metadata.operator)
    if metadata.sample:
        sample = add_group(entry, "sample", "NXsample")
        add_text(sample, "name", metadata.sample)
        if metadata.sample_description:
            add_text(sample, "description", metadata.sample_description)
    if metadata.project:
        add_text(entry, "experiment_identifier", metadata.project)

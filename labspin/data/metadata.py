"""Who measured what, and why: the words of people about a run.

They are recorded when a run begins, and can be added to afterwards (`labspin.data.annotate`) without touching
what was measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from labspin.data.plain import clean_text
from labspin.errors import ArgumentError

__all__ = ["RunMetadata"]

_MOST = 10_000  # characters of one text
_MOST_TAGS = 100


@dataclass(frozen=True, kw_only=True)
class RunMetadata:
    """Words about a run; empty by default."""

    operator: str = ""
    sample: str = ""
    sample_description: str = ""
    """What the sample is, from the register of the workspace."""
    project: str = ""
    description: str = ""
    """What the run is for, from its card."""
    comment: str = ""
    tags: tuple[str, ...] = ()
    rating: int | None = None
    """0 to 5; None: not rated."""
    units: tuple[str, ...] = ()
    """In which the card writes its quantities, where they are none of SI; so they are shown."""

    def __post_init__(self) -> None:
        for name in ("operator", "sample", "sample_description", "project", "description", "comment"):
            text = getattr(self, name)
            if not isinstance(text, str) or len(text) > _MOST:
                raise ArgumentError(
                    f"{name} of the run: wanted text of at most {_MOST} characters, got {str(text)[:60]!r}"
                )
            object.__setattr__(self, name, clean_text(text))
        object.__setattr__(self, "tags", _checked_words("tags", self.tags))
        object.__setattr__(self, "units", _checked_words("units", self.units))
        rating = self.rating
        if rating is not None and (
            not isinstance(rating, int) or isinstance(rating, bool) or not 0 <= rating <= 5
        ):
            raise ArgumentError(f"rating of the run: wanted a whole number from 0 to 5, got {rating!r}")

    def __bool__(self) -> bool:
        return self != RunMetadata()

    def to_dict(self) -> dict[str, object]:
        """Return what was said, as plain values."""
        content = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in content.items()
            if value not in ("", (), None)
        }

    @classmethod
    def from_dict(cls, content: object) -> RunMetadata:
        """Return the record that `to_dict` described.

        Parameters
        ----------
        content
            Its plain values; unknown names are left out, so that later versions can say more.

        Raises
        ------
        ArgumentError
            It is no table, or a value is not what its name says.
        """
        if not isinstance(content, Mapping):
            raise ArgumentError(f"metadata of the run: wanted a table, got {type(content).__name__}")
        known = {item.name for item in fields(cls)}
        return cls(**{name: value for name, value in content.items() if name in known})

    def with_changes(self, **changes: Any) -> RunMetadata:
        """Return a copy in which ``changes`` replace what was said."""
        return replace(self, **changes)


def _checked_words(what: str, words: object) -> tuple[str, ...]:
    if isinstance(words, str) or not isinstance(words, Sequence) or len(words) > _MOST_TAGS:
        raise ArgumentError(f"{what} of the run: wanted a list of at most {_MOST_TAGS} words, got {words!r}")
    for word in words:
        if not isinstance(word, str) or len(word.split()) != 1 or len(word) > 100:
            raise ArgumentError(f"{what} of the run: wanted words of at most 100 characters, got {word!r}")
    return tuple(dict.fromkeys(clean_text(word.strip()) for word in words))

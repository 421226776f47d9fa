"""Whether what was measured may be trusted: the engine's look at status and settings of the instruments.

At every point each instrument is asked what makes its readings since the last question meaningless. From time
to time, and at the end, the settings that a run depends on are read back and compared with what labspin set,
or with what they were when the run began. What is found goes into the run file with the points concerned, and
holds or ends the run as the station says (`labspin.bench.trust`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from labspin.data import EventKind
from labspin.errors import DoubtfulReadingError
from labspin.experiment.interlocks import Disturbed

if TYPE_CHECKING:
    from labspin.bench.bench import Bench
    from labspin.bench.trust import Reaction

__all__ = ["TrustWatch"]

_POLL = 0.5  # s between two looks while the run holds


class TrustWatch:
    """Looks at status and settings of the instruments of one run.

    Parameters
    ----------
    bench
        Whose instruments.
    record
        Called with kind, message and data of what is worth recording.
    """

    def __init__(self, bench: Bench, record: Callable[..., None]) -> None:
        self._bench, self._rules, self._record = bench, bench.trust, record
        devices = {name: one for name, one in bench.instruments.items() if hasattr(one, "relies_on")}
        self._with_status = {name: one for name, one in devices.items() if one.tells_doubts()}
        self._with_settings = {name: one for name, one in devices.items() if one.relies_on()}
        self._unsure: list[int] = []  # points recorded since the settings were last found as they should be
        self._looked = math.inf
        self._told: dict[str, tuple[str, ...]] = {}
        self._holds = False

    def __bool__(self) -> bool:
        return bool(self._with_status or self._with_settings)

    def begin(self) -> None:
        """Forget what was before the first point; from here on the settings are to stay as they are."""
        for device in self._with_status.values():
            device.doubts()
        for device in self._with_settings.values():
            device.note_settings()
        self._looked = self._bench.clock.now()

    def after_point(self, index: int) -> None:
        """Look at the status, and at the settings where that is due.

        Parameters
        ----------
        index
            Index of the point that has just been measured and is not recorded yet.

        Raises
        ------
        DoubtfulReadingError
            Something is wrong, and the station wants the run to end.
        Disturbed
            … or to hold: call `hold`, then measure the point once more.
        """
        self._react(self._rules.status, self._doubts(), index)
        if self._bench.clock.now() - self._looked >= self._rules.interval:
            self._look_at_settings(index)
        else:
            self._unsure.append(index)

    def at_end(self) -> None:
        """Look at the settings a last time: what was changed after the last look is recorded, or an error.

        Raises
        ------
        DoubtfulReadingError
            Something was changed, and the station wants a run to end for it.
        """
        changed = self._changes()
        if changed and self._unsure:
            self._tell(EventKind.SETTING, changed, self._unsure)
            if self._rules.settings == "abort":
                raise self._error(changed)

    def hold(self) -> None:
        """Wait until every instrument is well and set as it was, if one made the run hold.

        Raises
        ------
        DoubtfulReadingError
            It is not so in time.
        """
        if not self._holds:
            return
        self._holds = False
        deadline = self._bench.clock.now() + self._rules.timeout
        while wrong := {**self._doubts_that_hold(), **self._changes_that_hold()}:
            if self._bench.clock.now() >= deadline:
                raise self._error(wrong)
            self._bench.clock.sleep(_POLL)
        self._record(EventKind.CONTINUED, "the instruments are well and set as they were")

    # -- what is asked -----------------------------------------------------------------------------------

    def _doubts(self) -> dict[str, tuple[str, ...]]:
        found = {name: tuple(device.doubts()) for name, device in self._with_status.items()}
        return {name: doubts for name, doubts in found.items() if doubts}

    def _changes(self) -> dict[str, tuple[str, ...]]:
        found = {name: tuple(device.changes()) for name, device in self._with_settings.items()}
        self._looked = self._bench.clock.now()
        return {name: changes for name, changes in found.items() if changes}

    def _doubts_that_hold(self) -> dict[str, tuple[str, ...]]:
        return self._doubts() if self._rules.status == "hold" else {}

    def _changes_that_hold(self) -> dict[str, tuple[str, ...]]:
        return self._changes() if self._rules.settings == "hold" else {}

    # -- what follows ------------------------------------------------------------------------------------

    def _look_at_settings(self, index: int) -> None:
        changed = self._changes()
        if not changed:
            self._unsure.clear()
            return
        kept = [*self._unsure, index] if self._rules.settings == "record" else self._unsure
        self._tell(EventKind.SETTING, changed, kept)
        self._unsure.clear()
        if self._rules.settings == "record":
            for device in self._with_settings.values():
                device.note_settings()
        self._follow(self._rules.settings, changed)

    def _react(self, reaction: Reaction, wrong: Mapping[str, tuple[str, ...]], index: int) -> None:
        if not wrong:
            self._told = {}
            return
        if reaction == "record" or wrong != self._told:
            # Otherwise the point is not kept, but measured once more.
            self._tell(EventKind.DOUBT, wrong, [index] if reaction == "record" else [], point=index)
        self._told = dict(wrong)
        self._follow(reaction, wrong)

    def _tell(
        self, kind: EventKind, wrong: Mapping[str, tuple[str, ...]], indexes: list[int], **data: int
    ) -> None:
        for name, texts in wrong.items():
            text = f"{name}: {', '.join(texts)}"
            self._record(kind, text, instrument=name, what=list(texts), indexes=list(indexes), **data)

    def _follow(self, reaction: Reaction, wrong: Mapping[str, tuple[str, ...]]) -> None:
        if reaction == "abort":
            raise self._error(wrong)
        if reaction == "hold":
            self._holds = True
            raise Disturbed(_sentence(wrong))

    def _error(self, wrong: Mapping[str, tuple[str, ...]]) -> Any:
        return DoubtfulReadingError(
            f"{_sentence(wrong)}; wanted readings that can be trusted: correct it and resume the run, or say "
            "in [trust] of the station file what else is to happen"
        )


def _sentence(wrong: Mapping[str, tuple[str, ...]]) -> str:
    return "; ".join(f"{name}: {', '.join(texts)}" for name, texts in wrong.items())

"""Every exception that labspin raises on purpose.

::

    LabspinError
    ├── ArgumentError (ValueError)       a function was given what it cannot compute with
    ├── UnitError (ValueError)           a unit is unknown, missing or of the wrong dimension
    ├── ConfigurationError               a file a person wrote is wrong
    │   ├── StationError                 … a station file
    │   ├── CardError                    … a run card
    │   └── RecipeError                  … a fit recipe
    ├── SafetyError                      going on would leave what the station allows
    │   ├── LimitError                   a set-point lies outside its limits
    │   ├── UnknownStateError            an actuator cannot be read back, so it cannot be ramped
    │   ├── SettleError                  a read-back did not settle in time
    │   ├── InterlockError               an interlock tripped
    │   └── NotSafeError                 a run ended and its bench could not be made safe
    ├── PlanError                        a plan or a sweep contradicts itself
    ├── SequenceError                    a pulse sequence cannot be played
    ├── InstrumentError                  an instrument did not do as it was told
    │   ├── ConnectionFailedError        … cannot be reached, or the connection dropped
    │   ├── ReplyTimeoutError            … did not answer in time
    │   ├── ReplyError                   … answered something that cannot be read
    │   ├── IdentityError                … is another model than the station says
    │   └── DeviceError                  … reports an error of its own
    │       ├── OverloadError            … its input or output is out of range
    │       └── DoubtfulReadingError     … its status or a changed setting makes readings meaningless
    ├── RunAborted                       a person or a signal ended the run
    ├── RunFileError                     a run file or journal cannot be read or written
    │   ├── NotARunFileError             … is something else
    │   ├── DamagedFileError             … is cut short or corrupted
    │   └── StorageError                 … cannot be written (full, read-only, gone)
    └── FitError                         data and model do not fit together

An error's text names the object, what was wanted, what came and what to do, in one sentence.
"""

from __future__ import annotations

__all__ = [
    "ArgumentError",
    "CardError",
    "ConfigurationError",
    "ConnectionFailedError",
    "DamagedFileError",
    "DeviceError",
    "DoubtfulReadingError",
    "FitError",
    "IdentityError",
    "InstrumentError",
    "InterlockError",
    "LabspinError",
    "LimitError",
    "NotARunFileError",
    "NotSafeError",
    "OverloadError",
    "PlanError",
    "RecipeError",
    "ReplyError",
    "ReplyTimeoutError",
    "RunAborted",
    "RunFileError",
    "SafetyError",
    "SequenceError",
    "SettleError",
    "StationError",
    "StorageError",
    "UnitError",
    "UnknownStateError",
]


_LONGEST, _HEAD, _TAIL = 4000, 3000, 800  # characters of an error


class LabspinError(Exception):
    """Base of every error that labspin raises on purpose.

    An error names what was given, and that may be anything: of a text of thousands of characters, what was
    wanted and what to do are still to be read.
    """

    def __str__(self) -> str:
        text = super().__str__()
        if len(text) <= _LONGEST:
            return text
        return f"{text[:_HEAD]} [{len(text) - _HEAD - _TAIL} characters] {text[-_TAIL:]}"


class ArgumentError(LabspinError, ValueError):
    """A function was given a value that it cannot compute with; the text names the argument."""


class UnitError(LabspinError, ValueError):
    """A unit is unknown, missing, or of another dimension than wanted."""


class ConfigurationError(LabspinError):
    """A file that a person wrote is wrong; the text names file, key path and remedy."""


class StationError(ConfigurationError):
    """A station file is wrong."""


class CardError(ConfigurationError):
    """A run card is wrong."""


class RecipeError(ConfigurationError):
    """A fit recipe is wrong."""


class SafetyError(LabspinError):
    """Going on would leave what the station allows."""


class LimitError(SafetyError):
    """A set-point lies outside the limits of its actuator."""


class UnknownStateError(SafetyError):
    """An actuator cannot be read back, so no ramp can start from where it is."""


class SettleError(SafetyError):
    """A read-back did not settle within its time."""


class InterlockError(SafetyError):
    """An interlock tripped."""


class NotSafeError(SafetyError):
    """A run ended and its bench could not be made safe; the text gives the last known values."""


class PlanError(LabspinError):
    """A plan or a sweep contradicts itself, or is too large to run."""


class SequenceError(LabspinError):
    """A pulse sequence cannot be played: overlap, resolution, pulse length, memory."""


class InstrumentError(LabspinError):
    """An instrument did not do what was commanded."""


class ConnectionFailedError(InstrumentError):
    """An instrument cannot be reached, or its connection dropped."""


class ReplyTimeoutError(InstrumentError):
    """An instrument did not answer in time."""


class ReplyError(InstrumentError):
    """An instrument answered something that cannot be read."""


class IdentityError(InstrumentError):
    """The instrument at an address is another model than the station says."""


class DeviceError(InstrumentError):
    """An instrument reports an error of its own."""


class OverloadError(DeviceError):
    """The input or output of an instrument is out of its range, so that what it reads is wrong."""


class DoubtfulReadingError(DeviceError):
    """The status of an instrument, or a setting that was changed at it, makes its readings meaningless."""


class RunAborted(LabspinError):  # noqa: N818 - an outcome, not a fault
    """A person or a signal ended the run."""


class RunFileError(LabspinError):
    """A run file or journal cannot be read or written."""


class NotARunFileError(RunFileError):
    """A file is not a labspin run."""


class DamagedFileError(RunFileError):
    """A file is cut short or corrupted."""


class StorageError(RunFileError):
    """Data cannot be written: the disk is full, read-only or gone."""


class FitError(LabspinError):
    """Data and model do not fit together."""

"""Watches set-points where they cannot lie: in the bytes that reach a simulated device, and in the world.

Nothing here is taken from labspin but the limits that a station declares. Every driver's commands are decoded
by a regular expression of its own; the current of the magnet is the world's.
"""

import math
import re
from dataclasses import dataclass, field

NUMBER = r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"


@dataclass(frozen=True)
class Word:
    """How one command of a driver is written, and how finely."""

    pattern: re.Pattern
    attribute: str
    decimals: int | None = None  # places after the point; None: six significant digits
    query: str = ""  # asks for the set-point
    rest: float | None = None  # where the device is switched off

    def step(self, value):
        """Return one unit of the last digit that is sent."""
        if self.decimals is not None:
            return 10.0**-self.decimals
        return 10.0 ** (math.floor(math.log10(abs(value))) - 5) if value else 0.0


def _word(header, attribute, decimals=None, query="", rest=None, tail=r"[^?]*"):
    return Word(re.compile(rf"\s*{header}{NUMBER}{tail}$", re.IGNORECASE), attribute, decimals, query, rest)


def _switch(header, tail=r"[^?]*"):
    return Word(re.compile(rf"\s*{header}\s*(ON|OFF|\d){tail}$", re.IGNORECASE), "output_enabled")


WORDS = {
    "kepco_bop": (_word("CURR(?:ent)?", "current", None, "CURR?", 0.0), _switch("OUTP(?:ut)?")),
    "e36312a": (
        _word("CURR", "current", None, "CURR? (@1)", 0.0, tail=r"\s*,?\s*\(@1\)"),
        _switch("OUTP", tail=r"\s*,?\s*\(@1\)"),
    ),
    "sg384": (_word("FREQ", "frequency", 6), _word("AMPR", "power", 2, "AMPR?"), _switch("ENBR")),
    **dict.fromkeys(
        ("smb100a", "scpi_source"),
        (
            _word(":?(?:SOUR:)?FREQ", "frequency", 3),
            _word(":?(?:SOUR:)?POW", "power", 2, "POW?"),
            _switch(":?OUTP"),
        ),
    ),
    "sr830": (_word("FREQ", "frequency", 4), _word("SLVL", "amplitude", 3, "SLVL?", 0.004)),
    "sr860": (_word("FREQ", "frequency", 4), _word("SLVL", "amplitude", 9, "SLVL?", 1e-9)),
    "obis": (
        _word("SOUR:POW:LEV:IMM:AMPL", "power", 6, "SOUR:POW:LEV:IMM:AMPL?"),
        _switch("SOUR:AM:STAT"),
    ),
    "lakeshore336": (_word(r"SETP\s*1\s*,", "setpoint", None, "SETP? 1"), _switch(r"RANGE\s*1\s*,")),
    "lakeshore372": (_word(r"SETP\s*0\s*,", "setpoint", None, "SETP? 0"), _switch(r"RANGE\s*0\s*,")),
}
FOLLOWS = 0.01  # of the limits' span: a device so near to its set-point follows it
NOISE = 5e-3  # of a supply's read-back, at most, A


def _last_digit(number):
    """Return one unit of the last digit of a number that a device answered."""
    mantissa, _, exponent = number.strip().upper().partition("E")
    return 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def _resolution(spec):
    """Return the resolution of a supply: 16 bits of its range, with the sign where it has both."""
    return float(spec.options.model.split("-")[1]) / 2**15 if spec.driver == "kepco_bop" else 5.15 / 2**16


@dataclass
class Knob:
    """One actuator, as it is seen on the wire."""

    spec: object
    word: Word
    resolution: float = 0.0  # with which the device keeps a set-point, and reads it back
    value: float | None = None  # last set-point
    time: float = 0.0


@dataclass
class Monitor:
    """Checks every set-point of a station.

    Attributes
    ----------
    seen
        Number of set-points.
    ramped
        Number of those whose rate was compared with the allowed one.
    violations
        What was wrong, in words.
    worst
        Greatest step in units of the greatest allowed.
    """

    station: object
    clock: object
    level: object  # -> the true current of the magnet, A
    seen: int = 0
    ramped: int = 0
    worst: float = 0.0
    violations: list = field(default_factory=list)
    watching: bool = False
    on_command: object = None  # called before every set-point that is watched

    def __post_init__(self):
        self.knobs, self.enabled, self._true, self._before = {}, {}, None, None
        for spec in self.station.instruments:
            words = {word.attribute: word for word in WORDS.get(spec.driver, ())}
            for actuator in spec.actuators:
                resolution = _resolution(spec) if actuator.attribute == "current" else 0.0
                word = words.get(actuator.attribute)
                self.knobs[spec.name, actuator.attribute] = Knob(actuator, word, resolution)
        for spec in self.station.instruments:  # what is made of others is moved on the wire of its parts
            for attribute, (part, moved) in getattr(spec.entry.adapter, "moves", {}).items():
                knob = self.knobs.pop((spec.name, attribute), None)
                if knob is not None:
                    driver = next(s.driver for s in self.station.instruments if s.name == spec.uses[part])
                    knob.word = next(w for w in WORDS[driver] if w.attribute == moved)
                    self.knobs[spec.uses[part], moved] = knob

    def begin(self, devices):
        """Ask every device where its set-points are, and watch from now on."""
        for (name, _), knob in self.knobs.items():
            if knob.word.query:
                devices[name].receive(knob.word.query.encode() + b"\n")
                answer = devices[name].transmit().decode()
                knob.value, knob.time = float(answer), self.clock.now()
                knob.resolution = max(knob.resolution, _last_digit(answer))
        self.watching = True

    def tap(self, name, driver, device):
        """Look at all bytes that ``device`` receives, before it does."""
        receive = device.receive

        def tapped(data):
            self._before = None
            for line in re.split(r"[\r\n;]+", data.decode("latin-1")):
                self.hear(name, driver, line)
            try:
                receive(data)
            except Exception:  # the connection dropped, and the device has not understood the last
                self._forget()
                raise

        device.receive = tapped

    def hear(self, name, driver, line):
        """Take in one command."""
        for word in WORDS.get(driver, ()):
            found = word.pattern.match(line)
            if not found:
                continue
            if word.attribute == "output_enabled":
                self._switch(name, found[1].upper() not in ("OFF", "0"))
            elif (name, word.attribute) in self.knobs:
                self._set(self.knobs[name, word.attribute], name, float(found[1]))

    def _switch(self, name, on):
        knob = self.knobs.get((name, "current"))
        if on and not self.enabled.get(name) and self.watching and knob and knob.spec.ramp_rate:
            apart = abs((knob.value or 0.0) - self.level())
            if apart > FOLLOWS * self._span(knob) + NOISE:
                self._blame(knob, f"switched on {apart:g} A away from where it was")
        self.enabled[name] = on

    def _set(self, knob, name, value):
        now = self.clock.now()
        if self.watching:
            self.seen += 1
            if self.on_command is not None:
                self.on_command()
            self._check_limits(knob, value)
            if knob.spec.ramp_rate is not None and self.enabled.get(name, knob.spec.attribute == "amplitude"):
                self._check_rate(knob, value, now)
        self._before = knob, knob.value, knob.time
        knob.value, knob.time = value, now

    def _forget(self):
        if self._before is not None:
            knob, knob.value, knob.time = self._before
            self._before = None

    def _check_limits(self, knob, value):
        outside = self._outside(knob, value)
        if outside == 0 or (knob.spec.ramp_rate is None and value == knob.word.rest):
            return
        began = max(self._outside(knob, knob.value), self._outside(knob, self.level()))
        if knob.spec.ramp_rate is None or outside > began + knob.word.step(value):
            self._blame(knob, f"set to {value!r}, outside of its limits")

    def _outside(self, knob, value):
        if value is None:
            return 0.0
        spec, slack = knob.spec, 0.5 * knob.word.step(value) * (1 + 1e-9)
        out = max(spec.minimum - value, value - spec.maximum)
        return out if out > slack + 1e-12 else 0.0

    def _check_rate(self, knob, value, now):
        if knob.value is None:  # nobody set it since it was switched on: where it stood is not on the wire
            return
        spec, grain = knob.spec, knob.word.step(value) + knob.word.step(knob.value) + knob.resolution
        self.ramped += 1
        largest = spec.ramp_rate * spec.ramp_interval
        change = max(0.0, abs(value - knob.value) - grain)
        near = max(largest, spec.settle.tolerance or 0.0)
        if change == 0 or (value == knob.word.rest and change <= near):
            return  # switched off from within one step
        allowed = spec.ramp_rate * min(now - knob.time, spec.ramp_interval)
        part = change / allowed if allowed > 0 else math.inf
        apart = abs(knob.value - self.level()) if spec.attribute == "current" else 0.0
        if apart > max(largest, 0.5 * FOLLOWS * self._span(knob)):
            # The device does not follow its set-point: it may also be met where it is.
            part = min(part, max(0.0, abs(value - self.level()) - NOISE) / largest)
        self.worst = max(self.worst, part)
        if part > 1 + 1e-9:
            self._blame(knob, f"from {knob.value!r} to {value!r} after {now - knob.time:.6g} s")

    def _span(self, knob):
        return knob.spec.maximum - knob.spec.minimum

    def look(self):
        """Compare where the magnet truly is with where it was when last looked at."""
        knob = next((k for k in self.knobs.values() if k.spec.attribute == "current"), None)
        if not self.watching or knob is None or knob.spec.ramp_rate is None:
            return
        now, at = self.clock.now(), self.level()
        if self._true is not None:
            then, was = self._true
            allowed = knob.spec.ramp_rate * (now - then + 2 * knob.spec.ramp_interval)
            if abs(at - was) > allowed + FOLLOWS * self._span(knob):
                self._blame(knob, f"truly went from {was:g} to {at:g} A in {now - then:.6g} s")
        self._true = now, at

    def _blame(self, knob, what):
        self.violations.append(f"{knob.spec.name} (t = {self.clock.now():.6g} s): {what}; {knob.spec}")

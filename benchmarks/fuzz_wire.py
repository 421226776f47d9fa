"""Bytes that no program would send, to every simulated instrument: crashes, hangs, answers out of step.

Run: ``python benchmarks/fuzz_wire.py [--inputs N] [--seed S]``; the default of 1e6 inputs takes some minutes.
An input is one of: random bytes, a command of the instrument with wrong arguments, a command broken by an
edit, or several of them in one message, cut into pieces at random. After each, the instrument is asked a
question whose answer is known; whatever it answered before must have ended. Counted are

- crashes: any exception but the dropped connection, which is not provoked here;
- hangs: an input that took longer than 2 s;
- out of step: a known question whose answer is not the known one.

All three must be 0.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from labspin.clock import SimulatedClock
from labspin.twin import World
from labspin.twin.devices import DEVICES
from labspin.twin.message import MessageDevice
from labspin.twin.samples import load

SAMPLES = {"lakeshore336": "mrfm_cantilever", "lakeshore372": "mrfm_cantilever"}
QUESTIONS = {
    "sr400": b"NP 7;NP\n",  # it has no *IDN?
    "obis": b"SYST:COMM:HAND ON;*IDN?\n",  # it says OK after everything, unless it was told not to
}
SLOW = 2.0  # s
FRESH = 20_000  # inputs after which an instrument is switched off and on
ARGUMENTS = (
    "0", "1", "2", "3", "-1", "0.5", "9", "1e300", "-1e300", "1E-300", "1e9", "1e99999", "nan", "inf", "ON",
    "OFF", "MIN", "MAX", "DEF", "", "1 V", "2.87 GHz", "-10 dBm", "(@1)", "(@1:3)", "(@1", "@(1)", "(@99)",
    "A", "'x'", '"', "#15abcde", "#9", "1,2,3,4,5,6,7", "0x1F", "+", "1e", "\x00", "é", "?", "?;",
    "((((", ",,,",
)  # fmt: skip
BREAKS = b"\x00\xff;:,?*# \t'\"()@\r+-.eE9Zz"


@dataclass
class Tally:
    """What the inputs of one instrument did."""

    inputs: int = 0
    crashes: int = 0
    hangs: int = 0
    out_of_step: int = 0
    slowest: float = 0.0
    examples: Counter[str] = field(default_factory=Counter)


class Fuzzer:
    """Makes inputs for one instrument, out of its own commands."""

    def __init__(self, name: str, seed: int) -> None:
        self.name, self.kind = name, DEVICES[name]
        self.rng = np.random.default_rng([seed, *name.encode()])
        self.headers = sorted(self.kind.table._by_header)
        self.question = QUESTIONS.get(name, b"*IDN?\n")
        self.fresh()

    def fresh(self) -> None:
        sample = load(SAMPLES.get(self.name, "levitated_diamond"))()
        self.device = self.kind(World(sample, SimulatedClock(), seed=0))
        self.device.receive(self.question)
        self.known = self.device.transmit()

    def message(self) -> bytes:
        roll = self.rng.random()
        if roll < 0.25:
            return bytes(self.rng.integers(0, 256, self.rng.integers(1, 64)).astype(np.uint8))
        units = [self.command() for _ in range(self.rng.integers(1, 4))]
        text = bytearray(";".join(units).encode("latin-1"))
        if roll < 0.6:
            for _ in range(self.rng.integers(1, 4)):
                place = int(self.rng.integers(0, len(text) + 1))
                piece = BREAKS[int(self.rng.integers(len(BREAKS)))]
                text[place : place + int(self.rng.integers(0, 2))] = bytes([piece])
        return bytes(text)

    def command(self) -> str:
        header = self.headers[int(self.rng.integers(len(self.headers)))]
        header = header.replace("#", str(self.rng.integers(0, 5)))
        mark = "?" if self.rng.random() < 0.5 else ""
        words = [
            ARGUMENTS[int(self.rng.integers(len(ARGUMENTS)))] for _ in range(int(self.rng.integers(0, 4)))
        ]
        return f"{header}{mark} {','.join(words)}"

    def feed(self, data: bytes) -> None:
        """Send ``data`` in pieces, and let what was begun end: quotes and blocks do not outlive a line."""
        cut = int(self.rng.integers(0, len(data) + 1))
        for piece in (data[:cut], data[cut:]):
            if piece:
                self.device.receive(piece)
        self.device.receive(b"\n")
        if self.device.dialect.blocks:
            self.device.connect()
        self.device.transmit()

    def in_step(self) -> bool:
        self.device.receive(self.question)
        return bool(self.device.transmit() == self.known)


def fuzz(name: str, inputs: int, seed: int) -> Tally:
    """Send ``inputs`` messages to the instrument called ``name``, and count what went wrong."""
    fuzzer, tally = Fuzzer(name, seed), Tally()
    for number in range(inputs):
        if number and number % FRESH == 0:
            fuzzer.fresh()
        data = fuzzer.message()
        began = time.perf_counter()
        try:
            fuzzer.feed(data)
            good = fuzzer.in_step()
        except Exception as error:  # noqa: BLE001 - it is what is looked for
            tally.crashes += 1
            tally.examples[f"{type(error).__name__}: {error} at {data!r}"] += 1
            fuzzer.fresh()
            good = True
        took = time.perf_counter() - began
        tally.inputs += 1
        tally.slowest = max(tally.slowest, took)
        tally.hangs += took > SLOW
        if not good:
            tally.out_of_step += 1
            tally.examples[f"out of step after {data!r}"] += 1
            fuzzer.fresh()
    return tally


def instruments() -> list[str]:
    """Return the instruments that speak in lines."""
    return [name for name, kind in DEVICES.items() if issubclass(kind, MessageDevice)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=1_000_000, help="in all, shared by the instruments")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    names = instruments()
    each = -(-arguments.inputs // len(names))
    print(f"{'instrument':16s} {'inputs':>8s} {'crashes':>8s} {'hangs':>6s} {'out of step':>12s}    slowest")
    total, began = Tally(), time.perf_counter()
    for name in names:
        tally = fuzz(name, each, arguments.seed)
        print(
            f"{name:16s} {tally.inputs:8d} {tally.crashes:8d} {tally.hangs:6d} {tally.out_of_step:12d} "
            f"{1e3 * tally.slowest:7.1f} ms"
        )
        for example, times in tally.examples.most_common(3):
            print(f"    {times} x {example}")
        for key in ("inputs", "crashes", "hangs", "out_of_step"):
            setattr(total, key, getattr(total, key) + getattr(tally, key))
    print(
        f"{'all':16s} {total.inputs:8d} {total.crashes:8d} {total.hangs:6d} {total.out_of_step:12d}   "
        f"{time.perf_counter() - began:.0f} s"
    )


if __name__ == "__main__":
    main()

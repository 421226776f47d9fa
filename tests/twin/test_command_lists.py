"""The makers' own lists of commands, sent over the wire: what is declared works, what is not is refused.

The lists are those by which the page of instruments counts (`docs/reference/commands.toml`). A question is
answered without an error, its answer can be set again and comes back, a command alone is taken; what is not
simulated, and what is asked or set the wrong way round, ends in the instrument's own error and leaves the
next question answered.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from labspin.twin.adapter import SimulatedAdapter
from labspin.twin.devices import DEVICES
from labspin.twin.wire import spellings
from tests.twin.lamp import make_world
from tests.twin.lockin_sample import make_world as make_amplifier

LISTS = tomllib.loads(
    (Path(__file__).parents[2] / "docs/reference/commands.toml").read_text(encoding="utf-8")
)
SCPI = ("SYST:ERR?", '0,"No error"')
NO_ERROR = {
    "sg384": ("LERR?", "0"), "kepco_bop": SCPI, "smb100a": SCPI, "e36312a": SCPI,
    "lakeshore336": ("*ESR?", "0"), "lakeshore372": ("*ESR?", "0"), "sr830": ("*ESR?", "0"),
    "sr860": ("*ESR?", "0"), "sr400": ("SS7", "0"),
}  # fmt: skip
"""What an instrument is asked for its errors, and what it answers when there is none."""
WITHOUT_RECORD = {"lakeshore425": ("UNIT?", "1")}  # a question in its place, to see that it goes on
CHANGES = {"*ESR", "LERR", "SYSTem:ERRor[:NEXT]", "SS", "SI"}  # answers that asking changes
FAILURES = 0b111100  # bits of ``*ESR?`` that are no success, nor power-on


def words_of(name):
    for word in LISTS[name]["commands"].split():
        yield word.rstrip("?!"), word[len(word.rstrip("?!")) :]


class Terminal:
    """A line to a new instrument, which knows what an error is there."""

    def __init__(self, name):
        world = make_amplifier() if name in ("sr830", "sr860") else make_world()
        self.adapter = SimulatedAdapter(DEVICES[name](world), timeout=0.0)
        self.question, self.quiet = NO_ERROR.get(name) or WITHOUT_RECORD[name]
        self.tells = name in NO_ERROR
        self.marked = name != "sr400"  # whose questions have no mark
        self.ask(self.question)

    def send(self, text):
        self.adapter.write(text)
        return self.adapter.device.transmit()

    def ask(self, text):
        return self.send(text).decode("latin-1").strip()

    def error(self):
        found = self.ask(self.question)
        if self.question == "*ESR?" and found.isdigit():
            found = str(int(found) & FAILURES)
        return "" if found == self.quiet else found or "no answer"

    def query(self, word, about):
        return f"{word}{'?' if self.marked else ''} {about}".rstrip()


def short(header):
    """Return the shortest spelling of a header, with 1 where a number may stand."""
    return min(spellings(header.replace("#", "")), key=len)


def check(name, header, mark):
    """Return what is wrong with one command, or nothing."""
    entry, word, line = LISTS[name], short(header), Terminal(name)
    about = entry.get("about", {}).get(header, "")
    if before := entry.get("before", {}).get(header):
        line.send(before)
        line.adapter.device.world.clock.sleep(1.0)
    if header in entry.get("refused", "").split():
        texts = [line.query(word, about)] if not mark else []
        return "".join(refusal(line, text) for text in [*texts, f"{word} 1"])
    if mark == "!":
        return told(line, f"{word} {entry.get('values', {}).get(header, about)}".rstrip())
    answer = line.send(line.query(word, about))
    if not answer and line.marked:
        return f"{word}? is not answered ({line.error()})"
    if header not in CHANGES and (error := line.error()):
        return f"{word}? ends in {error}"
    if mark == "?":
        return ""
    values = {"*OPC": "", **entry.get("values", {})}
    value = values.get(header, answer.decode("latin-1").strip())
    setting = ",".join(part for part in (about, value) if part)
    if wrong := told(line, f"{word} {setting}".rstrip() if line.marked else f"{word}{setting}"):
        return wrong
    if header in values or header in CHANGES:
        return ""
    again = line.send(line.query(word, about))
    return "" if same(again, answer) else f"{setting!r} to {word} came back as {again!r}"


def same(one, other):
    """Return whether two answers are the same, numbers within the steps of a converter of 16 bit."""
    pairs = list(zip(one.split(b","), other.split(b","), strict=False))
    try:
        return all(float(a) == pytest.approx(float(b), rel=2.0**-15, abs=0) for a, b in pairs)
    except ValueError:
        return one == other


def told(line, text):
    answer = line.send(text)
    return (
        f"{text} is answered by {answer!r}"
        if answer
        else (f"{text} ends in {e}" if (e := line.error()) else "")
    )


def refusal(line, text):
    """Return what is wrong if ``text`` is answered, or leaves no error, or the next question unanswered."""
    answer = line.send(text)
    if answer:
        return f"{text} is answered by {answer!r}"
    if line.tells and not line.error():
        return f"{text} leaves no error"
    return "" if not line.error() else f"after {text}: {line.error()}"


def is_simulated(name, header):
    return all(spelling in DEVICES[name].table for spelling in spellings(header))


@pytest.mark.parametrize("name", LISTS)
def test_what_is_declared_works(name):
    found = [check(name, header, mark) for header, mark in words_of(name) if is_simulated(name, header)]
    assert [wrong for wrong in found if wrong] == []


@pytest.mark.parametrize("name", LISTS)
def test_what_is_not_simulated_or_not_known_is_refused(name):
    unknown = [header for header, _ in words_of(name) if not is_simulated(name, header)]
    line = Terminal(name)
    found = [
        refusal(line, text) for header in [*unknown, "XYZZY"] for text in (f"{short(header)}?", short(header))
    ]
    assert [wrong for wrong in found if wrong] == []


@pytest.mark.parametrize("name", [name for name in LISTS if name != "sr400"])
def test_what_can_only_be_asked_cannot_be_set_and_the_other_way_round(name):
    line, found = Terminal(name), []
    for header, mark in words_of(name):
        if mark and is_simulated(name, header):
            found.append(refusal(line, short(header) + ("" if mark == "?" else "?")))
    assert [wrong for wrong in found if wrong] == []

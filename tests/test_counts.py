"""Numbers of things in words."""

import re

import pytest

from labspin.counts import number_of
from tests.places import ROOT


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 runs wait"), (1, "1 run waits"), (2, "2 runs wait"), (-1, "-1 runs wait")]
)
def test_one_thing_is_in_the_singular(count, words):
    assert number_of(count, "run", "waits", "wait") == words
    assert number_of(count, "run") == words.rpartition(" ")[0]


def test_messages_of_the_command_line_count_runs_and_points_by_it():
    """A number that is written straight before a plural is wrong where it is one."""
    bare = re.compile(
        r'f"[^"\n]*\{(?:len\([^{}]*\)|count|number|made|done|points)\} (?:runs|points|tags|hosts)\b'
    )
    sources = sorted((ROOT / "labspin" / "cli").glob("*.py"))
    assert len(sources) > 20
    assert [f"{path.name}: {found[0]}" for path in sources for found in bare.finditer(path.read_text())] == []

"""What is found by name, for every kind alike."""

import os
import sys

import pytest

from labspin.errors import ConfigurationError
from labspin.mistakes import one_of
from labspin.plugins import Registry, load_module

THINGS = Registry("thing", "labspin.things", {"pi": "math:pi", "lost": "math:tau2"}, ConfigurationError)


def write(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_a_file_that_was_edited_is_read_again(tmp_path):
    path = write(tmp_path / "own.py", "value = 1\n")
    assert THINGS.load("own.py:value", tmp_path) == 1
    write(path, "value = 2\n")
    os.utime(path, ns=(1, 1))
    assert THINGS.load("own.py:value", tmp_path) == 2


def test_a_file_that_was_not_edited_is_run_once(tmp_path):
    path = write(tmp_path / "own.py", "value = object()\n")
    assert load_module(path) is load_module(path)


def test_two_files_of_one_name_are_two_modules(tmp_path):
    for folder, value in (("a", 1), ("b", 2)):
        write(tmp_path / folder / "own.py", f"value = {value}\n")
    assert [THINGS.load("own.py:value", tmp_path / folder) for folder in "aba"] == [1, 2, 1]


def test_a_file_that_fails_leaves_the_module_that_worked(tmp_path):
    path = write(tmp_path / "own.py", "class Own: pass\n")
    own = THINGS.load("own.py:Own", tmp_path)
    write(path, "1 / 0\n")
    with pytest.raises(ConfigurationError, match="cannot be loaded: ZeroDivisionError"):
        THINGS.load("own.py:Own", tmp_path)
    assert sys.modules[own.__module__].Own is own


@pytest.mark.parametrize(
    ("name", "match"),
    [
        (
            "pii",
            r"thing 'pii': wanted one of lost, pi, or 'file\.py:Class' for one of .*; did you mean 'pi'",
        ),
        ("lost", "has no 'tau2'; did you mean 'tau'"),
        ("none.py:x", r"there is no file '.*none\.py'"),
        ("own.py:valeu", "has no 'valeu'; did you mean 'value'"),
    ],
)
def test_what_is_not_there_is_one_sentence(tmp_path, name, match):
    write(tmp_path / "own.py", "value = 1\n")
    with pytest.raises(ConfigurationError, match=match):
        THINGS.load(name, tmp_path)


def test_of_many_names_a_sentence_says_where_they_are_listed():
    few, many = ([f"a{number}" for number in range(count)] for count in (20, 21))
    assert one_of(few).split(", ") == sorted(few)
    assert one_of(many) == "those that `labspin show` lists"

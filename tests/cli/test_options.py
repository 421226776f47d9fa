"""Every option that a command declares is read: one that nobody reads does nothing, and nobody says so."""

import argparse
import ast
from pathlib import Path

import pytest

from labspin import cli

HELPERS = ("__init__", "measuring", "overrides", "people", "output", "fit_runs", "fit_foreign", "keys")


def _declared():
    """Return the module of each command, its words, and the name of each of its options."""

    def walk(words, parser):
        execute = parser.get_default("execute")
        module = execute.__module__.rpartition(".")[2] if execute else words.partition(" ")[0] or "__init__"
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for name, inner in action.choices.items():
                    yield from walk(f"{words} {name}".strip(), inner)
            elif action.dest not in ("help", "version"):
                yield module, words, action.dest

    return sorted(set(walk("", cli.command_parser())))


def _read(module):
    """Return the attributes that a module of the command line reads of ``arguments``, and all its words."""
    tree = ast.parse((Path(cli.__file__).parent / f"{module}.py").read_text(encoding="utf-8"))
    attributes = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "arguments"
    }
    return attributes | {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}


SHARED = set().union(*map(_read, HELPERS))


@pytest.mark.parametrize(("module", "command", "option"), _declared())
def test_an_option_is_read(module, command, option):
    assert option in _read(module) | SHARED


@pytest.mark.parametrize(
    ("line", "near"),
    [("run card.toml --smaple D7", "--sample"), ("fit a.h5 --fixx=a", "--fix"),
     ("queue list --jsn", "--json"), ("ls --zzzzz", "")],
)  # fmt: skip
def test_a_mistyped_option_is_answered_by_its_command_with_what_is_near(line, near, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(line.split())
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert f"labspin {line.split()[0]}: error: unrecognized arguments: --" in said
    assert ("did you mean" in said) == bool(near)
    assert not near or said.rstrip().endswith(f"did you mean {near}?")

"""Write `command-line.md`, the page of all commands, out of the parser that the commands themselves use.

Run ``python docs/reference/command_line.py`` after an argument has changed; a test compares the page with it.
"""

from __future__ import annotations

import argparse
import inspect
import re
from pathlib import Path

from labspin.cli import command_parser

PAGE = Path(__file__).with_suffix(".md").with_name("command-line.md")
HEAD = """\
# Command line

Every command with its arguments, as `labspin COMMAND --help` prints them. The page is written by
`python docs/reference/command_line.py` out of the parser. What ends in … may be given
more than once. `--json`, where there is one, prints a document for a script to read.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | an error; its sentence is on stderr |
| 2 | wrong usage |
| 3 | a run that did not finish, or a fit that failed |
| 4 | a bench that could not be made safe, whatever else happened |
| 130 | interrupted |
"""


def words(text: str | None) -> str:
    """Return a help text or a docstring as Markdown."""
    marked = re.sub(r"``(.+?)``", r"`\1`", inspect.cleandoc(text or ""), flags=re.DOTALL)
    return marked.replace("|", "&#124;")


def named(action: argparse.Action) -> str:
    """Return how an argument is typed."""
    value = action.metavar or (action.dest.upper() if action.option_strings else action.dest)
    value = "|".join(value) if isinstance(value, tuple) else str(value)
    if action.choices is not None and not action.metavar:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    shown = value + ("…" if action.nargs in ("*", "+") or type(action).__name__ == "_AppendAction" else "")
    if not action.option_strings:
        return f"`{shown}`"
    takes = "" if action.nargs == 0 else f" {shown}"
    return ", ".join(f"`{one}{takes}`" for one in action.option_strings).replace("|", "&#124;")


def meaning(action: argparse.Action, prog: str) -> str:
    """Return the help text of an argument with what it names filled in."""
    return words((action.help or "") % {**vars(action), "prog": prog}).replace("\n", " ")


def section(parser: argparse.ArgumentParser, level: int, about: str | None) -> str:
    """Return the section of a command, and those of its actions."""
    own = [one for one in parser._actions if not isinstance(one, (argparse._HelpAction, argparse._SubParsersAction))]
    told = words(parser.description or about)
    rows = "".join(f"| {named(one)} | {meaning(one, parser.prog)} |\n" for one in own)
    table = f"| argument | |\n| --- | --- |\n{rows}" if rows else ""
    parts = [f"\n{'#' * level} {parser.prog}\n\n{told}\n\n{table}"]
    for group in (one for one in parser._actions if isinstance(one, argparse._SubParsersAction)):
        helps = {one.dest: one.help for one in group._choices_actions}
        seen: list[argparse.ArgumentParser] = []
        for name, inner in group.choices.items():
            if inner not in seen:
                seen.append(inner)
                parts.append(section(inner, level + 1, helps.get(name)))
    return "".join(parts)


def render() -> str:
    """Return the text of the page."""
    text = HEAD + section(command_parser(), 2, None)
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")

"""Notifications that runs have ended, sent by a command that the workspace names.

::

    [notify]
    command = ["notify-send", "{title}", "{text}"]     # or a script that mails, or curl to a webhook
    when = ["end", "failure"]                          # "run": also when each single run has finished

The words in braces are replaced in each argument, without a shell. The command gets the same words in its
environment, as ``LABSPIN_TITLE``, ``LABSPIN_TEXT`` and ``LABSPIN_WHEN``. It is started when the bench is
safe, has ten seconds, and its failure is only a warning: no measurement depends on it.
"""

from __future__ import annotations

import logging
import os
import subprocess
from pathlib import Path

from labspin.errors import LabspinError
from labspin.system import reason_of
from labspin.workspaces import Occasion, find_workspace

__all__ = ["notify"]

_log = logging.getLogger(__name__)
_PATIENCE = 10.0  # s


def notify(folder: Path | None, when: Occasion, title: str, text: str) -> None:
    """Send a notification, if the workspace asks for it.

    Parameters
    ----------
    folder
        A folder of the workspace; None: that of `labspin.workspaces.find_workspace`.
    when
        ``"run"``: a run has finished; ``"end"``: all runs of a command or queue have ended; ``"failure"``: a
        run failed, or a bench could not be made safe.
    title
        In a few words.
    text
        In a sentence or two.
    """
    try:
        asked = find_workspace(folder).notify
    except LabspinError:
        return  # the file was edited meanwhile; every other command reports its error
    if not asked.command or when not in asked.when:
        return
    words = {"title": title, "text": text, "when": when}
    command = [_filled(argument, words) for argument in asked.command]
    told = {f"LABSPIN_{name.upper()}": value for name, value in words.items()}
    try:
        subprocess.run(
            command,
            env={**os.environ, **told},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_PATIENCE,
            check=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or b""
        why = reason_of(error) if isinstance(error, OSError) else error
        _log.warning(
            "notify: %s: %s%s; correct [notify] in workspace.toml",
            command[0], why, f": {said.decode(errors='replace').strip()}" if said else "",
        )  # fmt: skip


def _filled(argument: str, words: dict[str, str]) -> str:
    for name, value in words.items():
        argument = argument.replace("{" + name + "}", value.replace("\0", " "))
    return argument

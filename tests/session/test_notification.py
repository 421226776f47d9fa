"""A person who is not there is told how runs ended, by the command that the workspace names."""

import json
import logging
import sys
import time
from pathlib import Path

import pytest

from labspin.cli import main
from labspin.errors import ConfigurationError
from labspin.session import notify
from labspin.workspaces import find_workspace
from tests.places import PATIENCE

TELL = """
import json, os, sys
with open("told.jsonl", "a") as file:
    file.write(json.dumps([*sys.argv[1:], os.environ["LABSPIN_WHEN"], os.environ["LABSPIN_TEXT"]]) + "\\n")
"""
QUICK = ["--set", "averages=1", "--set", "repetitions=1000", "--quiet"]


@pytest.fixture
def lab(tmp_path, monkeypatch):
    assert main(["init", str(tmp_path / "lab")]) == 0
    monkeypatch.chdir(tmp_path / "lab")
    Path("tell.py").write_text(TELL)
    ask('when = ["run", "end", "failure"]')
    return Path.cwd()


def ask(more="", command=(sys.executable, "tell.py", "{title}", "{text}; $HOME")):
    Path("workspace.toml").write_text(f"[notify]\ncommand = {json.dumps(list(command))}\n{more}\n")


def told():
    file = Path("told.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_the_end_of_a_run_is_told_as_words_and_by_no_shell(lab):
    assert main(["run", "procedures/rabi.toml", *QUICK]) == 0
    ((title, text, when, plain),) = told()
    assert title == "labspin: rabi.toml is over"
    assert when == "end"
    assert text == f"{plain}; $HOME"
    assert plain.endswith(".h5 finished")


def test_a_run_that_fails_is_told(lab):
    card = Path("procedures/mine.toml")
    Path("procedures/mine.py").write_text(
        "from labspin.errors import DeviceError\nfrom labspin.experiment import Procedure\n"
        "from labspin.data import Column\nclass Mine(Procedure):\n"
        "    quantities = (Column(name='y'),)\n    def plan(self): return [{}]\n"
        "    def measure(self, bench, point): raise DeviceError('lamp: burnt; change it')\n"
    )
    card.write_text('procedure = "mine.py:Mine"\nstation = "../instruments/levitated-diamond.toml"\n')
    assert main(["run", str(card), "--quiet"]) != 0
    ((title, _, when, plain),) = told()
    assert (when, title) == ("failure", "labspin: mine.toml has failed")
    assert "lamp: burnt; change it" in plain


def test_a_queue_tells_each_run_and_its_end(lab):
    assert main(["queue", "add", "procedures/rabi.toml", *QUICK[:-1], "--repeat", "2"]) == 0
    assert main(["queue", "run", "--quiet"]) == 0
    assert [(when, title) for title, _, when, _ in told()] == [
        ("run", "labspin: rabi has finished"),
        ("run", "labspin: rabi has finished"),
        ("end", "labspin: the queue is over"),
    ]
    assert told()[-1][3] == "2 runs, 0 not finished"


def test_only_what_was_asked_for_is_told(lab):
    ask('when = ["failure"]')
    notify(lab, "end", "a", "b")
    notify(lab, "failure", "c", "d")
    assert [row[0] for row in told()] == ["c"]


@pytest.mark.parametrize(
    "command", [("no-such-program", "{title}"), (sys.executable, "-c", "import sys; sys.exit('no network')")]
)
def test_a_command_that_fails_is_a_warning(lab, caplog, command):
    ask(command=command)
    with caplog.at_level(logging.WARNING):
        notify(lab, "end", "a", "b")
    assert "correct [notify] in workspace.toml" in caplog.text
    assert "[Errno" not in caplog.text


def test_a_command_that_hangs_keeps_nobody(lab, caplog, monkeypatch):
    monkeypatch.setattr("labspin.session.notification._PATIENCE", 0.2)
    ask(command=(sys.executable, "-c", "import time; time.sleep(3600)"))
    begin = time.monotonic()
    notify(lab, "end", "a", "b")
    assert time.monotonic() - begin < PATIENCE
    assert "timed out" in caplog.text


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("[notify]\ncommand = 'mail'", "notify.command: wanted a list"),
        ("[notify]\ncommand = ['a']\nwhen = ['always']", "wanted some of run, end, failure, got 'always'"),
        ("[notify]\ncomand = ['a']", "did you mean 'command'"),
    ],
)
def test_a_wrong_wish_is_refused(lab, text, match):
    Path("workspace.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=match):
        find_workspace()

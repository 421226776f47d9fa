"""What is recorded of program and machine."""

import os
import subprocess

import pytest

import labspin.experiment.environment as module


@pytest.fixture
def repository(tmp_path):
    """A repository whose index git would like to refresh: a file was touched but not changed."""

    def git(*arguments):
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(tmp_path), *arguments]
        subprocess.run(command, check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "file").write_text("content")
    git("add", "file")
    git("commit", "-q", "-m", "first")
    os.utime(tmp_path / "file", (1, 1))
    return tmp_path


def test_asking_git_leaves_the_index_alone(repository):
    from labspin.experiment.environment import _git

    index = repository / ".git" / "index"
    before = index.read_bytes()
    found = _git(repository)
    assert len(found["commit"]) == 40
    assert found["changed"] is False
    assert index.read_bytes() == before
    (repository / "file").write_text("other")
    assert _git(repository)["changed"] is True


def test_no_repository_is_no_state(tmp_path):
    from labspin.experiment.environment import _git

    assert _git(tmp_path) == {}


def test_the_record_says_version_packages_and_machine():
    found = module.environment()
    assert {"labspin", "packages", "python", "platform", "code", "workspace"} <= set(found)
    assert "numpy" in found["packages"]

"""The site keeps a version per release: what CONTRIBUTING says to type makes one beside the others."""

import json
import subprocess
import sys

import pytest

from tests.places import PATIENCE, ROOT, environment

pytest.importorskip("mike")
yaml = pytest.importorskip("yaml")
MIKE = (sys.executable, "-c", "import sys; from mike.driver import main; sys.exit(main())")


def test_two_releases_stand_beside_each_other_and_the_last_is_the_latest(tmp_path):
    def typed(*command: str) -> str:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert settings["extra"]["version"] == {"provider": "mike"}
    small = {key: settings[key] for key in ("site_name", "theme", "extra")}
    (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump({**small, "plugins": ["search"]}), encoding="utf-8")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# labspin\n", encoding="utf-8")
    typed("git", "init", "-q")
    for key, value in (("user.name", "A. Tester"), ("user.email", "a@example.org")):
        typed("git", "config", key, value)
    typed("git", "add", "-A")
    typed("git", "commit", "-q", "-m", "Begin")
    for version in ("0.1", "0.2"):
        typed(*MIKE, "deploy", "--update-aliases", version, "latest")
    typed(*MIKE, "set-default", "latest")
    listed = json.loads(typed("git", "show", "gh-pages:versions.json"))
    assert [(one["version"], one["aliases"]) for one in listed] == [("0.2", ["latest"]), ("0.1", [])]
    assert "latest/" in typed("git", "show", "gh-pages:index.html")
    files = typed("git", "ls-tree", "-r", "--name-only", "gh-pages").splitlines()
    assert {"0.1/index.html", "0.2/index.html"} <= set(files)


def test_the_steps_of_a_release_name_the_command():
    steps = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Release")[2]
    assert "mike deploy --push --update-aliases X.Y latest" in steps

"""Station files to write."""

import pytest


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "station.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write

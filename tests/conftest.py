"""What holds for all tests."""

import gc
import random
import signal
import subprocess

import pytest
from hypothesis import HealthCheck, settings

from labspin import plugins
from tests.probes import probes_are_forked, started_probes  # noqa: F401 - fixtures of all tests
from tests.qt import WHY_NOT

pytest_plugins = [] if WHY_NOT else ["pytestqt.plugin"]

# How long an example takes, to be drawn or to be tried, says nothing on a loaded machine; tests have a time
# limit of their own.
settings.register_profile("labspin", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("labspin")


@pytest.fixture(scope="session", autouse=True)
def signals_heard():
    """Hear the signals that a launcher such as ``nohup … &`` ignores: tests send them."""
    for name, handler in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(scope="session", autouse=True)
def claims_of_their_own(tmp_path_factory):
    """Keep the claims of this run apart: the port of a bench that is gone may be claimed, and given again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABSPIN_CLAIMS", str(tmp_path_factory.mktemp("claims")))
        yield


@pytest.fixture(autouse=True)
def _forget_entry_points():
    """Tests that install packages leave none behind."""
    yield
    plugins.installed.cache_clear()


@pytest.fixture
def small_disk(tmp_path):
    """A folder that is a file system of 4 MB of its own, where one may be mounted (by root)."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect without the collector of circles: it looks at all tests again and again, and frees nothing.

    What is there after that stays until the end, so it is not looked at while tests run either.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_addoption(parser):
    """Add the option by which every run in CI takes some of the slow tests along."""
    parser.addoption(
        "--slow-sample", default="", metavar="N:SEED",
        help="of the tests marked slow only N, drawn by SEED (any word); use with -m slow",
    )  # fmt: skip


def pytest_collection_modifyitems(config, items):
    """Leave the slow tests that are not drawn out; the draw does not depend on the order of collection."""
    chosen, _, word = config.getoption("--slow-sample").partition(":")
    if not chosen:
        return
    slow = sorted(item.nodeid for item in items if item.get_closest_marker("slow"))
    drawn = set(random.Random(word).sample(slow, min(int(chosen), len(slow))))
    left_out = [item for item in items if item.nodeid in slow and item.nodeid not in drawn]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]

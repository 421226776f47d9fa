"""What holds for all tests."""

import signal

import pytest
from hypothesis import settings

from labspin import plugins

# How long an example takes says nothing on a loaded machine; tests have a time limit of their own.
settings.register_profile("labspin", deadline=None)
settings.load_profile("labspin")


@pytest.fixture(scope="session", autouse=True)
def signals_heard():
    """Hear the signals that a launcher such as ``nohup … &`` ignores: tests send them."""
    for name, handler in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _forget_entry_points():
    """Tests that install packages leave none behind."""
    yield
    plugins.installed.cache_clear()

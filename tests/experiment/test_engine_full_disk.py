import signal
import subprocess
import sys
import textwrap

import pytest

from labspin.data import read_run, recover
from tests.places import PATIENCE, environment

_CODE = """
    import resource, signal, sys
    from pathlib import Path
    from tests.experiment.fakes import fake_bench
    from labspin.data import Column
    from labspin.errors import StorageError
    from labspin.experiment import Linear, Procedure, run

    class Long(Procedure):
        quantities = (Column(name="y"),)
        def plan(self):
            return Linear("magnet.current", 0.0, 1.0, 2000, unit="A")
        def measure(self, bench, point):
            return {{"y": bench.magnet.current}}

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
    bench = fake_bench()
    try:
        run(Long(), bench, Path({path!r}))
    except StorageError as error:
        assert (bench.magnet.current, bench.magnet.safe_calls, bench.microwave.safe_calls) == (0.0, 1, 1)
        sys.exit(17)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no file size limit here")
@pytest.mark.parametrize("limit", [20_000, 60_000])
def test_a_disk_that_fills_up_leaves_the_bench_safe_and_every_acknowledged_point(tmp_path, limit):
    path = tmp_path / "run.h5"
    code = _CODE.format(limit=limit, path=str(path))
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], check=False, timeout=PATIENCE, env=environment()
    )
    assert ended.returncode == 17
    points = len(read_run(path).points)
    assert 0 < points < 2000
    recover(tmp_path)
    recorded = read_run(path)
    assert len(recorded.points) == points
    assert (recorded.data["y"][:points] == recorded.coordinates["magnet_current"][:points]).all()

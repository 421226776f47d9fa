"""Fits on a Dask cluster: many machines that see the same files, results streamed back as they come.

The scheduler gives the jobs of a worker that died to another one, so that a lost machine costs time but no
result; only a job that loses its worker again and again is given up, and said to be.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from labspin.analysis.files.jobs import fit_file
from labspin.analysis.files.results import FileResult, FitJob
from labspin.errors import FitError

if TYPE_CHECKING:
    from types import ModuleType


__all__ = ["fit_on_cluster"]

_AHEAD = 4
_log = logging.getLogger(__name__)


def fit_on_cluster(jobs: Iterable[FitJob], address: str, *, timeout: float = 20.0) -> Iterator[FileResult]:
    """Fit ``jobs`` on the cluster whose scheduler has ``address`` and yield the results as they come.

    Parameters
    ----------
    jobs
        One for each file. The workers must see the files under the same paths.
    address
        Address of the scheduler, such as ``"tcp://host:8786"``.
    timeout
        How long to wait for the scheduler, s.

    Returns
    -------
    results
        One `FileResult` a job, in the order in which they end.

    Raises
    ------
    FitError
        Dask is not installed, the scheduler does not answer within ``timeout`` (s), or it is lost on the way.
    """
    try:
        import distributed
    except ImportError as error:
        raise FitError("dask: wanted the package distributed; pip install 'labspin[distributed]'") from error
    try:
        client = _client(distributed, address, timeout)
    except (OSError, ValueError, TypeError) as error:
        raise FitError(f"dask {address}: no scheduler answers there: {error or 'time-out'}") from error
    return _results(client, distributed, iter(jobs), address)


def _client(distributed: ModuleType, address: str, timeout: float) -> Any:
    return distributed.Client(address, timeout=timeout, set_as_default=False)


def _results(
    client: Any, distributed: ModuleType, jobs: Iterator[FitJob], address: str
) -> Iterator[FileResult]:
    flying: dict[str, FitJob] = {}

    def start(job: FitJob) -> object:
        job = replace(job, path=job.path.absolute())
        future = client.submit(fit_file, job, pure=False)
        flying[future.key] = job
        return future

    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            _log.warning(
                "dask %s: no worker is there, waiting for one; start it with: dask worker %s",
                address,
                address,
            )
        first = [start(job) for job in itertools.islice(jobs, _AHEAD * max(threads, 1))]
        coming = distributed.as_completed(first, loop=client.loop, with_results=True, raise_errors=False)
        for future, result in coming:
            job = flying.pop(future.key)
            if future.status in ("cancelled", "lost"):
                raise FitError(f"dask {address}: the scheduler was lost; the fits made so far are stored")
            if (following := next(jobs, None)) is not None:
                coming.add(start(following))
            if future.status == "error":
                text = f"{job.path}: given up by the cluster: {result[1]}"
                result = FileResult(path=job.path, status="failed", error=text)
            yield result

"""Many files: fitted side by side, each result handed on as it comes, none of them lost to a bad neighbour.

On one machine the work is done by processes; `labspin.analysis.files.cluster` gives it to a Dask cluster.
At any time only a few jobs a worker are on their way, and a result holds parameters but no curves, so that
memory does not grow with the number of files. A process that dies takes nothing with it but the job that
killed it.

The processes never run the script that called: it need not be guarded by ``if __name__ == "__main__"``.
They do not hear Ctrl-C either, but finish the file in hand; what they stored is found again by the next
call.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from labspin.analysis.files.chain import ChainOutcome, chain_fit, chain_names, link_of
from labspin.analysis.files.jobs import fit_file
from labspin.analysis.files.results import FileResult, FitJob
from labspin.analysis.files.together import fit_files_as_stack
from labspin.analysis.recipes.recipe import Recipe, load_recipe
from labspin.errors import FitError

__all__ = ["fit_chain", "fit_many"]

_AHEAD = 4
"""Jobs on their way for every worker."""
_HEAVY = (
    "lmfit",
    "labspin.analysis.fitting.curve",
    "labspin.analysis.fitting.lmfit_bridge",
    "labspin.analysis.recipes.stack_fit",
    "labspin.analysis.recipes.fit_records",
    "labspin.data.reader",
    "labspin.data.nexus.read",
    "labspin.data.nexus.publish",
    "labspin.data.nexus.run_file",
)
"""What every fit needs and what takes seconds to import: the server does it once, its forks have it."""


def fit_many(
    paths: Iterable[Path | str],
    recipe: Recipe | Path | str | None = None,
    *,
    write: bool = True,
    workers: int | None = None,
    dask: str | None = None,
    force: bool = False,
    curves: bool = False,
    wanted: tuple[str, ...] = (),
) -> Iterator[FileResult]:
    """Fit run files and yield one result a file as they come, in any order.

    A joint recipe that is named takes the traces of all files together, here and at once.

    Parameters
    ----------
    paths
        Run files; they are asked for as workers become free.
    recipe
        A recipe, its file or its name; None: the one for each run's procedure.
    write
        Store the fits in the run files.
    workers
        Processes; 1: do it here; None: as many as there are processors.
    dask
        Address of a Dask scheduler; the workers must see the files under the same paths.
    force
        Fit again what is stored already.
    curves
        Bring data and curves along, to be drawn; memory then grows with the number of files.
    wanted
        Names of which the value at each trace is wanted, see `FileResult.context`.

    Raises
    ------
    RecipeError
        There is no such recipe.
    FitError
        The number of workers makes no sense, or the cluster cannot be reached; the joint fit failed.
    """
    if workers is not None and workers < 1:
        raise FitError(f"workers: wanted at least 1, got {workers}")
    if dask is not None and recipe is None:
        raise FitError("dask: wanted a recipe, since workers elsewhere do not see this workspace; name one")
    chosen = recipe if isinstance(recipe, Recipe) or recipe is None else load_recipe(recipe)
    jobs = (
        FitJob(path=Path(path), recipe=chosen, write=write, force=force, curves=curves, wanted=wanted)
        for path in paths
    )
    if chosen is not None and chosen.is_joint and not chosen.chain:
        return iter(fit_files_as_stack(list(jobs)))
    if dask is not None:
        from labspin.analysis.files.cluster import fit_on_cluster

        return fit_on_cluster(jobs, dask)
    count = workers or _processors()
    return map(fit_file, jobs) if count == 1 else run_jobs(jobs, count)


def fit_chain(paths: Iterable[Path | str], recipe: Recipe | Path | str, **options: Any) -> ChainOutcome:
    """Fit each run by the recipe that goes before, then the results by ``recipe``.

    Parameters
    ----------
    paths
        Run files.
    recipe
        A recipe with a section ``[chain]``.
    options
        Passed to `fit_many`: ``write``, ``workers``, ``dask``, ``force``.

    Raises
    ------
    RecipeError
        The recipe is no chain, or names what neither the fits nor the runs have.
    FitError
        Too few fits are left, or they cannot be fitted.
    """
    chosen = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    before = link_of(chosen)
    files = list(paths)
    results = fit_many(files, before, wanted=chain_names(chosen), **options)
    order = {str(Path(path).absolute()): place for place, path in enumerate(files)}
    ordered = sorted(results, key=lambda result: order[str(result.path.absolute())])
    return chain_fit(ordered, chosen)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_jobs(
    jobs: Iterable[FitJob], workers: int, work: Callable[[FitJob], FileResult] = fit_file
) -> Iterator[FileResult]:
    """Do ``work`` on each job in ``workers`` processes and yield the results as they come.

    Where a process dies, those that it may have been working on are tried again, one by one; the job that
    kills its process a second time has failed.
    """
    waiting = iter(jobs)
    while True:
        suspects: list[FitJob] = []
        yield from _run_until_broken(waiting, workers, work, suspects)
        if not suspects:
            return
        for job in suspects:
            yield _run_alone(job, work)


def _run_until_broken(
    jobs: Iterator[FitJob], workers: int, work: Callable[[FitJob], FileResult], suspects: list[FitJob]
) -> Iterator[FileResult]:
    pool = _pool(workers)
    flying: dict[Future[FileResult], FitJob] = {}
    try:
        while True:
            if not suspects:
                _top_up(pool, jobs, workers, work, flying, suspects)
            if not flying:
                return
            for future in wait(flying, return_when=FIRST_COMPLETED).done:
                job = flying.pop(future)
                try:
                    yield future.result()
                except BrokenProcessPool:
                    suspects.append(job)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _top_up(
    pool: ProcessPoolExecutor,
    jobs: Iterator[FitJob],
    workers: int,
    work: Callable[[FitJob], FileResult],
    flying: dict[Future[FileResult], FitJob],
    suspects: list[FitJob],
) -> None:
    while len(flying) < _AHEAD * workers and (job := next(jobs, None)) is not None:
        try:
            with _main_hidden():
                flying[pool.submit(work, job)] = job
        except BrokenProcessPool:
            suspects.append(job)
            return


def _run_alone(job: FitJob, work: Callable[[FitJob], FileResult]) -> FileResult:
    with _pool(1) as pool:
        try:
            with _main_hidden():
                future = pool.submit(work, job)
            return future.result()
        except BrokenProcessPool:
            text = f"{job.path}: the process that fitted it was killed, twice; it may need too much memory"
            return FileResult(path=job.path, status="failed", error=text)


def _pool(workers: int) -> ProcessPoolExecutor:
    """Return fresh processes: a fork of this one would inherit its threads' locks and open files."""
    if "forkserver" in multiprocessing.get_all_start_methods():
        context: Any = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__, *_HEAVY])
    else:
        context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_deaf)


def _deaf() -> None:
    """Leave Ctrl-C to the process that gave the work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextlib.contextmanager
def _main_hidden() -> Iterator[None]:
    """Keep new processes from running the caller's script, which without a guard would start all over."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main

"""Fits: models, guesses, recipes, batches of traces, spectra, uncertainties, pictures.

`fit_curve` fits one trace, `fit_run` a run file by the recipe of its procedure, `fit_spectrum` an averaged
power spectrum by its own statistics. The names below are loaded on first use, so that importing this
package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labspin.analysis.batch import fit_batch
    from labspin.analysis.batch_result import STATUS, BatchResult
    from labspin.analysis.chain import ChainOutcome, chain_fit, fit_chain, write_chain
    from labspin.analysis.counts import fit_counts
    from labspin.analysis.curve import chi2_probability, fit_curve
    from labspin.analysis.derived import derive, with_derived
    from labspin.analysis.expression import Expression
    from labspin.analysis.fit import fit_foreign, fit_run, fit_runs, write_outcomes
    from labspin.analysis.jobs import FileResult
    from labspin.analysis.live import LivePlot
    from labspin.analysis.many import fit_many
    from labspin.analysis.model import FitModel, Parameter
    from labspin.analysis.models import MODELS, load_model, model_from_function
    from labspin.analysis.models.oscillations import ring_down_window
    from labspin.analysis.outcome import FitOutcome, FitStatistics, FittedParameter
    from labspin.analysis.plots import figure_of, plot_outcomes, plot_t1
    from labspin.analysis.posterior import Posterior, sample_posterior
    from labspin.analysis.recipes import Recipe, default_recipe, list_recipes, load_recipe
    from labspin.analysis.report import report_html, write_report
    from labspin.analysis.runplots import plot_runs
    from labspin.analysis.stored import outcomes_of
    from labspin.analysis.tables import TableWriter
    from labspin.analysis.thermal import SpectrumFit, fit_spectrum, gamma_deviance
    from labspin.analysis.uncertainty import (
        Bootstrap,
        Interval,
        ModelComparison,
        bootstrap,
        compare_models,
        count_dips,
        profile_interval,
    )

_LAZY = {
    "BatchResult": "batch_result",
    "Bootstrap": "uncertainty",
    "ChainOutcome": "chain",
    "Expression": "expression",
    "FileResult": "jobs",
    "FitModel": "model",
    "FitOutcome": "outcome",
    "FitStatistics": "outcome",
    "FittedParameter": "outcome",
    "Interval": "uncertainty",
    "LivePlot": "live",
    "MODELS": "models",
    "ModelComparison": "uncertainty",
    "Parameter": "model",
    "Posterior": "posterior",
    "Recipe": "recipes",
    "STATUS": "batch_result",
    "SpectrumFit": "thermal",
    "TableWriter": "tables",
    "bootstrap": "uncertainty",
    "chain_fit": "chain",
    "chi2_probability": "curve",
    "compare_models": "uncertainty",
    "count_dips": "uncertainty",
    "default_recipe": "recipes",
    "derive": "derived",
    "figure_of": "plots",
    "fit_batch": "batch",
    "fit_chain": "chain",
    "fit_counts": "counts",
    "fit_curve": "curve",
    "fit_foreign": "fit",
    "fit_many": "many",
    "fit_run": "fit",
    "fit_runs": "fit",
    "fit_spectrum": "thermal",
    "gamma_deviance": "thermal",
    "list_recipes": "recipes",
    "load_model": "models",
    "load_recipe": "recipes",
    "model_from_function": "models",
    "outcomes_of": "stored",
    "plot_outcomes": "plots",
    "plot_runs": "runplots",
    "plot_t1": "plots",
    "profile_interval": "uncertainty",
    "report_html": "report",
    "ring_down_window": "models.oscillations",
    "sample_posterior": "posterior",
    "with_derived": "derived",
    "write_chain": "chain",
    "write_outcomes": "fit",
    "write_report": "report",
}

__all__ = [
    "MODELS",
    "STATUS",
    "BatchResult",
    "Bootstrap",
    "ChainOutcome",
    "Expression",
    "FileResult",
    "FitModel",
    "FitOutcome",
    "FitStatistics",
    "FittedParameter",
    "Interval",
    "LivePlot",
    "ModelComparison",
    "Parameter",
    "Posterior",
    "Recipe",
    "SpectrumFit",
    "TableWriter",
    "bootstrap",
    "chain_fit",
    "chi2_probability",
    "compare_models",
    "count_dips",
    "default_recipe",
    "derive",
    "figure_of",
    "fit_batch",
    "fit_chain",
    "fit_counts",
    "fit_curve",
    "fit_foreign",
    "fit_many",
    "fit_run",
    "fit_runs",
    "fit_spectrum",
    "gamma_deviance",
    "list_recipes",
    "load_model",
    "load_recipe",
    "model_from_function",
    "outcomes_of",
    "plot_outcomes",
    "plot_runs",
    "plot_t1",
    "profile_interval",
    "report_html",
    "ring_down_window",
    "sample_posterior",
    "with_derived",
    "write_chain",
    "write_outcomes",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"labspin.analysis.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'labspin.analysis' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})

from .expression import Expression as Expression
from .files.chain import (
    ChainOutcome as ChainOutcome,
    chain_fit as chain_fit,
    write_chain as write_chain,
)
from .files.choosing import Choice as Choice, choose_runs as choose_runs
from .files.many import fit_chain as fit_chain, fit_many as fit_many
from .files.results import FileResult as FileResult
from .files.stored import outcomes_of as outcomes_of
from .files.tables import TableWriter as TableWriter, check_table as check_table
from .fitting.batch import fit_batch as fit_batch
from .fitting.batch_result import STATUS as STATUS, BatchResult as BatchResult
from .fitting.counts import fit_counts as fit_counts
from .fitting.curve import chi2_probability as chi2_probability, fit_curve as fit_curve
from .fitting.derived import derive as derive, with_derived as with_derived
from .fitting.joint import JointFit as JointFit, JointTrace as JointTrace, fit_joint as fit_joint
from .fitting.lmfit_bridge import LabspinModel as LabspinModel
from .fitting.posterior import Posterior as Posterior, sample_posterior as sample_posterior
from .fitting.spectrum import (
    SpectrumFit as SpectrumFit,
    fit_spectrum as fit_spectrum,
    gamma_deviance as gamma_deviance,
)
from .fitting.uncertainty import (
    Bootstrap as Bootstrap,
    Interval as Interval,
    ModelComparison as ModelComparison,
    bootstrap as bootstrap,
    compare_models as compare_models,
    count_dips as count_dips,
    profile_interval as profile_interval,
)
from .model import FitModel as FitModel, Parameter as Parameter
from .models import (
    MODELS as MODELS,
    load_model as load_model,
    model_from_function as model_from_function,
    model_names as model_names,
)
from .models.switch_off import ring_down_window as ring_down_window
from .outcome import (
    FitOutcome as FitOutcome,
    FitStatistics as FitStatistics,
    FittedParameter as FittedParameter,
)
from .pictures.live import LivePlot as LivePlot
from .pictures.over_time import plot_readings as plot_readings
from .pictures.plots import figure_of as figure_of, plot_outcomes as plot_outcomes, plot_t1 as plot_t1
from .pictures.pulses import (
    draw_sequence as draw_sequence,
    plot_sequences as plot_sequences,
    sequence_figure as sequence_figure,
)
from .pictures.runplots import plot_runs as plot_runs
from .recipes.changes import changed_recipe as changed_recipe
from .recipes.fit_run import (
    fit_run as fit_run,
    fit_runs as fit_runs,
    write_outcomes as write_outcomes,
)
from .recipes.foreign import (
    ForeignTrace as ForeignTrace,
    Section as Section,
    fit_foreign as fit_foreign,
    fit_foreign_trace as fit_foreign_trace,
    read_trace as read_trace,
)
from .recipes.recipe import (
    Recipe as Recipe,
    default_recipe as default_recipe,
    list_recipes as list_recipes,
    load_recipe as load_recipe,
)
from .recipes.unaided import Candidate as Candidate, Proposal as Proposal, propose as propose
from .report import report_html as report_html, write_report as write_report

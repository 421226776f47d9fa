# %% [markdown]
# # A levitated diamond
#
# T1 of NV centres away from every resonance, and where two of the four classes have the same transition frequency.
# Everything runs on the simulated bench; with the station file of a real one it is the same.

# %%
# %matplotlib inline
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import labspin
from labspin.analysis import fit_run
from labspin.physics import nv
from labspin.procedures import load_procedure
from labspin.session import init_workspace

lab = Path(tempfile.mkdtemp()) / "lab"
files = init_workspace(lab)
# %% [markdown]
# ## What is expected
#
# Physics is plain functions of arrays. Here are the lower transitions of the four classes against the field of the
# electromagnet, and where two of them meet.

# %%
bench = nv.LABORATORY_BENCH
scan = np.linspace(0, 2.5e-3, 251)
lines = nv.transition_frequencies(
    field=bench.bench.field(scan),
    orientation=bench.orientation,
)
plt.plot(1e3 * scan, lines[..., 0] / (2e9 * np.pi))
plt.axvline(1e3 * bench.pair_at, color="0.7")
plt.xlabel("field of the electromagnet (mT)")
_ = plt.ylabel("lower transitions (GHz)")
# %% [markdown]
# ## Two measurements
#
# A procedure is a class with parameters, a bench is what a station file describes. The engine ramps, measures, makes
# the bench safe, and writes one file a run.

# %%
T1 = load_procedure("t1")
cases = {
    "alone": ("0 G", "2.6014 GHz", "10 ms"),
    "two resonant": ("17 G", "2.7705 GHz", "4 ms"),
}
runs = {}
with labspin.load_station(lab / "instruments" / "levitated-diamond.toml").connect(seed=1) as simulated:
    for label, (field, frequency, longest) in cases.items():
        procedure = T1(
            magnet_field=field,
            microwave_frequency=frequency,
            microwave_power="10 dBm",
            pi_duration="100 ns",
            dark_time_start="20 us",
            dark_time_stop=longest,
            dark_times=21,
            averages=2,
            repetitions=40000,
        )
        outcome = labspin.run(procedure, simulated, lab / "data" / f"{label}.h5", label=label)
        runs[label] = outcome.path
        print(label, outcome.status, outcome.points, "points")

# %% [markdown]
# ## The data
#
# A run opens as an xarray data set, with coordinates, units and everything that is known of it.

# %%
data = labspin.open(runs["alone"])
print(data)

# %% [markdown]
# ## The fit
#
# A recipe says which model describes which quantity; that of `t1` fits a stretched exponential to the difference of the
# traces without and with a π pulse, which is free of the charge state's recovery in the dark.

# %%
fits = {label: fit_run(path)[0] for label, path in runs.items()}
for label, fit in fits.items():
    print(f"{label:12}  T1 = {fit['T1'].text()}   β = {fit['beta'].text()}")

# %% [markdown]
# A fit shows itself with its data and the residuals:

# %%
fits["alone"].plot()

# %% [markdown]
# The physics of the sample gives, for the same classes,

# %%
for label, field, which in (
    ("alone", 0.0, 0),
    ("two resonant", bench.pair_at, bench.pair[0]),
):
    times = nv.relaxation_times(
        field=bench.bench.field(field),
        orientation=bench.orientation,
        relaxation=nv.CR_MEASURED,
    )
    true, found = times[which], fits[label]["T1"]
    pull = (found.value - true) / found.stderr
    print(f"{label:12}  {1e6 * true:.0f} µs, the fit is {pull:+.1f} σ away")

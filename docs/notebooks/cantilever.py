# %% [markdown]
# # A cantilever and its spins
#
# Frequency and dissipation of a magnet on a cantilever, 2.2 µm above a surface with spins, against temperature: what
# is expected, a night of temperatures in seconds, and the density of the spins from the fit.

# %%
# %matplotlib inline
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import labspin
from labspin.analysis import fit_run
from labspin.physics import mrfm
from labspin.procedures import load_procedure
from labspin.session import init_workspace

lab = Path(tempfile.mkdtemp()) / "lab"
files = init_workspace(lab)
# %% [markdown]
# ## What is expected
#
# The geometry is reduced once to a spectrum; then a temperature costs a microsecond. The preset is Fig. 3.3 of
# J. Wagenaar's thesis.

# %%
kelvin = np.geomspace(0.01, 1, 200)
figure, (top, bottom) = plt.subplots(2, 1, sharex=True)
for phase in (0.1, 1, 10):
    shift = mrfm.bath_shifts(temperature=kelvin, phase=phase)
    top.semilogx(
        kelvin,
        shift.angular_frequency / (2 * np.pi),
        label=f"ω₀T1 = {phase:g}",
    )
    bottom.semilogx(kelvin, shift.inverse_quality)
top.set_ylabel("frequency shift (Hz)")
top.legend()
bottom.set_ylabel("Δ(1/Q)")
_ = bottom.set_xlabel("temperature (K)")
# %% [markdown]
# ## A night of temperatures
#
# The procedure waits at each temperature until the readings neither scatter nor drift, finds the resonance, sets the
# drive, and records the complex response. On the simulated bench an hour takes a second. Here with half of the
# temperatures of the card that is shipped.

# %%
MRFMTemperature = load_procedure("mrfm_temperature")
procedure = MRFMTemperature(
    temperature_start="30 mK",
    temperature_stop="1 K",
    temperature_points=10,
    stability_window="60 s",
    stability_poll="5 s",
    soak_time="60 s",
    search_start="2995 Hz",
    search_stop="3010 Hz",
    bare_frequency="3 kHz",
    drive="20 mV",
    response_target="50 mV",
    time_constant="1 ms",
    sweep_points=41,
    sweep_span=6,
    ring_downs=5,
)
with labspin.load_station(lab / "instruments" / "mrfm-cantilever.toml").connect(seed=1) as simulated:
    outcome = labspin.run(procedure, simulated, lab / "data" / "night.h5")
    print(
        outcome.status,
        outcome.points,
        "temperatures in",
        round(simulated.clock.now() / 60),
        "simulated minutes",
    )

# %% [markdown]
# ## From the resonances to the spins
#
# The recipe fits frequency and 1/Q at all temperatures together: the density of the spins, their T1, and its exponent.

# %%
bath = fit_run(outcome.path)[0]
for name in ("density", "T1", "T1_exponent"):
    print(f"{name:12} {bath[name].text()}")
print(f"reduced χ²   {bath.statistics.chi2red:.2f}")

# %%
data = labspin.open(outcome.path)
low, high = float(data["temperature"].min()), float(data["temperature"].max())
print(
    f"measured from {1e3 * low:.0f} mK to {high:.2f} K; "
    f"the bench was made with {0.14e18:.3g} spins/m² and T1 = 50 µs"
)

# %% [markdown]
# # NV centres over a magnetic film
#
# Thermal spin waves of a film relax NV centres near it. From the two relaxation rates against the field follows the
# distance. Here is the physics, and what an experiment sees of it.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np

from labspin.physics import spinwaves

film, spin = spinwaves.YIG_FIGURES, spinwaves.NV_TABLE1
print(film)

# %% [markdown]
# ## Spin waves
#
# Frequencies of the lowest bands across the field (Damon–Eshbach, φ = 0) and along it (backward volume, φ = π/2), for
# 20 mT, with the two transitions of an NV centre whose axis lies along the field.

# %%
field = 20e-3
kd = np.geomspace(1e-2, 20, 400)
for band in (0, 1):
    for angle, style in ((0.0, "-"), (np.pi / 2, "--")):
        omega = spinwaves.mode_frequency(
            film=film,
            field=field,
            wavenumber=kd / film.thickness,
            angle=angle,
            band=band,
        )
        plt.semilogx(
            kd,
            omega / (2e9 * np.pi),
            style,
            color=f"C{band}",
            label=f"n = {band}, φ = {np.degrees(angle):.0f}°",
        )
lines = spinwaves.transition_frequencies(spin=spin, field=field)
for name, omega in zip(("ω₋", "ω₊"), lines, strict=True):
    gigahertz = float(omega) / (2e9 * np.pi)
    plt.axhline(gigahertz, color="0.6")
    plt.annotate(name, (0.011, gigahertz + 0.1))
plt.ylim(0, 8)
plt.legend()
plt.xlabel("wavenumber × thickness")
_ = plt.ylabel("frequency (GHz)")
# %% [markdown]
# ## Two rates
#
# The waves that are resonant with each transition relax the centre over it. Their field falls with e^(−kl), so the upper
# transition, whose waves are short, dominates close to the film and is gone far from it.

# %%
distance = np.geomspace(0.05, 5, 25) * film.thickness
for millitesla in (5, 20, 35):
    bath = spinwaves.spin_wave_bath(
        film=film,
        spin=spin,
        distance=distance,
        field=1e-3 * millitesla,
        temperature=300.0,
    )
    times = spinwaves.relaxation_times(
        spin=spin,
        field=1e-3 * millitesla,
        temperature=300.0,
        bath=bath,
    )
    plt.loglog(
        distance / film.thickness,
        np.broadcast_to(times.shortest, distance.shape),
        label=f"{millitesla} mT",
    )
plt.xlabel("distance / thickness")
plt.ylabel("T1' (s)")
_ = plt.legend()
# %% [markdown]
# The paper that this physics follows keeps the lower transition only. What that would have said of a centre at one
# thickness, and at a fifth of it, at 35 mT:

# %%
near = np.array([0.2, 1.0]) * film.thickness
for transitions in ("lower", "both"):
    bath = spinwaves.spin_wave_bath(
        film=film,
        spin=spin,
        distance=near,
        field=35e-3,
        temperature=300.0,
        transitions=transitions,
    )
    times = spinwaves.relaxation_times(
        spin=spin,
        field=35e-3,
        temperature=300.0,
        bath=bath,
    ).shortest
    print(f"{transitions:6}", ", ".join(f"{1e6 * time:.4g} µs" for time in times))

# %% [markdown]
# ## What an experiment sees
#
# `labspin run procedures/relaxometry.toml --fit` measures both rates against the field on the simulated bench, by the
# populations of all three states, and gives the distance. How sensitive it is, in one number a field: by how many per cent
# the lower rate changes when the distance grows by one per cent, at two thicknesses.

# %%
fields = np.linspace(5e-3, 40e-3, 36)
middle = 2 * film.thickness
pair = np.array([middle, 1.01 * middle])[:, None]
bath = spinwaves.spin_wave_bath(
    film=film,
    spin=spin,
    distance=pair,
    field=fields,
    temperature=300.0,
)
change = 100 * (bath.decay_minus[1] / bath.decay_minus[0] - 1)
plt.plot(1e3 * fields, change)
plt.xlabel("field (mT)")
_ = plt.ylabel("change of the lower rate (%)")

"""Random stations: supplies, sources and cryostats with limits and ramps that hypothesis draws."""

from hypothesis import strategies as st

SIMULATION = """
[station]
name = "random"
safe_order = {order}
[simulation]
sample = "{sample}"
seed = {seed}
"""
PULSED = """
[instruments.pulses]
role = "PulseGenerator"
driver = "pulse_streamer"
[instruments.counter]
role = "PhotonCounter"
driver = "sr400"
options = {{ detectors = {{ pl = 1, reflected = 2 }} }}
wiring = {{ input1 = "pl", input2 = "reflected" }}
"""
SOURCES = {"sg384": (950e3, 4.05e9, -110, 16.5), "smb100a": (9e3, 6e9, -145, 30),
           "scpi_source": (250e3, 20e9, -135, 21)}  # fmt: skip
SUPPLIES = {"36-12": 12.0, "20-20": 20.0, "100-1": 1.0, "e36312a": 5.0}
RESISTANCE = {"36-12": (0.05, 1.5), "20-20": (0.02, 0.5), "100-1": (1.0, 50.0), "e36312a": (0.05, 0.6)}


unit_interval = st.floats(0, 1)


@st.composite
def limits(draw, low, high, *, zero=False):
    """Draw two limits within a range; with ``zero``, about it, as a rule."""
    ends = sorted(low + (high - low) * draw(unit_interval) for _ in range(2))
    if zero and draw(st.integers(0, 19)) != 19:
        ends = [min(ends[0], 0.0), max(ends[1], 0.0)]
    if ends[1] - ends[0] < 0.01 * (high - low):
        ends = [low, high]
    return tuple(float(f"{end:.7g}") for end in ends)


def _table(name, low, high, unit, **more):
    lines = [f"[instruments.{name}]", f'limits = ["{low!r} {unit}", "{high!r} {unit}"]']
    return "\n".join(lines + [f"{key} = {value}" for key, value in more.items()]) + "\n"


@st.composite
def ramps(draw, low, high, unit, *, most=40):
    """Draw a ramp of at most so many steps across the range, or none."""
    if draw(st.integers(0, 4)) == 0:
        return {}
    interval = draw(st.sampled_from([0.01, 0.05, 0.1, 0.37, 1.0]))
    rate = (high - low) / (draw(st.integers(2, most)) * interval)
    return {"ramp_rate": f'"{rate:.6g} {unit}/s"', "ramp_interval": f'"{interval} s"'}


@st.composite
def magnets(draw):
    """Draw a supply with its coil, limits, ramp and calibration; return its tables and its limits."""
    model = draw(st.sampled_from(list(SUPPLIES)))
    most, bipolar = SUPPLIES[model], model != "e36312a"
    low, high = draw(limits(-most if bipolar else 0.0, most, zero=True))
    more = draw(ramps(low, high, "A"))
    if draw(st.booleans()):
        more["safe"] = f'"{draw(st.sampled_from([0.0] * 7 + [low, high]))!r} A"'
    if draw(st.integers(0, 3)):
        more["readback"] = '"measured_current"'
    if draw(st.booleans()):
        more["settle"] = '{ wait = "20 ms", tolerance = "%r A", timeout = "20 s" }' % (0.02 * most)
    slope = draw(st.sampled_from(["15 G/A", "-40 G/A", "1 mT/A"]))
    if draw(st.integers(0, 9)):
        more["calibration"] = f'{{ name = "field", unit = "T", slope = "{slope}", offset = "1 G" }}'
    ohms = draw(st.floats(*RESISTANCE[model]))
    henry = draw(st.sampled_from([1e-4, 1e-2, 0.3]))
    options = f'model = "{model}"' if bipolar else "channel = 1"
    text = f"""
[instruments.magnet]
role = "MagnetSupply"
driver = "{"kepco_bop" if bipolar else "e36312a"}"
options = {{ {options}, compliance = "{5 if not bipolar else int(model.split("-")[0])} V" }}
twin = {{ resistance = {ohms!r}, inductance = {henry!r} }}
"""
    return text + _table("magnet.actuators.current", low, high, "A", **more), (low, high), model


@st.composite
def sources(draw):
    """Draw a microwave source; return its tables and its limits."""
    driver = draw(st.sampled_from(list(SOURCES)))
    lowest, highest, weakest, strongest = SOURCES[driver]
    frequency, power = draw(limits(lowest, highest)), draw(limits(weakest, strongest))
    text = f'[instruments.microwave]\nrole = "MicrowaveSource"\ndriver = "{driver}"\n'
    if driver == "smb100a":
        text += 'options = { range = "B106" }\n'
    settle = {"settle": '{ wait = "3 ms" }'} if draw(st.booleans()) else {}
    text += _table("microwave.actuators.frequency", *frequency, "Hz", **settle)
    ramp = draw(ramps(*power, "dBm")) if draw(st.booleans()) else {}
    ramp = {key: value.replace("dBm/s", "dBm/s") for key, value in ramp.items()}
    return text + _table("microwave.actuators.power", *power, "dBm", **ramp), frequency, power


@st.composite
def cryogenics(draw):
    """Draw a lock-in with its cantilever, and a cryostat; return their tables and limits by actuator."""
    controller = draw(st.sampled_from(["lakeshore336", "lakeshore372"]))
    lockin = draw(st.sampled_from(["sr830", "sr860"]))
    least = 0.004 if lockin == "sr830" else 1e-9
    frequency, amplitude = (2900.0, 3100.0), (least, draw(st.floats(0.01, 2.0)))
    kelvin = draw(limits(0.01, 2.0))
    heater = '"3.16 mA"' if controller == "lakeshore372" else '"low"'
    more = draw(ramps(*amplitude, "V", most=8)) if draw(st.booleans()) else {}
    text = f"""
[instruments.lockin]
role = "LockIn"
driver = "{lockin}"
options = {{ sensitivity = "100 mV", time_constant = "30 ms" }}
[instruments.cantilever]
role = "CantileverReadout"
driver = "cantilever_readout"
uses = {{ lockin = "lockin" }}
[instruments.cryostat]
role = "TemperatureController"
driver = "{controller}"
options = {{ input = "A", heater_range = {heater} }}
"""
    text += _table("cantilever.actuators.frequency", *frequency, "Hz")
    text += _table("cantilever.actuators.amplitude", *amplitude, "V", **more)
    text += _table("cryostat.actuators.setpoint", *kelvin, "K", **draw(ramps(*kelvin, "K", most=8)))
    found = {"cantilever.frequency": (frequency, "Hz"), "cantilever.amplitude": (amplitude, "V")}
    return text, {**found, "cryostat.setpoint": (kelvin, "K")}

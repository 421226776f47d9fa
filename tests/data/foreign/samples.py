"""Small files as the programs of a laboratory write them, with what is right in them.

The files stand in ``samples/``; `tests.data.foreign.make_samples` wrote them. Each was made of one of the
curves here, rounded as its program rounds.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "samples"
_RNG = np.random.default_rng(14)

FREQUENCY = np.linspace(2.82e9, 2.92e9, 61)
COUNTS = np.round(
    1e5
    * (1 - 0.03 / (1 + ((FREQUENCY - 2.855e9) / 4e6) ** 2) - 0.03 / (1 + ((FREQUENCY - 2.885e9) / 4e6) ** 2))
    + _RNG.normal(0, 150, 61)
)
DELAY = np.round(np.geomspace(1e-5, 1e-2, 37), 9)
CONTRAST = np.round(0.05 * np.exp(-((DELAY / 1.3e-3) ** 0.8)) + 0.001 + _RNG.normal(0, 5e-4, 37), 6)
ERRORS = np.full(37, 5e-4)
TIME = np.round(np.arange(64) * 0.05, 6)
RING = np.round(1e-3 * np.exp(-TIME / 0.8) + 2e-5 + _RNG.normal(0, 5e-6, 64), 9)
SHORT = np.round(np.arange(80) * 2e-8, 10)
WAVE = np.round(
    0.5 + 0.2 * np.cos(2 * np.pi * 3.1e6 * SHORT) * np.exp(-SHORT / 6e-7) + _RNG.normal(0, 4e-3, 80), 4
)
LOW = np.linspace(7950.0, 7990.0, 81)
S21 = np.round(
    1 / (1 + 2j * 1200 * (LOW - 7972.0) / 7972.0) + _RNG.normal(0, 2e-3, 81) + 1j * _RNG.normal(0, 2e-3, 81),
    6,
)
POWER = np.round(
    -80 + 10 * np.log10(1 + 300 / (1 + ((LOW - 7970.0) / 1.5) ** 2)) + _RNG.normal(0, 0.2, 81), 3
)
FIELD = np.linspace(3300.0, 3400.0, 61)
BIAS = np.round(np.linspace(-1, 1, 41), 6)
CURRENT = np.round(1e-10 * BIAS + 3e-10 * BIAS**3 + _RNG.normal(0, 1e-12, 41), 14)
WAVELENGTH = 637.0 + 0.05 * (np.arange(64) - 31)
PEAK = np.round(600 + 4000 / (1 + ((WAVELENGTH - 637.4) / 0.25) ** 2) + _RNG.normal(0, 30, 64))


@dataclass(frozen=True)
class Sample:
    """A file and what is right: names, units and numbers of the columns that a person would fit."""

    file: str
    written_by: str
    x: str
    x_unit: str
    y: str
    y_unit: str
    numbers: tuple[np.ndarray, np.ndarray]
    rtol: float = 1e-9
    package: str = ""
    """What reads it, beyond labspin's own needs."""
    sigma: str = ""
    unaided: bool = True
    """Whether labspin picks these columns by itself; else it reads them by these names."""

    @property
    def path(self) -> Path:
        return FOLDER / self.file


ODMR, DECAY, DOWN, RABI = (FREQUENCY, COUNTS), (DELAY, CONTRAST), (TIME, RING), (SHORT, WAVE)
RESPONSE, SPECTRUM, CURVE, LINE = (LOW, S21), (LOW, POWER), (BIAS, CURRENT), (WAVELENGTH, PEAK)
SCAN = np.linspace(0, 1e-7, 32), np.cos(np.arange(32) / 5) * 1e-9 + 3e-10

SAMPLES = (
    Sample("qudi_old.dat", "qudi (2016–2021)", "frequency", "Hz", "counts", "1/s", ODMR),
    Sample("qudi.dat", "qudi", "Frequency", "Hz", "Signal", "1/s", ODMR),
    Sample("pymeasure.csv", "pymeasure", "Field", "T", "Voltage", "V", CURVE),
    Sample("latin1.csv", "a program in Latin-1", "time", "µs", "PL", "1", (DELAY * 1e6, CONTRAST)),
    Sample("cp1252.txt", "a program of Windows", "Verzögerung", "µs", "Signal – Referenz", "V",
           (DELAY * 1e6, CONTRAST), sigma="Signal – Referenz sigma"),
    Sample("utf16.txt", "a program that writes UTF-16", "Wavelength", "nm", "Counts", "1", LINE),
    Sample("percent.dat", "COMSOL", "freq", "Hz", "abs(w)", "m", (LOW, abs(S21))),
    Sample("origin.txt", "Origin", "Delay", "s", "Contrast", "1", DECAY, sigma="Contrast err"),
    Sample("nanonis.dat", "Nanonis", "Bias calc", "V", "Current", "A", CURVE),
    Sample("scan.sxm", "Nanonis", "x", "m", "Z/forward[3,:]", "m", SCAN, 1e-6, unaided=False),
    Sample("grid.3ds", "Nanonis", "Bias", "V", "Current[0,0,:]", "A", CURVE, 1e-6, unaided=False),
    Sample("labview.lvm", "LabVIEW", "X_Value", "s", "Voltage", "V", DOWN),
    Sample("labview_comma.lvm", "LabVIEW, German Windows", "Photodiode:time", "s", "Photodiode", "V", DOWN),
    Sample("rigol_scope.csv", "Rigol DS1054Z", "time", "s", "CH1", "V", RABI),
    Sample("rigol_mso.csv", "Rigol MSO5000", "time", "s", "CH1", "V", RABI),
    Sample("rigol_analyser.csv", "Rigol DSA815", "Freq", "Hz", "Amp", "dBm", SPECTRUM),
    Sample("keysight_scope.csv", "Keysight DSO-X", "x-axis", "s", "1", "V", RABI),
    Sample("infiniium.csv", "Keysight Infiniium", "column 0", "s", "column 1", "V", RABI),
    Sample("rohde_rtb.csv", "Rohde & Schwarz RTB", "time", "s", "C1", "V", RABI),
    Sample("keysight_pna.csv", "Keysight PNA", "Freq", "Hz", "S21(DB)", "dB", SPECTRUM),
    Sample("tektronix_tds.csv", "Tektronix TDS2000", "time", "s", "CH1", "V", RABI),
    Sample("tektronix_mdo.csv", "Tektronix MDO3000", "TIME", "s", "CH1", "V", RABI),
    Sample("siglent_scope.csv", "Siglent SDS1000X", "Second", "s", "Volt", "V", RABI),
    Sample("siglent_analyser.csv", "Siglent SSA3000X", "Frequency", "Hz", "Trace A", "dBm", SPECTRUM),
    Sample("rohde_fsv.dat", "Rohde & Schwarz FSV", "Trace 1:frequency", "Hz", "Trace 1", "dBm", SPECTRUM),
    Sample("sep.csv", "Excel, German Windows", "Zeit", "s", "Amplitude", "V", DOWN),
    Sample("decimal_comma.csv", "a table with decimal commas between commas", "t", "s", "y", "V", DOWN),
    Sample("blanks.dat", "a Fortran program", "Time", "s", "X", "V", DOWN),
    Sample("rows.csv", "x and y as rows", "Frequency", "Hz", "Counts", "1/s", ODMR),
    Sample("fortran.dat", "a Fortran program", "column 0", "", "column 1", "", DOWN),
    Sample("complex_ab.csv", "MATLAB's writematrix", "f", "Hz", "S21", "", RESPONSE),
    Sample("complex_pair.txt", "a Fortran program", "f", "Hz", "response", "", RESPONSE),
    Sample("complex_two.csv", "a lock-in", "Frequency", "Hz", "X + 1j*Y", "V", RESPONSE),
    Sample("underscore.csv", "a script with pandas", "freq", "GHz", "counts", "", (FREQUENCY / 1e9, COUNTS)),
    Sample("two_columns.h5", "h5py", "/odmr/sweep/Frequency", "Hz", "/odmr/sweep/Counts", "1/s", ODMR),
    Sample("bare_array.h5", "h5py", "/data[:,0]", "", "/data[:,1]", "", DECAY),
    Sample("pandas_fixed.h5", "pandas", "/odmr/frequency", "Hz", "/odmr/counts", "", ODMR),
    Sample("pandas_table.h5", "pandas", "/odmr/frequency", "Hz", "/odmr/counts", "", ODMR),
    Sample("labber.hdf5", "Labber", "Cantilever - Frequency", "Hz", "Lock-in - Signal", "V", RESPONSE),
    Sample("labone.h5", "LabOne (ziData)", "/000/dev1234/demods/0/sample/frequency", "Hz",
           "/000/dev1234/demods/0/sample/r", "V", (LOW, abs(S21))),
    Sample("labone.csv", "LabOne, sweeper", "frequency", "Hz", "r", "V", (LOW, abs(S21))),
    Sample("labone_plotter.csv", "LabOne, plotter", "time", "s", "r", "V", DOWN),
    Sample("struct.mat", "MATLAB", "odmr/frequency", "Hz", "odmr/counts", "1/s", ODMR),
    Sample("complex73.mat", "MATLAB 7.3", "/f", "", "/S21", "", RESPONSE),
    Sample("masked.npz", "NumPy", "delay", "s", "contrast", "", DECAY),
    Sample("record.npy", "NumPy", "delay", "s", "contrast", "", DECAY, sigma="contrast_err"),
    Sample("classic.nc", "xarray, netCDF-3, packed", "time", "s", "signal", "V", DOWN, 1e-6),
    Sample("packed.nc", "xarray, netCDF-4, packed", "/time", "s", "/signal", "V", DOWN, 1e-6),
    Sample("book.xlsx", "Excel", "Delay", "s", "Contrast", "1", DECAY,
           sigma="Contrast err", package="openpyxl"),
    Sample("wave.ibw", "Igor Pro", "ringdown:x", "s", "ringdown", "V", DOWN, 1e-6, package="igor2"),
    Sample("experiment.pxp", "Igor Pro", "ringdown:x", "s", "ringdown", "V", DOWN, 1e-6, package="igor2"),
    Sample("spectrum.spe", "WinSpec", "wavelength", "nm", "intensity", "1", LINE),
    Sample("lightfield.spe", "LightField", "wavelength", "nm", "intensity", "1", LINE),
    Sample("qcodes.db", "QCoDeS", "frequency", "Hz", "counts", "1/s", ODMR),
    Sample("qcodes.nc", "QCoDeS", "/frequency", "Hz", "/counts", "1/s", ODMR),
    Sample("bluesky.jsonl", "bluesky", "frequency", "Hz", "counts", "1/s", ODMR),
    Sample("waveform.tdms", "LabVIEW, TDMS", "scope/APD:time", "s", "scope/APD", "V",
           (TIME - 0.2, RING), package="nptdms"),
    Sample("stamps.tdms", "LabVIEW, TDMS", "log/Time", "s", "log/Amplitude", "V", DOWN, 1e-6,
           package="nptdms"),
    Sample("one_port.s1p", "a network analyser", "frequency", "Hz", "S11", "1", RESPONSE),
    Sample("two_ports.s2p", "a network analyser", "frequency", "Hz", "S21", "1", RESPONSE, 1e-3),
    Sample("noise.s2p", "a network analyser with noise", "frequency", "Hz", "S21", "1", RESPONSE),
    Sample("ppms.dat", "Quantum Design MultiVu", "Magnetic Field", "Oe", "Moment", "emu",
           (10 * FIELD, np.round(COUNTS * 1e-9, 9)), sigma="M. Std. Err."),
    Sample("qcodes_legacy.dat", "QCoDeS (2016–2018)", "Frequency", "", "Counts", "", ODMR),
    Sample("oceanview.txt", "OceanView", "Wavelength", "nm", "Intensity", "", LINE),
    Sample("quoted.txt", "a program that quotes its titles", "Freq", "Hz", "Mag", "", ODMR),
    Sample("records.json", "a script", "points/delay", "s", "points/contrast", "", DECAY),
    Sample("scope.trc", "LeCroy HDO4000", "time", "s", "C2", "V", RABI, 1e-5),
    Sample("keysight.bin", "Keysight DSO-X", "time", "s", "1", "V", RABI, 1e-6),
    Sample("epr.DTA", "Bruker Xepr", "Field", "G", "Intensity", "", (FIELD, COUNTS)),
    Sample("epr.DSC", "Bruker Xepr", "Field", "G", "Intensity", "", (FIELD, COUNTS)),
    Sample("frame.parquet", "pandas, Parquet", "delay", "s", "contrast", "", DECAY, package="pyarrow"),
    Sample("version_2.s2p", "Touchstone 2", "frequency", "Hz", "S21", "1", RESPONSE),
)  # fmt: skip

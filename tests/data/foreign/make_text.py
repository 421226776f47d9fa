"""How programs write text: one function a sample."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from tests.data.foreign.samples import (
    BIAS,
    CONTRAST,
    COUNTS,
    CURRENT,
    DELAY,
    ERRORS,
    FIELD,
    FREQUENCY,
    LOW,
    PEAK,
    POWER,
    RING,
    S21,
    SHORT,
    TIME,
    WAVE,
    WAVELENGTH,
)

Writer = Callable[[Path], None]
WRITERS: dict[str, Writer] = {}


def writes(name: str) -> Callable[[Writer], Writer]:
    def register(writer: Writer) -> Writer:
        WRITERS[name] = writer
        return writer

    return register


def table(form: str, *columns: Iterable[float], end: str = "\n") -> str:
    """Return rows, each of the form of ``str.format``."""
    return "".join(form.format(*row) + end for row in zip(*columns, strict=True))


def put(path: Path, text: str, encoding: str = "utf-8") -> None:
    path.write_bytes(text.encode(encoding))


@writes("qudi_old.dat")
def qudi_old(path: Path) -> None:
    head = (
        "#Saved Data from the class ODMRLogic on 13.05.2019 at 10h11m12s.\n#\n#Parameters:\n#===========\n#\n"
    )
    head += (
        "#Microwave CW Power (dBm): -12.0\n#Run Time (s): 120.5\n#Number of frequency sweeps (#): 240\n#\n"
    )
    head += "#Data:\n#=====\n#frequency (Hz)\tcounts (1/s)\t\n"
    put(path, head + table("{:.15e}\t{:.15e}", FREQUENCY, COUNTS))


@writes("qudi.dat")
def qudi(path: Path) -> None:
    head = "# [General]\n# timestamp=2024-05-13T10:11:12.131415\n# comments='# '\n# delimiter='\\t'\n"
    head += "# column_dtypes=float;;float\n# column_headers='Frequency (Hz);;Signal (c/s)'\n#\n# [Metadata]\n"
    head += "# Scan power (dBm)=-12.0\n# Number of Frequency Sweeps=240\n#\n# ---- END HEADER ----\n"
    put(path, head + table("{:.15e}\t{:.15e}", FREQUENCY, COUNTS))


@writes("pymeasure.csv")
def pymeasure(path: Path) -> None:
    head = "#Procedure: <procedures.hall.HallSweep>\n#Parameters:\n#\tGain: 100\n#\tLock-in tau: 0.1 s\n"
    put(path, head + "#Data:\nField (T),Voltage (V)\n" + table("{:.10g},{:.10g}", BIAS, CURRENT))


@writes("latin1.csv")
def latin1(path: Path) -> None:
    put(path, "time (µs),PL (arb. u.)\n" + table("{:.10g},{:.6f}", DELAY * 1e6, CONTRAST), "latin-1")


@writes("cp1252.txt")
def cp1252(path: Path) -> None:
    head = "Verzögerung (µs)\tSignal – Referenz (V)\tSignal – Referenz sigma (V)\r\n"
    rows = table("{:.10g}\t{:.6f}\t{:.1e}", DELAY * 1e6, CONTRAST, ERRORS, end="\r\n")
    put(path, head + rows.replace(".", ","), "cp1252")


@writes("utf16.txt")
def utf16(path: Path) -> None:
    head = "Wavelength (nm)\tCounts (counts)\r\n"
    put(path, head + table("{:.2f}\t{:.0f}", WAVELENGTH, PEAK, end="\r\n"), "utf-16")


@writes("percent.dat")
def percent(path: Path) -> None:
    head = "% Model:              cantilever.mph\n% Version:            COMSOL 5.6.0.401\n"
    head += "% Date:               May 13 2024, 10:11\n% Table:              Table 1\n"
    put(path, head + "% freq (Hz)              abs(w) (m)\n" + table("{:.10g}       {:.12g}", LOW, abs(S21)))


@writes("origin.txt")
def origin(path: Path) -> None:
    head = "Delay\tContrast\tContrast err\r\ns\ta.u.\ta.u.\r\n"
    put(path, head + table("{:.10g}\t{:.6f}\t{:.1e}", DELAY, CONTRAST, ERRORS, end="\r\n"))


@writes("nanonis.dat")
def nanonis(path: Path) -> None:
    head = (
        "Experiment\tbias spectroscopy\t\r\nDate\t13.05.2024 10:11:12\t\r\nUser\t\t\r\nX (m)\t-5.37E-7\t\r\n"
    )
    head += "Y (m)\t1.02E-7\t\r\nZ (m)\t-3.1E-8\t\r\nZ offset (m)\t0E+0\t\r\nFilter type\tnone\t\r\n\r\n"
    head += "[DATA]\r\nBias calc (V)\tCurrent (A)\tLIX 1 omega (A)\r\n"
    put(path, head + table("{:.6E}\t{:.14E}\t{:.6E}", BIAS, CURRENT, CURRENT / 50, end="\r\n"))


@writes("labview.lvm")
def labview(path: Path) -> None:
    head = (
        "LabVIEW Measurement\t\nWriter_Version\t2\nReader_Version\t2\nSeparator\tTab\nDecimal_Separator\t.\n"
    )
    head += "Multi_Headings\tNo\nX_Columns\tOne\nTime_Pref\tRelative\nOperator\tanna\nDate\t2024/05/13\n"
    head += "Time\t10:11:12.131415\n***End_of_Header***\t\n\t\nChannels\t2\t\t\nSamples\t64\t64\t\n"
    head += "Date\t2024/05/13\t2024/05/13\t\nTime\t10:11:12.1\t10:11:12.1\t\nY_Unit_Label\tVolts\tVolts\t\n"
    head += "X_Dimension\tTime\tTime\t\nX0\t0.0000000000000000E+0\t0.0000000000000000E+0\t\n"
    head += "Delta_X\t0.050000\t0.050000\t\n***End_of_Header***\t\t\t\nX_Value\tVoltage\tReference\tComment\n"
    put(path, head + table("{:.6f}\t{:.9f}\t{:.6f}\t", TIME, RING, np.cos(TIME)))


@writes("labview_comma.lvm")
def labview_comma(path: Path) -> None:
    head = (
        "LabVIEW Measurement\t\nWriter_Version\t2\nReader_Version\t2\nSeparator\tTab\nDecimal_Separator\t,\n"
    )
    head += "Multi_Headings\tYes\nX_Columns\tNo\nTime_Pref\tAbsolute\nOperator\tanna\nDate\t2024/05/13\n"
    head += (
        "Time\t10:11:12,131415\n***End_of_Header***\t\n\t\nChannels\t1\t\nSamples\t64\t\nDate\t2024/05/13\t\n"
    )
    head += "Time\t10:11:12,1\t\nY_Unit_Label\tVolts\t\nX_Dimension\tTime\t\nX0\t0,0000000000000000E+0\t\n"
    head += "Delta_X\t0,050000\t\n***End_of_Header***\t\t\nX_Value\tPhotodiode\tComment\n"
    put(path, head + table("\t{:.9f}\t", RING).replace(".", ","))


@writes("rigol_scope.csv")
def rigol_scope(path: Path) -> None:
    head = "X,CH1,Start,Increment,\r\nSequence,Volt,0.000000e+00,2.000000e-08\r\n"
    put(path, head + table("{:d},{:.4e},", range(80), WAVE, end="\r\n"))


@writes("rigol_analyser.csv")
def rigol_analyser(path: Path) -> None:
    head = "Trace1,,,,\r\nFreq,,Amp,,\r\n"
    put(path, head + table("{:.6e},Hz,{:.3f},dBm,", LOW, POWER, end="\r\n"))


@writes("keysight_scope.csv")
def keysight_scope(path: Path) -> None:
    rows = table("{:+.8E},{:.4f},{:.3f}", SHORT, WAVE, np.sin(SHORT * 1e7), end="\r\n")
    put(path, "x-axis,1,2\r\nsecond,Volt,Volt\r\n" + rows)


@writes("keysight_pna.csv")
def keysight_pna(path: Path) -> None:
    head = (
        "!CSV A.09.90.02\n!Agilent Technologies,N5230C,MY49001234,A.09.90.02\n!Date: Monday, May 13, 2024\n"
    )
    head += "!Source: Standard\n\nBEGIN CH1_DATA\nFreq(Hz),S21(DB),S21(DEG)\n"
    put(path, head + table("{:.6f},{:.3f},{:.4f}", LOW, POWER, np.angle(S21, deg=True)) + "END\n")


@writes("tektronix_tds.csv")
def tektronix_tds(path: Path) -> None:
    said = ["Record Length,8.000000e+01,", "Sample Interval,2.000000e-08,", "Trigger Point,0.000000e+00,"]
    said += ["Source,CH1,", "Vertical Units,V,", "Vertical Scale,1.000000e-01,", "Horizontal Units,s,"]
    said += ["Horizontal Scale,2.000000e-07,", "Probe Atten,1.000000e+00,", "Model Number,TDS2024B,"]
    starts = said + [",,"] * (80 - len(said))
    put(path, "".join(f"{a},{t:.9f},  {v:.5f},\r\n" for a, t, v in zip(starts, SHORT, WAVE, strict=True)))


@writes("tektronix_mdo.csv")
def tektronix_mdo(path: Path) -> None:
    head = "Model,MDO3024\nFirmware Version,1.30\n\nWaveform Type,ANALOG,\nPoint Format,Y,\n"
    head += "Horizontal Units,s,\nHorizontal Scale,2e-07,\nHorizontal Delay,0,\n"
    head += "Sample Interval,2e-08,\nRecord Length,80,\n"
    head += "Gating,0.0% to 100.0%,\nProbe Attenuation,1,\nVertical Units,V,\nVertical Offset,0,\n"
    head += "Vertical Scale,0.1,\n,\n,\n,\nLabel,,\nTIME,CH1\n"
    put(path, head + table("{:.5e},{:.4f}", SHORT, WAVE))


@writes("siglent_scope.csv")
def siglent_scope(path: Path) -> None:
    head = "Record Length,Analog:80\nSample Interval,2.000000E-08\nVertical Units,CH1:V\n"
    head += "Vertical Scale,CH1:0.10\nVertical Offset,CH1:0.00000\nHorizontal Units,s\n"
    head += "Horizontal Scale,2.000000E-07\n"
    put(path, head + "Model Number,SDS1104X-E\nSecond,Volt\n" + table("{:.10f},{:.4f}", SHORT, WAVE))


@writes("siglent_analyser.csv")
def siglent_analyser(path: Path) -> None:
    head = "Siglent Technologies,SSA3021X,SSA3XLBX1R1234,2.1.1.2\nCenter Frequency,7970,Hz\nSpan,40,Hz\n"
    head += "RBW,1,Hz\nReference Level,0,dBm\nNumber of Points,81\n\nFrequency(Hz),Trace A(dBm)\n"
    put(path, head + table("{:.3f},{:.3f}", LOW, POWER))


@writes("rohde_fsv.dat")
def rohde_fsv(path: Path) -> None:
    head = "Type;FSV-7;\nVersion;2.30;\nDate;13.May 2024;\nMode;ANALYZER;\nCenter Freq;7970.000000;Hz\n"
    head += "Freq Offset;0.000000;Hz\nSpan;40.000000;Hz\nx-Axis;LIN;\nRBW;1.000000;Hz\nSWT;0.005000;s\n"
    head += "Trace 1;;\nTrace Mode;CLR/WRITE;\nDetector;RMS;\nx-Unit;Hz;\ny-Unit;dBm;\nValues;81;\n"
    put(path, head + table("{:.6f};{:.3f};", LOW, POWER))


@writes("sep.csv")
def sep(path: Path) -> None:
    rows = table("{:.6g};{:.9f}", TIME, RING, end="\r\n").replace(".", ",")
    put(path, "sep=;\r\nZeit [s];Amplitude [V]\r\n" + rows, "utf-8-sig")


@writes("decimal_comma.csv")
def decimal_comma(path: Path) -> None:
    put(
        path,
        "t (s),y (V)\n"
        + table("{:.2f},{:.9f}", TIME, RING).replace(",", ";").replace(".", ",").replace(";", ","),
    )


@writes("blanks.dat")
def blanks(path: Path) -> None:
    put(path, "Time (s)  X (V)  Y (V)\n" + table("  {:.6f}  {:.9f}  {:.6f}", TIME, RING, np.cos(TIME)))


@writes("rows.csv")
def rows(path: Path) -> None:
    lines = [
        ["Frequency (Hz)", *(f"{f:.12g}" for f in FREQUENCY)],
        ["Counts (1/s)", *(f"{c:.0f}" for c in COUNTS)],
    ]
    put(path, "".join(",".join(line) + "\n" for line in lines))


@writes("fortran.dat")
def fortran(path: Path) -> None:
    put(path, table("  {:.10E}  {:.10E}", TIME, RING).replace("E", "D"))


@writes("complex_ab.csv")
def complex_ab(path: Path) -> None:
    rows = "".join(f"{f:.10g},{z.real:.6f}{z.imag:+.6f}i\n" for f, z in zip(LOW, S21, strict=True))
    put(path, "f (Hz),S21\n" + rows)


@writes("complex_pair.txt")
def complex_pair(path: Path) -> None:
    rows = "".join(f"  {f:.6f}  ({z.real:.6f},{z.imag:.6f})\n" for f, z in zip(LOW, S21, strict=True))
    put(path, "f (Hz)  response\n" + rows)


@writes("complex_two.csv")
def complex_two(path: Path) -> None:
    put(path, "Frequency (Hz),X (V),Y (V)\n" + table("{:.10g},{:.6f},{:.6f}", LOW, S21.real, S21.imag))


@writes("underscore.csv")
def underscore(path: Path) -> None:
    rows = "".join(
        f"{n},{f / 1e9!r},{c!r}\n"
        for n, (f, c) in enumerate(zip(FREQUENCY.tolist(), COUNTS.tolist(), strict=True))
    )
    put(path, ",freq_GHz,counts\n" + rows)


@writes("labone.csv")
def labone(path: Path) -> None:
    fields = {
        "frequency": LOW,
        "grid": LOW,
        "r": abs(S21),
        "phase": np.angle(S21),
        "x": S21.real,
        "y": S21.imag,
        "bandwidth": np.full(81, 10.0),
        "count": np.full(81, 5.0),
    }
    lines = ["chunk;timestamp;size;fieldname;" + ";".join(f"data{n:05d}" for n in range(81))]
    lines += [
        f"0;5812345678;81;{name};" + ";".join(f"{v!r}" for v in values.tolist())
        for name, values in fields.items()
    ]
    put(path, "\n".join(lines) + "\n")


@writes("labone_plotter.csv")
def labone_plotter(path: Path) -> None:
    put(path, "time (s);r (V);chunk\n" + table("{:.6f};{:.9f};{:d}", TIME, RING, [0] * 64))


@writes("bluesky.jsonl")
def bluesky(path: Path) -> None:
    import json

    key = {"dtype": "number", "shape": [], "source": "SIM"}
    keys = {
        "frequency": {**key, "units": "Hz", "object_name": "frequency"},
        "counts": {**key, "units": "c/s"},
    }
    start = {"uid": "0c1", "time": 1715587872.5, "plan_name": "scan", "scan_id": 7, "detectors": ["counts"],
             "motors": ["frequency"], "num_points": 61,
             "hints": {"dimensions": [[["frequency"], "primary"]]}}  # fmt: skip
    lines = [["start", start], ["descriptor", {"uid": "0c2", "run_start": "0c1", "time": 1715587872.6,
             "name": "primary", "data_keys": keys, "hints": {}, "configuration": {}}]]  # fmt: skip
    for number, (f, c) in enumerate(zip(FREQUENCY.tolist(), COUNTS.tolist(), strict=True)):
        event = {
            "uid": f"e{number}",
            "descriptor": "0c2",
            "seq_num": number + 1,
            "time": 1715587873.0 + number,
        }
        event |= {"data": {"counts": c, "frequency": f}, "timestamps": {"counts": 0.0, "frequency": 0.0}}
        lines.append(["event", {**event, "filled": {}}])
    lines.append(
        ["stop", {"uid": "0c3", "run_start": "0c1", "exit_status": "success", "num_events": {"primary": 61}}]
    )
    put(path, "".join(json.dumps(line) + "\n" for line in lines))


@writes("one_port.s1p")
def one_port(path: Path) -> None:
    head = "! NanoVNA-H\n! 2024-05-13 10:11\n# HZ S RI R 50\n"
    put(path, head + table("{:.10g} {:.6f} {:.6f}", LOW, S21.real, S21.imag))


@writes("two_ports.s2p")
def two_ports(path: Path) -> None:
    head = "!Keysight Technologies,E5071C,MY46100000,A.11.31\n!Date: Mon May 13 10:11:12 2024\n"
    head += "!S2P File: Measurements: S11, S21, S12, S22:\n# kHz S dB R 50\n"
    size, angle = 20 * np.log10(abs(S21)), np.angle(S21, deg=True)
    flat = np.full(81, -1.5)
    put(path, head + table("{:.9f} {:.4f} {:.4f} {:.5f} {:.5f} {:.5f} {:.5f} {:.4f} {:.4f}",
                           LOW / 1e3, flat, flat, size, angle, size, angle, flat, flat))  # fmt: skip


@writes("rigol_mso.csv")
def rigol_mso(path: Path) -> None:
    head = f"Time(s),CH1V,CH2V,t0 = {SHORT[0]:.6e}, tInc = {SHORT[1] - SHORT[0]:.6e},\n"
    put(path, head + table(",{:.4f},{:.4f},", WAVE, -WAVE))


@writes("rohde_rtb.csv")
def rohde_rtb(path: Path) -> None:
    put(path, "in s,C1 in V\n" + table("{:.6E},{:.5E}", SHORT, WAVE))


@writes("infiniium.csv")
def infiniium(path: Path) -> None:
    head = "Revision:,0\nType:,raw\nStart:,0\nPoints:,80\nXDisp Range:,2E-006\nXInc:,2.0E-008\nXOrg:,0\n"
    head += (
        "XUnits:,Second\nYUnits:,Volt\nFrame:,MSOS104A:MY55\nDate:,13-MAY-2024\nTime:,10:11:12:00\nData:,\n"
    )
    put(path, head + table("{:.8E},{:.5E}", SHORT, WAVE))


NOISE = (2e3, 0.4, 0.5, 30.0, 0.2), (4e3, 0.6, 0.45, 60.0, 0.25), (8e3, 0.9, 0.3, 120.0, 0.3)
"""Frequency in kHz, least noise figure in dB, optimum reflection, its angle in degrees, noise resistance."""


@writes("noise.s2p")
def noise(path: Path) -> None:
    rows = table("{:.9f} 0.1 0 {:.6f} {:.6f} {:.6f} {:.6f} 0.1 0", LOW / 1e3, S21.real, S21.imag, -S21.real,
                 S21.imag)  # fmt: skip
    level = "".join(" ".join(f"{word:g}" for word in (row[0] / 1e3, *row[1:])) + "\n" for row in NOISE)
    put(path, f"! an amplifier\n# kHz S RI R 50\n{rows}! noise: fmin |G| angle Rn\n{level}")


@writes("version_2.s2p")
def version_2(path: Path) -> None:
    head = "[Version] 2.0\n# Hz S RI R 50\n[Number of Ports] 2\n[Two-Port Data Order] 12_21\n"
    head += "[Number of Frequencies] 81\n[Reference] 50\n50\n[Network Data]\n"
    rows = table("{:.9f} 0.1 0 {:.6f} {:.6f} {:.6f} {:.6f} 0.1 0", LOW, -S21.real, S21.imag, S21.real,
                 S21.imag)  # fmt: skip
    level = "".join(" ".join(f"{word:g}" for word in row) + "\n" for row in NOISE)
    put(path, f"{head}{rows}[Noise Data]\n{level}[End]\n")


@writes("ppms.dat")
def ppms(path: Path) -> None:
    head = "[Header]\n; VSM Data File\nTITLE,loop\nFILEOPENTIME,3838.5,05/13/2024,3:12 pm\n"
    head += "BYAPP,VSM,1.5.4,1.3\n"
    head += "INFO,3.4,SAMPLE_MASS\nDATATYPE,COMMENT,1\nDATATYPE,TIME,2\nSTARTUPAXIS,X,4\n[Data]\n"
    head += "Comment,Time Stamp (sec),Temperature (K),Magnetic Field (Oe),Moment (emu),M. Std. Err. (emu),"
    head += "Transport Action,Averaging Time (sec),Sample Position (deg)\n"
    place = np.arange(FIELD.size)
    columns = (3.8e9 + 3 * place, 300 + 0.01 * (place % 7), 10 * FIELD, COUNTS * 1e-9)
    put(path, head + table(",{:.3f},{:.2f},{:.8f},{:.9f},1.2E-06,1,1,\r", *columns))


@writes("qcodes_legacy.dat")
def qcodes_legacy(path: Path) -> None:
    head = '# frequency_set\tcounts\n# "Frequency"\t"Counts"\n# 61\n'
    put(path, head + table("{:.12g}\t{:.12g}", FREQUENCY, COUNTS))


@writes("oceanview.txt")
def oceanview(path: Path) -> None:
    head = "Data from nv__0__10-11-12-123.txt Node\r\n\r\nDate: Mon May 13 10:11:12 CEST 2024\r\n"
    head += "User: lab\r\n"
    head += "Spectrometer: HR4C1234\r\nTrigger mode: 0\r\nIntegration Time (sec): 1.000000E-1\r\n"
    head += "Scans to average: 5\r\nXAxis mode: Wavelengths\r\nNumber of Pixels in Spectrum: 64\r\n"
    head += ">>>>>Begin Spectral Data<<<<<\r\n"
    put(path, head + table("{:.3f}\t{:.2f}\r", WAVELENGTH, PEAK))


@writes("quoted.txt")
def quoted(path: Path) -> None:
    head = 'Measurement: Swept Sine\nDisplay: Live A\n"Freq (Hz)" "Mag"\n'
    put(path, head + table("{:.12g} {:.12g}", FREQUENCY, COUNTS))


@writes("records.json")
def records(path: Path) -> None:
    pairs = zip(DELAY.tolist(), CONTRAST.tolist(), strict=True)
    rows = [{"delay (s)": delay, "contrast": contrast} for delay, contrast in pairs]
    put(path, json.dumps({"operator": "lab", "points": rows}) + "\n")

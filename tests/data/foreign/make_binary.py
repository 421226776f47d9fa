"""How programs write binary files: one function a sample."""

import struct
from pathlib import Path

import numpy as np

from tests.data.foreign.make_text import WRITERS as TEXT, Writer
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
    RING,
    S21,
    SHORT,
    TIME,
    WAVE,
    WAVELENGTH,
)

WRITERS: dict[str, Writer] = {}


def writes(name):
    assert name not in TEXT

    def register(writer):
        WRITERS[name] = writer
        return writer

    return register


@writes("scan.sxm")
def scan(path: Path) -> None:
    said = {
        "NANONIS_VERSION": "2",
        "SCANIT_TYPE": "              FLOAT            MSBFIRST",
        "REC_DATE": " 13.05.2024",
        "REC_TIME": "10:11:12",
        "ACQ_TIME": "         26.0",
        "SCAN_PIXELS": "       32       16",
        "SCAN_TIME": "             8.000E-1             8.000E-1",
        "SCAN_RANGE": "           1.000000E-7           5.000000E-8",
        "SCAN_OFFSET": "             0.000000E+0         0.000000E+0",
        "SCAN_ANGLE": "            0.000E+0",
        "SCAN_DIR": "up",
        "BIAS": "            1.000E-1",
        "DATA_INFO": "\tChannel\tName\tUnit\tDirection\tCalibration\tOffset\n"
        "\t14\tZ\tm\tboth\t-1.260E-8\t0.000E+0\n\t0\tCurrent\tA\tboth\t1.000E-9\t0.000E+0\n",
    }
    head = "".join(f":{name}:\n{text}\n" for name, text in said.items()) + ":SCANIT_END:\n\n\n"
    lines = np.cos(np.arange(32) / 5)[None, :] * 1e-9 + np.arange(16)[:, None] * 1e-10
    images = [lines, lines[:, ::-1], lines * 0.1, lines[:, ::-1] * 0.1]
    path.write_bytes(
        head.encode() + b"\x1a\x04" + b"".join(image.astype(">f4").tobytes() for image in images)
    )


@writes("grid.3ds")
def grid(path: Path) -> None:
    fixed, own = "Sweep Start;Sweep End", "X (m);Y (m);Z (m);Z offset (m);Settling time (s)"
    said = {
        "Grid dim": '"4 x 3"',
        "Grid settings": "0.0E+0;0.0E+0;4.0E-8;3.0E-8;0.0E+0",
        "Filetype": "Linear",
        "Sweep Signal": '"Bias (V)"',
        "Fixed parameters": f'"{fixed}"',
        "Experiment parameters": f'"{own}"',
        "# Parameters (4 byte)": "7",
        "Experiment size (bytes)": str(2 * 4 * BIAS.size),
        "Points": str(BIAS.size),
        "Channels": '"Current (A);LIX 1 omega (A)"',
        "Delay before measuring (s)": "0.0E+0",
        "Experiment": '"Grid Spectroscopy"',
        "Start time": '"13.05.2024 10:11:12"',
    }
    head = "".join(f"{name}={text}\r\n" for name, text in said.items()) + ":HEADER_END:\r\n"
    blocks = [
        np.concatenate([[BIAS[0], BIAS[-1], 1e-8 * column, 1e-8 * row, 2e-10, 0, 0.01],
                        CURRENT * (1 + column + 10 * row), np.gradient(CURRENT)])
        for row in range(3) for column in range(4)
    ]  # fmt: skip
    path.write_bytes(head.encode("latin-1") + np.concatenate(blocks).astype(">f4").tobytes())


@writes("two_columns.h5")
def two_columns(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file["odmr/sweep"] = np.column_stack([FREQUENCY, COUNTS])
        file["odmr/sweep"].attrs["columns"] = ["Frequency (Hz)", "Counts (1/s)"]
        file.attrs["operator"] = "anna"


@writes("bare_array.h5")
def bare_array(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file["data"] = np.column_stack([DELAY, CONTRAST])


@writes("pandas_fixed.h5")
def pandas_fixed(path: Path) -> None:
    import pandas as pd
    import tables  # noqa: F401 - pandas needs it

    pd.DataFrame({"frequency_Hz": FREQUENCY, "counts": COUNTS}).to_hdf(path, key="odmr", mode="w")


@writes("pandas_table.h5")
def pandas_table(path: Path) -> None:
    import pandas as pd
    import tables  # noqa: F401 - pandas needs it

    frame = pd.DataFrame({"frequency_Hz": FREQUENCY, "counts": COUNTS})
    frame.to_hdf(path, key="odmr", mode="w", format="table", index=False)


@writes("labber.hdf5")
def labber(path: Path) -> None:
    """One step channel, one complex log channel, one real one: (points, channels, sweeps)."""
    import h5py

    text = h5py.string_dtype()
    names = [("Cantilever - Frequency", ""), ("Lock-in - Signal", "Real"), ("Lock-in - Signal", "Imaginary"),
             ("Thermometer - Temperature", "")]  # fmt: skip
    with h5py.File(path, "w") as file:
        data = np.stack([LOW, S21.real, S21.imag, np.full(81, 4.2)], axis=1)[:, :, None]
        file["Data/Data"] = data
        file["Data/Channel names"] = np.array(names, [("name", text), ("info", text)])
        file["Data/Time stamp"] = np.array([0.0])
        channels = [("Cantilever - Frequency", "Source", "Hz", "Hz"), ("Lock-in - Signal", "SR830", "V", "V"),
                    ("Thermometer - Temperature", "LS336", "K", "K")]  # fmt: skip
        kind = [("name", text), ("instrument", text), ("unitPhys", text), ("unitInstr", text)]
        file["Channels"] = np.array(channels, kind)
        file["Log list"] = np.array(
            [("Lock-in - Signal",), ("Thermometer - Temperature",)], [("channel_name", text)]
        )
        steps = [("Cantilever - Frequency", 0), ("Thermometer - Temperature", 0)]
        file["Step list"] = np.array(steps[:1], [("channel_name", text), ("step_unit", "i4")])
        file["Tags/Tags"] = np.array(["cooldown 3"], text)
        file.attrs["log_name"], file.attrs["creation_time"] = "resonance", 1715587872.0


@writes("labone.h5")
def labone(path: Path) -> None:
    import h5py

    fields = {
        "frequency": LOW,
        "grid": LOW,
        "r": abs(S21),
        "phase": np.angle(S21),
        "x": S21.real,
        "y": S21.imag,
        "bandwidth": np.full(81, 10.0),
        "tc": np.full(81, 0.01),
        "rstddev": np.full(81, 1e-3),
    }
    with h5py.File(path, "w") as file:
        for name, values in fields.items():
            file[f"000/dev1234/demods/0/sample/{name}"] = values
        file["000/dev1234/demods/0/sample/chunkheader"] = np.zeros(1, [("created", "u8"), ("flags", "u4")])


@writes("struct.mat")
def struct_mat(path: Path) -> None:
    from scipy.io import savemat

    units = {"frequency": "Hz", "counts": "c/s"}
    savemat(path, {"odmr": {"frequency": FREQUENCY, "counts": COUNTS, "units": units}, "operator": "anna"})


@writes("complex73.mat")
def complex73(path: Path) -> None:
    import h5py

    pair = np.zeros((1, 81), [("real", "f8"), ("imag", "f8")])
    pair["real"], pair["imag"] = S21.real, S21.imag
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in (("f", LOW[None, :]), ("S21", pair)):
            file[name] = values
            file[name].attrs["MATLAB_class"] = np.bytes_("double")
        file["note"] = np.frombuffer("cold".encode("utf-16-le"), "u2")[:, None]
        file["note"].attrs["MATLAB_class"] = np.bytes_("char")
    preface = (
        b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon May 13 10:11:12 2024 HDF5 schema 1.00 ."
    )
    with path.open("r+b") as file:
        file.write(preface.ljust(124) + b"\x00\x02IM")


@writes("masked.npz")
def masked(path: Path) -> None:
    np.savez_compressed(path, delay_s=DELAY, contrast=CONTRAST, contrast_mask=np.zeros(37, bool))


@writes("record.npy")
def record(path: Path) -> None:
    np.save(path, np.rec.fromarrays([DELAY, CONTRAST, ERRORS], names="delay_s,contrast,contrast_err"))


def _dataset():
    import xarray as xr

    signal = xr.DataArray(RING, dims="time", attrs={"units": "V"}, name="signal")
    return signal.assign_coords(time=("time", TIME, {"units": "s"})).to_dataset()


PACKING = {"dtype": "i4", "scale_factor": 1e-12, "add_offset": 1e-3, "_FillValue": -2147483647}


@writes("classic.nc")
def classic(path: Path) -> None:
    _dataset().to_netcdf(path, engine="scipy", format="NETCDF3_CLASSIC", encoding={"signal": PACKING})


@writes("packed.nc")
def packed(path: Path) -> None:
    _dataset().to_netcdf(path, engine="h5netcdf", encoding={"signal": PACKING})


@writes("book.xlsx")
def book(path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["T1 measurement of sample 3"])
    sheet.append(["Laser power", 0.25, "mW"])
    sheet.append([])
    sheet.append(["Delay", "Contrast", "Contrast err"])
    sheet.append(["s", "a.u.", "a.u."])
    for row in zip(DELAY.tolist(), CONTRAST.tolist(), ERRORS.tolist(), strict=True):
        sheet.append(row)
    book.create_sheet("notes").append(["nothing but words"])
    book.save(path)


def _igor_wave(name: str, values: np.ndarray, start: float, step: float) -> bytes:
    """Return a wave of version 5: two headers of 64 and 320 bytes, then float32."""
    data = values.astype("<f4").tobytes()
    wave = bytearray(320)
    struct.pack_into("<IIIih", wave, 0, 0, 3798432672, 3798432672, values.size, 2)
    struct.pack_into("<h", wave, 26, 1)
    wave[28 : 28 + len(name)] = name.encode()
    struct.pack_into("<4i", wave, 68, values.size, 0, 0, 0)
    struct.pack_into("<4d", wave, 84, step, 1, 1, 1)
    struct.pack_into("<4d", wave, 116, start, 0, 0, 0)
    wave[148:149], wave[152:153] = b"V", b"s"
    head = bytearray(64)
    struct.pack_into("<hhi", head, 0, 5, 0, 320 + len(data))
    total = sum(struct.unpack("<192h", bytes(head + wave)))
    struct.pack_into("<h", head, 2, (-total + 32768) % 65536 - 32768)
    return bytes(head + wave) + data


@writes("wave.ibw")
def wave(path: Path) -> None:
    path.write_bytes(_igor_wave("ringdown", RING, 0.0, 0.05))


@writes("experiment.pxp")
def experiment(path: Path) -> None:
    history = b"\xa5Display ringdown\r"
    records = [(2, history), (3, _igor_wave("ringdown", RING, 0.0, 0.05)), (9, b"old\0".ljust(32, b"\0"))]
    records += [(3, _igor_wave("earlier", RING * 2, 0.0, 0.05)), (10, b"")]
    path.write_bytes(b"".join(struct.pack("<Hhi", kind, 0, len(data)) + data for kind, data in records))


def _spe(frames: int = 1) -> bytearray:
    head = bytearray(4100)
    struct.pack_into("<f", head, 10, 0.5)
    head[20:29] = b"13May2024"
    struct.pack_into("<H", head, 42, 64)
    struct.pack_into("<h", head, 108, 3)
    head[200:212] = b"NV, 532 nm  "
    struct.pack_into("<H", head, 656, 1)
    struct.pack_into("<i", head, 1446, frames)
    struct.pack_into("<i", head, 2992, 0x01234567)
    struct.pack_into("<h", head, 4098, 0x5555)
    return head


@writes("spectrum.spe")
def spectrum(path: Path) -> None:
    head = _spe()
    struct.pack_into("<f", head, 1992, 2.5)
    head[3098], head[3100], head[3101] = 1, 3, 1
    struct.pack_into("<6d", head, 3263, 637.0 - 32 * 0.05, 0.05, 0, 0, 0, 0)
    path.write_bytes(bytes(head) + PEAK.astype("<u2").tobytes())


@writes("lightfield.spe")
def lightfield(path: Path) -> None:
    head = _spe()
    struct.pack_into("<f", head, 1992, 3.0)
    data = PEAK.astype("<u2").tobytes()
    struct.pack_into("<Q", head, 678, 4100 + len(data))
    wavelengths = ",".join(f"{value:.10g}" for value in WAVELENGTH)
    footer = (
        '<?xml version="1.0" encoding="utf-8"?><SpeFormat version="3.0"><Calibrations><WavelengthMapping>'
    )
    footer += f'<Wavelength xml:space="preserve">{wavelengths}</Wavelength>'
    footer += "</WavelengthMapping></Calibrations></SpeFormat>"
    path.write_bytes(bytes(head) + data + footer.encode())


def _qcodes_dataset(folder: Path):
    import qcodes as qc
    from qcodes.dataset import Measurement, initialise_or_create_database_at, load_or_create_experiment
    from qcodes.parameters import ManualParameter

    initialise_or_create_database_at(str(folder / "made.db"))
    experiment = load_or_create_experiment("odmr", "sample 3")
    frequency = ManualParameter("frequency", label="Frequency", unit="Hz")
    counts = ManualParameter("counts", label="Counts", unit="c/s")
    measurement = Measurement(exp=experiment, station=qc.Station())
    measurement.register_parameter(frequency)
    measurement.register_parameter(counts, setpoints=[frequency])
    with measurement.run() as saver:
        for f, c in zip(FREQUENCY.tolist(), COUNTS.tolist(), strict=True):
            saver.add_result((frequency, f), (counts, c))
    return saver.dataset


@writes("qcodes.db")
def qcodes_db(path: Path) -> None:
    import sqlite3
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        _qcodes_dataset(Path(folder)).conn.close()
        path.unlink(missing_ok=True)
        made = sqlite3.connect(Path(folder) / "made.db")
        made.execute("VACUUM INTO ?", (str(path),))
        made.close()


@writes("qcodes.nc")
def qcodes_nc(path: Path) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        dataset = _qcodes_dataset(Path(folder))
        dataset.to_xarray_dataset().to_netcdf(path, engine="h5netcdf")
        dataset.conn.close()


@writes("waveform.tdms")
def waveform(path: Path) -> None:
    import nptdms

    said = {"wf_increment": 0.05, "wf_start_offset": -0.2, "wf_samples": 64, "unit_string": "V",
            "wf_start_time": np.datetime64("2024-05-13T10:11:12.131415")}  # fmt: skip
    with nptdms.TdmsWriter(path) as writer:
        writer.write_segment([nptdms.ChannelObject("scope", "APD", RING, properties=said)])


@writes("stamps.tdms")
def stamps(path: Path) -> None:
    import nptdms

    times = np.datetime64("2024-05-13T10:11:12") + (TIME * 1e6).round().astype("timedelta64[us]")
    with nptdms.TdmsWriter(path) as writer:
        writer.write_segment(
            [
                nptdms.ChannelObject("log", "Time", times),
                nptdms.ChannelObject("log", "Amplitude", RING, properties={"unit_string": "Volts"}),
            ]
        )


@writes("scope.trc")
def lecroy(path: Path) -> None:
    raw = np.round((WAVE - 0.5) / 1e-5).astype("<i2")
    head = bytearray(346)
    head[:8], head[16:26], head[76:88] = b"WAVEDESC", b"LECROY_2_3", b"LECROYHDO410"
    struct.pack_into("<hhi", head, 32, 1, 1, 346)
    struct.pack_into("<i", head, 60, raw.nbytes)
    struct.pack_into("<i", head, 116, raw.size)
    struct.pack_into("<ff", head, 156, 1e-5, -0.5)
    struct.pack_into("<f", head, 176, SHORT[1] - SHORT[0])
    struct.pack_into("<d", head, 180, SHORT[0])
    head[196:197], head[244:245] = b"V", b"S"
    struct.pack_into("<h", head, 344, 1)
    block = bytes(head) + raw.tobytes()
    path.write_bytes(b"#9%09d" % len(block) + block)


@writes("keysight.bin")
def keysight(path: Path) -> None:
    values = WAVE.astype("<f4")
    step = float(SHORT[1] - SHORT[0])
    head = (140, 1, 1, values.size, 0, float(np.ptp(SHORT)), 0.0, step, float(SHORT[0]), 2, 1)
    words = (b"13 MAY 2024", b"10:11:12", b"DSO-X 3024A:MY12345678", b"1")
    waveform = struct.pack("<5ifdddii16s16s24s16sdI", *head, *words, 0.0, 0)
    buffer = struct.pack("<ihhi", 12, 1, 4, values.nbytes) + values.tobytes()
    path.write_bytes(struct.pack("<2s2sii", b"AG", b"10", 12 + len(waveform + buffer), 1) + waveform + buffer)


@writes("epr.DTA")
def spins(path: Path) -> None:
    path.write_bytes(COUNTS.astype(">f8").tobytes())


@writes("epr.DSC")
def descriptor(path: Path) -> None:
    said = "\n".join(
        (
            "#DESC\t1.2 * DESCRIPTOR INFORMATION ***********************", "*", "*\tDataset Type and Format:",
            "*", "DSRC\tEXP", "BSEQ\tBIG", "IKKF\tREAL", "XTYP\tIDX", "YTYP\tNODATA", "ZTYP\tNODATA", "*",
            "IRFMT\tD", "*", f"XPTS\t{FIELD.size}", f"XMIN\t{FIELD[0]:.6f}",
            f"XWID\t{np.ptp(FIELD):.6f}", "*",
            "TITL\t'diamond'", "IRNAM\t'Intensity'", "XNAM\t'Field'", "IRUNI\t''", "XUNI\t'G'", "*",
            "#SPL\t1.2 * STANDARD PARAMETER LAYER", "*", "OPER    xuser", "MWFQ    9.385000e+09", "*",
            "#DSL\t1.0 * DEVICE SPECIFIC LAYER", "", ".DVC     acqStart, 1.0", "",
        )
    )  # fmt: skip
    path.write_text(said, "utf-8", newline="\n")


@writes("frame.parquet")
def parquet(path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({"delay (s)": DELAY, "contrast": CONTRAST})
    pyarrow.parquet.write_table(table, path)

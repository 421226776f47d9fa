"""Makers' and laboratories' own clients, unmodified, on a served bench: every call possible over a socket."""

from __future__ import annotations

import contextlib
import inspect

import numpy as np
import pytest

SCPI = {"smb100a": "SMB100A", "kepco_bop": "BIT 4886", "e36312a": "E36312A", "scpi_source": "E8257D"}
NO_PSC = {"kepco_bop"}  # whose manual does not list *PSC
ALL_ERRORS = {"smb100a"}  # whose manual lists SYSTem:ERRor:CODE:ALL?


def port_of(row):
    return int(row.address.split("::")[2])


# -- RsInstrument --------------------------------------------------------------------------------------------


@pytest.fixture
def rohde(served):
    module = pytest.importorskip("RsInstrument")
    bench = served(box=("smb100a", ""))
    address = f"TCPIP::127.0.0.1::{port_of(bench['box'])}::SOCKET"
    client = module.RsInstrument(address, True, False, "SelectVisa='SocketIo'")
    client.world = bench.world
    yield client
    client.close()


def test_rsinstrument_knows_the_instrument(rohde):
    assert rohde.instrument_model_name == "SMB"
    assert rohde.full_instrument_model_name == "SMB100A"
    assert rohde.manufacturer == "Rohde&Schwarz"
    assert set(rohde.instrument_options) == {"B106", "K22", "K23"}


def test_rsinstrument_sets_and_asks_in_every_way_it_has(rohde):
    rohde.write_str("FREQ 2.87e9")
    rohde.write_float("POW", -12.5)
    rohde.write_bool("OUTP", True)
    assert rohde.world.level("microwave.frequency") == 2.87e9
    assert rohde.world.level("microwave.power") == -12.5
    assert rohde.query_float("FREQ?") == 2.87e9
    assert rohde.query_float_with_opc("POW?") == -12.5
    assert rohde.query_bool("OUTP?") is True
    assert rohde.query("FREQ?;POW?") == "2870000000;-12.5"
    assert rohde.query_opc()
    rohde.write_str("FREQ:STAR 1GHz;STOP 2GHz")
    rohde.write_int("SWE:POIN", 11)
    assert rohde.query_int("SWE:POIN?") == 11
    rohde.write_str('LIST:SEL "one"')
    rohde.write_str("LIST:FREQ 1e9,2e9,3e9")
    assert rohde.query_bin_or_ascii_float_list("LIST:FREQ?") == [1e9, 2e9, 3e9]
    assert rohde.query_str_list("LIST:CAT?") == ["one"]
    assert "one.lsw" in rohde.query_str("MMEM:CAT?")
    rohde.go_to_local()
    rohde.go_to_remote()
    rohde.process_all_commands()
    assert rohde.self_test() is not None
    rohde.reset()
    assert rohde.query_float("FREQ?") == 1e9


def test_rsinstrument_reads_the_queue_of_errors(rohde):
    rohde.instrument_status_checking = False
    for wrong in ("FREQ 99e9", "NOSUCH 1"):
        rohde.write_str(wrong)
    assert rohde.query("SYST:ERR:COUN?") == "2"
    assert [code for code, _ in rohde.query_all_errors_with_codes()] == [-222, -113]
    for wrong in ("FREQ 99e9", "NOSUCH 1"):
        rohde.write_str(wrong)
    assert rohde.query("SYST:ERR:CODE:ALL?") == "-222,-113"
    assert rohde.query("SYST:ERR:ALL?") == '0,"No error"'
    assert rohde.query("SYST:SERR?") == '0,"No error"'
    assert not rohde.query_all_errors()


def test_commands_that_other_plug_ins_send_to_the_smb100a(rohde):
    """pymodaq's Rohde & Schwarz plug-in sends the first two."""
    rohde.write_str("TRIG1:SLOP NEG")
    rohde.write_str("ABOR:SWE")
    assert rohde.query("TRIG1:SLOP?") == "NEG"
    for query, answer in (("UNIT:POW?", "DBM"), ("POW:ALC?", "AUTO"), ("OUTP:AMOD?", "AUTO"), ("*PSC?", "1")):
        assert rohde.query(query) == answer
    rohde.write_str("FREQ 3e9;*SAV 3;FREQ 1e9;*RCL 3")
    assert rohde.query_float("FREQ?") == 3e9
    rohde.check_status()


# -- srsinst.sr860 -------------------------------------------------------------------------------------------


@pytest.fixture
def stanford(served):
    module = pytest.importorskip("srsinst.sr860")
    bench = served("mrfm_cantilever", speed=20.0, box=("sr860", 'twin = { greeting = "SR860" }'))
    client = module.SR860("tcpip", "127.0.0.1", port_of(bench["box"]))
    yield client
    client.disconnect()


def questions(client):
    """Yield every setting and reading that the maker's client has, as a function that asks for it."""
    from srsgui import Component

    for place, part in vars(client).items():
        if not isinstance(part, Component):
            continue
        for name in dir(type(part)):
            kind = type(inspect.getattr_static(type(part), name)).__name__
            if "Command" in kind and "Set" not in kind and not name.startswith("_"):
                yield f"{place}.{name}", lambda part=part, name=name: getattr(part, name)
        for name, several in vars(part).items():
            if "Index" in type(several).__name__:
                yield f"{place}.{name}[0]", lambda several=several: several[0]


def test_every_setting_and_reading_of_the_makers_client_of_the_sr860_is_answered(stanford):
    assert stanford.check_id()[0] == "SR860"
    asked = list(questions(stanford))
    assert len(asked) >= 130
    for name, ask in asked:
        assert ask() is not None, name
    stanford.status.clear()
    assert stanford.query_int("*ESR?") == 0


def test_the_sr860_measures_and_captures_by_the_makers_client(stanford):
    stanford.ref.frequency, stanford.ref.sine_out_amplitude = 3000.0, 0.25
    assert stanford.ref.frequency == 3000.0
    assert stanford.ref.sine_out_amplitude == 0.25
    channels = stanford.data.get_channel_values()
    assert len(channels) == 4
    assert all(np.isfinite(channels))
    x, y = stanford.data.get_values(0, 1)
    assert np.isfinite([x, y]).all()
    stanford.capture.config, stanford.capture.buffer_size_in_kilobytes = "XY", 2
    stanford.capture.start()
    while stanford.capture.data_size_in_bytes < 2048:
        pass
    stanford.capture.stop()
    captured = np.asarray(stanford.capture.get_all_data())
    assert captured.size == 512
    assert np.isfinite(captured).all()


# -- instrumentkit -------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_instrumentkit_drives_an_sr830(served):
    pytest.importorskip("instruments.generic_scpi")  # a folder of that name lies in the working directory
    ik, pq = pytest.importorskip("instruments"), pytest.importorskip("quantities")
    bench = served("mrfm_cantilever", speed=20.0, box=("sr830", ""))
    client = ik.srs.SRS830.open_tcpip("127.0.0.1", port_of(bench["box"]))
    client.timeout = 20
    assert "SR830" in client.name
    client.frequency, client.amplitude = 1000 * pq.hertz, 0.5 * pq.volt
    client.phase = 10 * pq.degrees
    assert (float(client.frequency), float(client.amplitude), float(client.phase)) == (1000.0, 0.5, 10.0)
    for name in ("input_shield_ground", "coupling", "sample_rate", "buffer_mode", "num_data_points",
                 "data_transfer", "frequency_source"):  # fmt: skip
        assert getattr(client, name) is not None, name
    client.auto_offset(client.Mode.x)
    client.set_offset_expand(client.Mode.x, 0, 1)
    client.auto_phase()
    client.set_channel_display("CH1", client.Mode.x, client.Mode.none)
    client.init(2.0, client.BufferMode.one_shot)
    client.clear_data_buffer()
    client.start_data_transfer()
    assert len(client.data_snap(client.Mode.x, client.Mode.y)) == 2
    assert np.asarray(client.take_measurement(1, 3)).shape[-1] >= 3


@pytest.mark.parametrize("driver", SCPI)
def test_instrumentkit_knows_scpi_instruments(served, driver):
    pytest.importorskip("instruments.generic_scpi")
    ik = pytest.importorskip("instruments")
    bench = served(box=(driver, ""))
    client = ik.generic_scpi.SCPIInstrument.open_tcpip("127.0.0.1", port_of(bench["box"]))
    client.timeout = 20
    assert SCPI[driver] in client.name
    assert client.scpi_version.startswith("1999")
    assert client.op_complete
    assert client.self_test_ok
    for action in ("reset", "clear", "trigger", "wait_to_continue"):
        getattr(client, action)()
    client.clear()
    if driver not in NO_PSC:
        client.power_on_status = False
        assert client.power_on_status is False
    if driver in ALL_ERRORS:
        client.sendcmd("NOSUCH 1")
        assert [int(code) for code in client.check_error_queue()] in ([-113], [-113, 0])


# -- easy-scpi and pylablib ----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_easy_scpi_drives_a_supply(served):
    easy = pytest.importorskip("easy_scpi")
    bench = served(box=("e36312a", ""))
    client = easy.Instrument(
        port=bench["box"].address,
        port_match=False,
        backend="@py",
        read_termination="\n",
        write_termination="\n",
    )
    client.connect()
    try:
        assert "E36312A" in client.id
        client.appl("CH1", 1.5, 0.5)
        assert [float(part) for part in client.appl().split(",")] == pytest.approx(
            [1.5, 0.5], rel=1e-4, abs=0
        )
        client.volt(2.0)
        assert float(client.volt()) == pytest.approx(2.0, rel=1e-4, abs=0)
        client.outp("ON")
        assert client.outp() == "1"
        assert np.isfinite(float(client.meas.curr()))
        assert client.syst.err().startswith(("0,", "+0,"))
    finally:
        client.disconnect()


@pytest.mark.parametrize("driver", SCPI)
def test_pylablib_knows_scpi_instruments(served, driver):
    module = pytest.importorskip("pylablib.core.devio.SCPI")
    bench = served(box=(driver, ""))
    client = module.SCPIDevice(
        ("127.0.0.1", port_of(bench["box"])), backend="network", term_write="\n", term_read="\n"
    )
    try:
        assert SCPI[driver] in client.get_id()
        client.reset()
        assert client.ask("*OPC?", "int") == 1
        assert client.get_esr() is not None
        assert client.ask("*STB?", "int") >= 0
    finally:
        with contextlib.suppress(Exception):
            client.close()

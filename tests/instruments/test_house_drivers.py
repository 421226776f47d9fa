"""Rules that hold for every driver and every role."""

import inspect
import re
from pathlib import Path

import pytest

import labspin.instruments as instruments
from labspin import plugins
from labspin.errors import ConfigurationError, LimitError, ReplyTimeoutError
from labspin.instruments import (
    ACTUATORS,
    DRIVERS,
    READINGS,
    ROLES,
    CompositeAdapter,
    Device,
    ErrorQueue,
    ReadBack,
    RoleAdapter,
    StandardEvents,
    driver_names,
    implements,
    load_driver,
    missing_members,
)
from labspin.instruments.base import Guarded, GuardedChannel
from labspin.instruments.inherited import Inherited
from labspin.twin.devices import DEVICES
from tests.instruments.wires import Wire
from tests.some import some

ENTRIES = {name: load_driver(name) for name in DRIVERS}
UNITS = r"(Hz|dBm|A|V|s|K|T|W|rad|degC|m|um|um/s|dimensionless)"
DOCSTRING = re.compile(rf"(Control|Get|Measure|Set) .*\((.*[;:] )?{UNITS}[,:)].*\)?\.$", re.DOTALL)

# Properties of pymeasure's that are not made by ``Instrument.control``, and so are its own affair.
WRITTEN_BY_HAND = {"sg384": {"mod_func", "mod_type"}, "lakeshore425": {"mode"}}
KEEPS_QUIET = {"sr400", "obis"}  # no register of refused commands, or settings are read back instead

every_driver = pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
# Instruments that are made of others have no connection, no device and no twin of their own.
DEVICE_ENTRIES = {name: e for name, e in ENTRIES.items() if not issubclass(e.adapter, CompositeAdapter)}
COMPOSED = {name: entry for name, entry in ENTRIES.items() if name not in DEVICE_ENTRIES}
every_device = pytest.mark.parametrize("entry", DEVICE_ENTRIES.values(), ids=DEVICE_ENTRIES)
every_composed = pytest.mark.parametrize("entry", COMPOSED.values(), ids=COMPOSED)


def own_properties(kind):
    """Properties that labspin's code defines on ``kind``, with the class that does."""
    seen = set()
    for base in kind.__mro__:
        if base.__module__.startswith("labspin"):
            for name, member in vars(base).items():
                if isinstance(member, property) and not name.startswith("_") and member not in seen:
                    seen.add(member)
                    yield base, name, member


def settable(member):
    """Whether a property can be set; pymeasure gives those that cannot a setter that says so."""
    if member.fset is None:
        return False
    command = inspect.signature(member.fset).parameters.get("set_command")
    return command is None or command.default is not None


def channels(driver):
    return {
        name: pair[0]
        for name, creator in vars(driver).items()
        for pair in getattr(creator, "pairs", ())
        if issubclass(pair[0], GuardedChannel)
    }


@every_driver
def test_a_driver_plays_its_role(entry):
    assert entry.role in ROLES
    assert missing_members(entry.adapter, ROLES[entry.role]) == ()
    assert missing_members(entry.adapter, Device) == ()


@every_driver
def test_a_property_says_what_it_does_with_unit_and_range(entry):
    kinds = [entry.adapter, entry.driver, *channels(entry.driver).values()]
    found = 0
    for kind in kinds:
        for base, name, member in own_properties(kind):
            if isinstance(member, Inherited):
                continue
            found += 1
            text = inspect.cleandoc(member.__doc__ or "").removesuffix("(dynamic)")  # pymeasure's mark
            assert DOCSTRING.match(text), f"{base.__name__}.{name}"
    assert found


@every_device
def test_a_driver_has_a_safe_state_of_its_own(entry):
    assert entry.driver.safe is not Guarded.safe


@every_device
def test_a_setting_refuses_nonsense_and_sends_nothing(entry):
    if not issubclass(entry.driver, Guarded):
        pytest.skip("its settings are methods, tested in its own file")
    wire = Wire()
    device = entry.driver(wire)
    targets = [device, *(getattr(device, name) for name in channels(entry.driver))]
    tried = 0
    for target in targets:
        for _, name, member in own_properties(type(target)):
            if not settable(member):
                continue
            for nonsense in (float("nan"), "nonsense", 1e300, None):
                with pytest.raises(LimitError, match=name):
                    setattr(target, name, nonsense)
                tried += 1
    assert tried
    assert wire.sent == []


def kinds_of(entry):
    return [entry.driver, *dict.fromkeys(channels(entry.driver).values())]


guarded = pytest.mark.parametrize(
    "entry",
    [entry for entry in DEVICE_ENTRIES.values() if issubclass(entry.driver, Guarded)],
    ids=lambda entry: entry.name,
)


@guarded
def test_nothing_of_pymeasure_clips_behind_the_drivers_back(entry):
    left = set()
    for kind in kinds_of(entry):
        for name, member in inspect.getmembers_static(kind):
            owner = next(base for base in kind.__mro__ if name in vars(base))
            if (
                isinstance(member, property)
                and owner.__module__.startswith("pymeasure.")
                and settable(member)
            ):
                left.add(name)
    assert left <= WRITTEN_BY_HAND.get(entry.name, set())


@guarded
def test_the_type_of_a_property_is_in_the_class_body(entry):
    for kind in [entry.adapter, *kinds_of(entry)]:
        for base, name, member in some(own_properties(kind)):
            if isinstance(member, Inherited):
                continue
            annotated = name in vars(base).get("__annotations__", {})
            returns = "return" in getattr(member.fget, "__annotations__", {})
            from_pymeasure = "get_command" in inspect.signature(member.fget).parameters
            assert annotated if from_pymeasure else returns or annotated, f"{base.__name__}.{name}"


@guarded
def test_an_instrument_is_asked_after_every_setting_what_it_refused(entry):
    if entry.name in KEEPS_QUIET:
        assert not issubclass(entry.driver, (ErrorQueue, ReadBack, StandardEvents))
        return
    assert issubclass(entry.driver, (ErrorQueue, ReadBack, StandardEvents))
    question = getattr(entry.driver, "error_query", "*ESR?")
    assert issubclass(entry.driver, ReadBack) or question in entry.driver.asked_once
    unasked = {
        f"{base.__name__}.{name}": inspect.signature(member.fset).parameters["check_set_errors"].default
        for kind in kinds_of(entry)
        for base, name, member in own_properties(kind)
        if settable(member) and not isinstance(member, Inherited)
    }
    assert set(unasked.values()) == {True}, unasked
    assert all(kind.check_set_errors.__module__.startswith("labspin") for kind in some(kinds_of(entry)))


class Watched(Wire):
    """A wire on which nobody answers, and on which nobody may speak without the lock of the line."""

    line = None

    def _write(self, command, **kwargs):
        assert self.line is None or self.line.lock._is_owned(), command
        super()._write(command, **kwargs)

    def _read(self, **kwargs):
        assert self.line is None or self.line.lock._is_owned()
        return super()._read(**kwargs)


@guarded
def test_a_question_is_one_exchange_asked_again_and_then_one_clear_error(entry):
    wire = Watched(lambda command: None)
    device = entry.driver(wire, "box", retries=2)
    wire.line, asked = device._line, 0
    for target in [device, *(getattr(device, name) for name in channels(entry.driver))]:
        for _, _, member in own_properties(type(target)):
            if "get_command" not in inspect.signature(member.fget).parameters:
                continue
            wire.sent.clear()
            device._line.unanswered.clear()
            with pytest.raises(ReplyTimeoutError, match=r"^box: no answer to .* within 3 s, asked 3 times"):
                member.fget(target)
            question = wire.sent[0]
            assert wire.sent.count(question) <= 3
            asked += 1
    assert asked


@every_device
def test_ranges_are_those_of_actuators(entry):
    ranges = entry.adapter.ranges()
    assert set(ranges) == {**ACTUATORS[entry.role], **entry.adapter.units}.keys()
    assert all(least < greatest for least, greatest in ranges.values())


@every_driver
def test_a_module_names_its_quirks_and_their_source(entry):
    text = inspect.getmodule(entry.adapter).__doc__
    assert "Quirks" in text
    assert re.search(r"[Mm]anual|documentation", text)


@every_device
def test_a_driver_has_a_twin(entry):
    assert entry.name in DEVICES


@every_driver
def test_a_driver_has_tests(entry):
    assert (Path(__file__).parent / f"test_{entry.name}.py").exists()


@every_composed
def test_what_is_made_of_others_moves_what_its_parts_can(entry):
    assert set(entry.adapter.moves) == {**ACTUATORS[entry.role], **entry.adapter.units}.keys()
    for attribute, (part, moved) in entry.adapter.moves.items():
        assert ACTUATORS[entry.adapter.parts[part]][moved] == ACTUATORS[entry.role][attribute]
    assert not entry.adapter.uses_visa()


@pytest.mark.parametrize("role", ROLES.values(), ids=ROLES)
def test_a_role_is_what_its_tables_say(role):
    name = role.__name__
    for attribute in ACTUATORS[name]:
        assert getattr(role, attribute).fset is not None
    for attribute in READINGS[name]:
        assert getattr(role, attribute).fset is None
    settable = {n for n, m in vars(role).items() if isinstance(m, property) and m.fset is not None}
    assert settable - {"output_enabled"} == set(ACTUATORS[name])
    for _, attribute, member in some(own_properties(role)):
        assert DOCSTRING.match(inspect.cleandoc(member.__doc__)), attribute


def test_a_role_is_told_without_asking_the_device():
    class Half:
        @property
        def frequency(self):
            raise AssertionError("asked")

        def safe(self): ...

    assert not implements(Half(), ROLES["MicrowaveSource"])
    assert set(missing_members(Half, ROLES["MicrowaveSource"])) == {
        "identity",
        "settings",
        "power",
        "output_enabled",
    }


LAB_DRIVER = '''
"""A lab's own gaussmeter."""
from labspin.instruments import LabspinInstrument, RoleAdapter


class Probe(LabspinInstrument):
    def safe(self): ...


class ProbeGaussmeter(RoleAdapter):
    role = "Gaussmeter"
    driver = Probe

    @property
    def field(self):
        """Measure the field (T, float)."""
        return self.device.values("RDGFIELD?")[0]

    def settings(self):
        return {}


class NoGaussmeter(RoleAdapter):
    role = "Gaussmeter"
    driver = Probe

    def settings(self):
        return {}


class Misspelt(RoleAdapter):
    role = "Gausmeter"


class Driverless(ProbeGaussmeter):
    driver = None


nonsense = 3
'''


@pytest.fixture
def lab(tmp_path):
    (tmp_path / "probe.py").write_text(LAB_DRIVER)
    (tmp_path / "broken.py").write_text("1 / 0")
    return tmp_path


def test_a_labs_own_driver_is_found_by_path(lab):
    entry = load_driver("probe.py:ProbeGaussmeter", folder=lab)
    assert entry.role == "Gaussmeter"
    assert load_driver("probe.py:ProbeGaussmeter", folder=lab) == entry
    device = entry.driver(Wire(lambda command: "1.5E-3"), "probe")
    assert entry.adapter(device).field == 1.5e-3


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("sg348", "driver 'sg348': wanted one of .*; did you mean 'sg384'"),
        ("zzz", "or 'path/to/file.py:Class' for one of your own"),
        ("none.py:Class", r"there is no file '.*none\.py'"),
        ("broken.py:Class", "cannot be loaded: ZeroDivisionError"),
        ("probe.py:Missing", r"probe\.py has no 'Missing'"),
        ("probe.py:nonsense", "wanted a subclass of labspin.instruments.RoleAdapter, got 3"),
        ("probe.py:Probe", "wanted a subclass"),
        ("probe.py:NoGaussmeter", "it is no Gaussmeter: it lacks field"),
        ("probe.py:Misspelt", "its role 'Gausmeter' is nearly 'Gaussmeter'"),
        ("probe.py:Driverless", "names no driver class"),
    ],
)
def test_a_driver_that_cannot_be_is_refused(lab, name, match):
    with pytest.raises(ConfigurationError, match=match):
        load_driver(name, folder=lab)


def test_drivers_of_installed_packages_are_found(tmp_path, monkeypatch):
    (tmp_path / "lab_package.py").write_text(LAB_DRIVER)
    information = tmp_path / "lab_package-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: lab-package\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[labspin.drivers]\nprobe = lab_package:ProbeGaussmeter\nlost = lab_package_lost:Class\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    plugins.installed.cache_clear()
    assert {"probe", "lost", *DRIVERS} <= set(driver_names())
    assert load_driver("probe").role == "Gaussmeter"
    with pytest.raises(ConfigurationError, match="'lab_package_lost:Class' of an installed package cannot"):
        load_driver("lost")


def test_public_names_are_there():
    assert instruments.RoleAdapter is RoleAdapter
    for name in some(instruments.__all__):
        assert getattr(instruments, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = instruments.nothing

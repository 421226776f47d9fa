"""The page of one run, from what was measured down to the versions of everything that took part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labspin.analysis.names import truth_words
from labspin.analysis.report.fits import fit_sections, fit_summaries, fit_warnings
from labspin.analysis.report.page import Html, document, folded, join, pairs, section, table, tag
from labspin.analysis.report.pictures import run_picture, sequence_picture
from labspin.analysis.report.words import clock_time, flattened, interval, shown, with_unit
from labspin.clock import local_time
from labspin.counts import number_of
from labspin.data import EventKind, RunStatus, not_safe
from labspin.data.outputs import PAGE, refuse_foreign
from labspin.data.storage import replace_file
from labspin.errors import FitError
from labspin.system import reason_of
from labspin.workspaces import shown_as_written

if TYPE_CHECKING:
    from labspin.data import Event, Run, RunHeader
    from labspin.instruments import PulseSequence

__all__ = ["report_html", "write_report"]

_EVENTS = 500
_SERIOUS = frozenset({EventKind.ERROR, EventKind.INTERLOCK, EventKind.WARNING})
_ELSEWHERE = frozenset({EventKind.SAFE_ACTION, EventKind.READINGS, EventKind.TRUTH, EventKind.TRUTH_AT_POINT})


def write_report(
    run: Run | Path | str,
    output: Path | str | None = None,
    *,
    sequences: Mapping[str, PulseSequence] | None = None,
) -> Path:
    """Write the report of a run and return its path.

    Parameters
    ----------
    run
        A run file, or a run that was read; it may still run, or have died.
    output
        HTML file; None: beside the run file.
    sequences
        Pulse sequences that were played, by their titles, to be drawn; None: none.

    Raises
    ------
    RunFileError
        The run cannot be read.
    FitError
        The page cannot be written, or would take the place of data.
    """
    opened = _opened(run)
    target = Path(output) if output is not None else opened.path.with_suffix(".html")
    if target.is_dir():
        target = target / f"{opened.path.stem}.html"
    if target.suffix.lower() not in (".html", ".htm"):
        raise FitError(f"report {target}: wanted a name that ends in .html, so that no data are overwritten")
    refuse_foreign(target, PAGE, inputs=opened.sources, error=FitError)
    page = report_html(opened, sequences=sequences).encode("utf-8", "replace")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FitError(f"{target.parent}: {reason_of(error, writing=True)}; no report was written") from error
    replace_file(target, page, "the report was not written", error=FitError)
    return target


def report_html(run: Run | Path | str, *, sequences: Mapping[str, PulseSequence] | None = None) -> str:
    """Return the report of a run as one HTML page that needs nothing else; the errors are `read_run`'s.

    Parameters
    ----------
    run
        A run that was read, or the path of its file.
    sequences
        Pulse sequences that were played, by their titles, to be drawn; None: none.
    """
    opened = _opened(run)
    with shown_as_written(opened.metadata.units):
        return _page(opened, sequences)


def _page(opened: Run, sequences: Mapping[str, PulseSequence] | None) -> str:
    header = opened.header
    return document(
        header.label or header.procedure,
        _not_safe(opened),
        _head(opened),
        _concerns(opened),
        *_results(opened),
        _truth(header),
        section("Parameters", _parameters(header.parameters), folded("Plan", pairs(_leaves(header.plan)))),
        *([section("Pulses", sequence_picture(sequences))] if sequences else []),
        section("Instruments", *_instruments(opened)),
        section("Safe state", _safe_state(opened)),
        section("Log", _log(opened.events)),
        section("Versions and files", *_origin(opened)),
    )


def _not_safe(run: Run) -> Html:
    """Return the first line of the report if the bench was not left safe."""
    sentence = not_safe(run.unsafe or {})
    return tag("p", tag("b", sentence, class_="bad"), class_="box") if sentence else join([])


def _opened(run: Run | Path | str) -> Run:
    if not isinstance(run, (str, Path)):
        return run
    from labspin.data import read_run

    return read_run(Path(run))


def _head(run: Run) -> Html:
    """Return what a supervisor asks first: what, on which sample, who, when, why, and what came out."""
    header, said = run.header, run.metadata
    badges = [tag("span", run.status, class_=f"badge {'good' if run.status == 'finished' else 'bad'}")]
    if header.simulated != "no":
        words = "simulated" if header.simulated == "yes" else f"MIXED: {header.simulated} simulated"
        badges.append(tag("span", words, class_="badge warn"))
    badges += [tag("span", word, class_="badge") for word in said.tags]
    if said.rating is not None:
        badges.append(tag("span", f"rated {said.rating} of 5", class_="badge"))
    lasted = interval(header.started, run.ended)
    total = "?" if header.layout.size is None else str(header.layout.size)
    facts = [
        ("sample", ": ".join(word for word in (said.sample, said.sample_description) if word)),
        ("operator", said.operator),
        ("project", said.project),
        ("started", f"{local_time(header.started)}{f', for {lasted}' if lasted else ''}"),
        ("procedure", header.procedure),
        ("station", shown(header.station.get("name", "–"))),
        ("points", f"{len(run.points)} of {total}"),
    ]
    why = [tag("p", text) for text in (said.description, said.comment) if text]
    return join(
        [
            tag("h1", header.label or header.procedure),
            tag("p", *badges),
            *why,
            *fit_summaries(run),
            pairs([(name, value) for name, value in facts if value]),
        ]
    )


def _results(run: Run) -> list[Html]:
    """Return measurement and fits, the fit first if there is one: its picture shows the data, too."""
    measurement = section("Measurement", run_picture(run), _quantities(run))
    return [fit_sections(run), measurement] if run.fits else [measurement, fit_sections(run)]


def _concerns(run: Run) -> Html:
    """Return what a reader must know before believing a number of this page."""
    found = []
    if run.status != RunStatus.FINISHED:
        found.append(f"The run is {run.status}: the data are what was measured until then.")
    size = run.header.layout.size
    if size is not None and (missing := size - len(run.points)) > 0:
        found.append(f"{missing} of {number_of(size, 'point')} {'is' if missing == 1 else 'are'} missing.")
    if run.unsafe is None and run.status != RunStatus.RUNNING:
        found.append("The file does not say that the instruments were left safe.")
    found += [f"{event.kind}: {event.message}" for event in run.events if event.kind in _SERIOUS][:20]
    found += [f"Fit {record.name}: {text}" for record in run.fits for text in fit_warnings(record)[:5]]
    if run.header.environment.get("code", {}) and _changed(run.header.environment):
        found.append("The code had changes that no commit holds.")
    return tag("div", tag("ul", *(tag("li", text) for text in found)), class_="box") if found else join([])


def _changed(environment: Mapping[str, object]) -> bool:
    code = environment.get("code")
    return isinstance(code, Mapping) and bool(code.get("changed"))


def _quantities(run: Run) -> Html:
    layout = run.header.layout
    rows = []
    for axis in layout.dimensions:
        low, high = (with_unit(float(limit), axis.unit) for limit in (axis.values.min(), axis.values.max()))
        rows.append([axis.name, "axis", f"{number_of(len(axis), 'value')}, {low} to {high}"])
    for column in layout.columns:
        shape = "×".join(map(str, column.shape))
        unit = "" if column.unit in ("", "1") else f"in {column.unit}"
        text = ", ".join(word for word in (column.description, unit, shape and f"{shape} a point") if word)
        rows.append([column.name, column.role, text])
    return folded("What was measured", table(["name", "", "meaning"], rows, limit=200))


def _truth(header: RunHeader) -> Html:
    if header.truth is None:
        return join([])
    note = tag("p", "What the simulated sample really is.", class_="note")
    return section("Ground truth", note, pairs(truth_words(header)))


def _leaves(content: Mapping[str, object]) -> list[tuple[str, str]]:
    return [(name, shown(value)) for name, value in flattened(content)]


def _parameters(parameters: Mapping[str, Any]) -> Html:
    rows = []
    for name, entry in parameters.items():
        known = isinstance(entry, Mapping) and "value" in entry
        value = with_unit(entry["value"], str(entry.get("unit") or "1")) if known else shown(entry)
        rows.append([name.replace("_", " "), value])
    return table(["parameter", "value"], rows)


def _instruments(run: Run) -> Iterable[Html]:
    before, after = run.header.snapshot, run.snapshot_after or {}
    devices = before.get("instruments") if isinstance(before.get("instruments"), Mapping) else before
    later = after.get("instruments") if isinstance(after.get("instruments"), Mapping) else after
    drivers = run.header.station.get("drivers")
    for name, device in (devices or {}).items():
        content = device if isinstance(device, Mapping) else {"settings": device}
        driver = drivers.get(name, "") if isinstance(drivers, Mapping) else ""
        yield tag("h3", name)
        facts = [("identity", shown(content.get("identity", "–")))]
        yield pairs([*facts, ("driver", shown(driver))] if driver else facts)
        yield folded("Settings", _settings(content, (later or {}).get(name)))
    actuators = before.get("actuators")
    if isinstance(actuators, Mapping):
        yield tag("h3", "Actuators")
        yield _actuators(actuators, after.get("actuators"))


def _settings(before: Mapping[str, object], after: object) -> Html:
    first = dict(_leaves(_table(before, "settings")))
    last = dict(_leaves(_table(after, "settings"))) if isinstance(after, Mapping) else {}
    rows = [[name, first.get(name, "–"), last.get(name, "–")] for name in {**first, **last}]
    return table(["setting", "before the run", "after the run"], rows, limit=300)


def _table(content: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = content.get(name, {})
    return value if isinstance(value, Mapping) else {name: value}


def _actuators(before: Mapping[str, object], after: object) -> Html:
    def text(content: Any) -> str:
        if isinstance(content, Mapping) and "value" in content:
            return with_unit(content["value"], str(content.get("unit") or "1"))
        return shown(content)

    later = after if isinstance(after, Mapping) else {}
    rows = [[name, text(value), text(later.get(name))] for name, value in before.items()]
    return table(["actuator", "before the run", "after the run"], rows)


def _safe_state(run: Run) -> Html:
    events = run.events_of(EventKind.SAFE_ACTION)
    if not events:
        return tag("p", "The file holds no record of a safe state.", class_="bad")
    done, failed = tag("span", "done", class_="good"), tag("b", "FAILED", class_="bad")
    rows = [
        [clock_time(event.time), event.message, done if event.data.get("ok", True) else failed]
        for event in events
    ]
    return table(["time", "action", ""], rows)


def _log(events: Iterable[Event]) -> Html:
    rows = [[clock_time(e.time), e.kind, e.message] for e in events if e.kind not in _ELSEWHERE]
    if not rows:
        return tag("p", "No events.", class_="note")
    return table(["time", "kind", "message"], rows, limit=_EVENTS)


def _origin(run: Run) -> Iterable[Html]:
    header, station = run.header, run.header.station
    facts = [("run", header.run_id), ("started (UTC)", header.started), ("ended (UTC)", run.ended or "–")]
    if header.seed is not None:
        facts.append(("seed", str(header.seed)))
    notes = [(name, shown(value)) for name, value in flattened(header.extra) if isinstance(value, str)]
    yield pairs([*facts, *notes])
    yield pairs(_leaves(header.environment))
    yield pairs([("run file", run.path.name), ("station file", shown(station.get("path", "–")))])
    text = station.get("text")
    if isinstance(text, str) and text:
        yield folded("Station file", tag("pre", text))

"""The pulses of a procedure as drawings, for the command line, the window and reports."""

from __future__ import annotations

from pathlib import Path

from labspin.data import RunHeader, read_run
from labspin.errors import CardError, LabspinError
from labspin.instruments import PulseSequence
from labspin.session.cards import Card
from labspin.session.recorded import recorded_procedure

__all__ = ["card_sequences", "drawn_sequences", "recorded_sequences", "report_run"]


def drawn_sequences(procedure: object) -> dict[str, PulseSequence]:
    """Return the pulse sequences of a procedure by their titles, with the gates of its counter.

    Parameters
    ----------
    procedure
        The procedure. Its ``drawn()`` is asked, or ``sequences()`` if it has no more; one without either
        plays no pulses.

    Raises
    ------
    LabspinError
        Its parameters contradict each other.
    """
    draw = getattr(procedure, "drawn", None) or getattr(procedure, "sequences", None)
    return dict(draw()) if draw is not None else {}


def card_sequences(card: Card) -> dict[str, PulseSequence]:
    """Return the pulse sequences of all runs of a card by their titles, without duplicates.

    Parameters
    ----------
    card
        The card.

    Raises
    ------
    CardError
        None of its runs plays pulses.
    LabspinError
        Parameters contradict each other.
    """
    found: dict[str, PulseSequence] = {}
    for spec in card.runs:
        for title, sequence in drawn_sequences(spec.make()).items():
            if sequence not in found.values():
                found[f"{spec.label}: {title}" if len(card.runs) > 1 else title] = sequence
    if not found:
        raise CardError(f"{card.path}: wanted a procedure that plays pulses, got {card.procedure_name!r}")
    return found


def recorded_sequences(header: RunHeader) -> dict[str, PulseSequence]:
    """Return the pulse sequences that a recorded run played, by their titles; none if they are not known.

    Parameters
    ----------
    header
        Header of the run. Its procedure is built again from the file; a procedure that is
        gone, or has changed so that it does not take these parameters, draws nothing.
    """
    try:
        return drawn_sequences(recorded_procedure(header))
    except (LabspinError, ValueError, TypeError):
        return {}


def report_run(path: Path | str, output: Path | str | None = None) -> Path:
    """Write the report of a run, with the pulses that it played, and return its path.

    Parameters
    ----------
    path
        A run file; the run may be in progress, or have died.
    output
        HTML file; None: next to the run file.

    Raises
    ------
    RunFileError
        The run cannot be read.
    FitError
        The page cannot be written, or would overwrite data.
    """
    from labspin.analysis import write_report

    run = read_run(Path(path))
    return write_report(run, output, sequences=recorded_sequences(run.header))

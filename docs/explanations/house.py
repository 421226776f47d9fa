"""Draws the house, `house.svg`, from the imports that the code really has."""

from __future__ import annotations

import sys
from pathlib import Path

import grimp

PLACES = {
    "cli": (1.0, 0), "gui": (2.0, 0),
    "session": (1.0, 1), "reproduction": (2.0, 1),
    "procedures": (0.0, 2), "analysis": (2.0, 2),
    "experiment": (0.0, 3), "station": (1.0, 3),
    "bench": (0.0, 4), "twin": (1.0, 4),
    "instruments": (0.0, 5), "data": (2.0, 5),
    "physics": (1.0, 6),
}  # fmt: skip
"""Column and floor, from the top; what all floors rest on is the ground."""
GROUND = ("workspaces", "documents", "plugins", "units", "clock", "errors")
SAYS = {
    "cli": "commands",
    "gui": "the window",
    "session": "use cases: cards, queue, host",
    "reproduction": "figures of the papers",
    "procedures": "the experiments",
    "analysis": "models, fits, pictures",
    "experiment": "sweeps and the engine",
    "station": "station files",
    "bench": "limits, ramps, safe state",
    "instruments": "drivers and roles",
    "data": "the run file",
    "physics": "pure functions",
    "twin": "simulated bench",
}
WIDTH, HEIGHT, GAP, ROW = 190, 46, 30, 84
INK, PAPER, LINE = "#1f2933", "#f5f7fa", "#829ab1"


def imports() -> dict[str, set[str]]:
    """Return which package imports which, imports inside functions included, those for typing alone left out."""
    graph = grimp.build_graph("labspin", exclude_type_checking_imports=True, cache_dir=None)
    found: dict[str, set[str]] = {}
    for module in graph.modules:
        for other in graph.find_modules_directly_imported_by(module):
            source, target = (name.split(".")[1] if "." in name else "" for name in (module, other))
            if source and target and source != target and source in SAYS and target in SAYS:
                found.setdefault(source, set()).add(target)
    return found


def reduced(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the arrows that do not follow from others."""

    def below(name: str) -> set[str]:
        direct = graph.get(name, set())
        return direct.union(*map(below, direct))

    return {
        name: {other for other in others if not any(other in below(third) for third in others)}
        for name, others in graph.items()
    }


def drawing() -> str:
    """Return the house as SVG."""
    whole = imports()
    there = {*whole, *(name for others in whole.values() for name in others)}
    graph = reduced(whole)
    places = {
        name: (15 + column * (WIDTH + GAP), 20.0 + row * ROW)
        for name, (column, row) in PLACES.items()
        if name in there
    }
    height = 20 + 7 * ROW + 50
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 {height}" font-family="sans-serif" role="img" '
        'aria-label="The packages of labspin, each above what it imports">',
        f'<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0 0L8 4L0 8z" fill="{LINE}"/></marker></defs>',
    ]
    for source in sorted(graph):
        for target in sorted(graph[source]):
            parts.append(_arrow(places[source], places[target]))
    for name, (x, y) in places.items():
        parts.append(
            f'<g><rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="8" fill="{PAPER}" stroke="{INK}"/>'
            f'<text x="{x + WIDTH / 2:g}" y="{y + 20:g}" text-anchor="middle" font-size="15" font-weight="bold" '
            f'fill="{INK}">{name}</text><text x="{x + WIDTH / 2:g}" y="{y + 37:g}" text-anchor="middle" '
            f'font-size="11" fill="{INK}">{SAYS[name]}</text></g>'
        )
    y = 20 + 7 * ROW
    parts.append(
        f'<g><rect x="30" y="{y}" width="600" height="36" rx="8" fill="{INK}"/><text x="330" y="{y + 23}" '
        f'text-anchor="middle" font-size="13" fill="{PAPER}">{" · ".join(GROUND)}</text></g></svg>'
    )
    return "\n".join(parts) + "\n"


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    x1, y1, x2, y2 = start[0] + WIDTH / 2, start[1] + HEIGHT, end[0] + WIDTH / 2, end[1]
    if start[1] == end[1]:  # beside each other
        x1, x2 = (start[0] + WIDTH, end[0]) if start[0] < end[0] else (start[0], end[0] + WIDTH)
        y1 = y2 = start[1] + HEIGHT / 2
    x2 += (x1 - x2) * 0.12
    return (
        f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" stroke="{LINE}" stroke-width="1.3" fill="none" '
        'marker-end="url(#tip)"/>'
    )


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_suffix(".svg")).write_text(
        drawing(), encoding="utf-8"
    )

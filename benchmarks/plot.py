"""Rate and latency against size, a panel for each transport, drawn from a run's JSON alone."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from .results import Case, Row, Run
from .tables import size as words

# Who is drawn, and how: framewire in colour and thick, the others by line and marker too.
STYLES: dict[str, dict[str, Any]] = {
    "fw": {"color": "#0b6e4f", "lw": 2.6, "marker": "o"},
    "fw-inplace": {"color": "#2fbf71", "lw": 2.6, "marker": "D"},
    "raw": {"color": "#1f4e9e", "marker": "s"},
    "raw-inplace": {"color": "#5b9bd5", "marker": "s", "ls": "--"},
    "recipe": {"color": "#c0392b", "marker": "^"},
    "recipe-inplace": {"color": "#e6877c", "marker": "^", "ls": "--"},
    "pyomq": {"color": "#8e44ad", "marker": "v"},
    "pyomq-inplace": {"color": "#c39bd3", "marker": "v", "ls": "--"},
    "array-pickle": {"color": "#e08e0b", "marker": "P"},
    "array-msgspec": {"color": "#f2c14e", "marker": "p"},
    "array-struct": {"color": "#17a2b8", "marker": "h"},
    "array-dask": {"color": "#a0522d", "marker": "X", "ls": ":"},
    "array-protobuf": {"color": "#d4639e", "marker": "*", "ls": ":"},
    "array-flatbuffers": {"color": "#b39ddb", "marker": "d", "ls": ":"},
    "array-capnp": {"color": "#4e342e", "marker": ">", "ls": ":"},
    "array-arrow": {"color": "#7f8c1f", "marker": "<", "ls": ":"},
    "c-array": {"color": "#555555", "marker": "", "ls": "--"},
    "c-inplace": {"color": "#999999", "marker": "", "ls": "--"},
}
TRANSPORTS = {
    "inproc": "inproc, one thread",
    "ipc": "ipc, two processes",
    "tcp": "tcp, two processes, loopback",
}
SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "framewire",  # so that the same JSON gives the same file
    "svg.fonttype": "none",  # text as text: half the size
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.35,
    "lines.markersize": 4.5,
    "lines.linewidth": 1.3,
}


def draw(run: Run, folder: Path) -> list[Path]:
    """Write the figures that the run has cases for, and say which."""
    import matplotlib

    matplotlib.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name, title, label, figure, sweeps in (
        ("rate", "Arrays one way", "messages a second", lambda row: 1 / row.seconds, "one way"),
        (
            "latency",
            "Time of a message one way over inproc, of a round trip over ipc and tcp",
            "median, µs",
            _us,
            "p50",
        ),
    ):
        panels = {transport: _panel(run.cases, transport, sweeps) for transport in TRANSPORTS}
        if any(panels.values()):
            path = folder / f"{name}.svg"
            with matplotlib.rc_context(SETTINGS):
                _figure(
                    path,
                    f"{title}. {_machine(run)}",
                    label,
                    figure,
                    panels,
                    _drawn_from(run.cases),
                )
            made.append(path)
    return made


def stale(run: Run, folder: Path) -> list[Path]:
    """The figures that were drawn from other cases."""
    paths = [folder / f"{name}.svg" for name in ("rate", "latency")]
    right = _drawn_from(run.cases)
    return [path for path in paths if not path.exists() or right not in path.read_text("utf-8")]


def _drawn_from(cases: list[Case]) -> str:
    """What tells the cases that are drawn from others."""
    drawn = [msgspec.json.encode(case) for case in cases if case.group == "sizes"]
    return f"sizes: {hashlib.sha256(b''.join(drawn)).hexdigest()}"


def _us(row: Row) -> float:
    return row.seconds * 1e6


def _panel(cases: list[Case], transport: str, what: str) -> list[Case]:
    """The cases of a panel; over inproc the one measurement is both."""
    what = "one way" if transport == "inproc" else what
    return [
        case
        for case in cases
        if case.group == "sizes" and case.transport == transport and what in case.sweep
    ]


def _machine(run: Run) -> str:
    about = run.about
    return (
        f"{about.get('cores', '?')} cores of {about.get('cpu', '?')},"
        f" pyzmq {about.get('pyzmq', '?')}, {about.get('date', '')[:10]}"
    )


def _figure(
    path: Path,
    title: str,
    label: str,
    figure: Callable[[Row], float],
    panels: dict[str, list[Case]],
    drawn_from: str,
) -> None:
    from matplotlib import pyplot

    # White, whatever the page is: lines that are read on white and on black alike are too pale.
    drawn, axes = pyplot.subplots(
        1, len(panels), figsize=(11, 4.9), sharey=True, layout="constrained", facecolor="white"
    )
    lines: dict[str, Any] = {}
    for axis, (transport, cases) in zip(axes, panels.items(), strict=True):
        _lines(axis, cases, figure, lines)
        axis.set_title(TRANSPORTS[transport], fontsize=10)
        axis.set_xlabel("payload")
    axes[0].set_ylabel(label)
    drawn.suptitle(title, fontsize=10)
    drawn.legend(
        handles=list(lines.values()), loc="outside lower center", ncols=4, fontsize=8, frameon=False
    )
    drawn.savefig(path, metadata={"Date": None, "Description": drawn_from})
    pyplot.close(drawn)


def _lines(
    axis: Any, cases: list[Case], figure: Callable[[Row], float], lines: dict[str, Any]
) -> None:
    axis.set_xscale("log", base=2)
    axis.set_yscale("log")
    for key, style in STYLES.items():
        points = [
            (case.size, figure(row), row.title)
            for case in cases
            for row in case.rows
            if row.contender == key
        ]
        if points:
            sizes, figures, titles = zip(*points, strict=True)
            (line,) = axis.plot(sizes, figures, label=titles[0], **style)
            lines.setdefault(titles[0], line)
    ticks = sorted({case.size for case in cases})[::2]
    axis.set_xticks(ticks, [words(tick) for tick in ticks])
    axis.minorticks_off()

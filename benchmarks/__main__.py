"""Run the benchmarks, draw what they measured, compare it, and put it into the documents.

Without a command, `run`: everything, side by side.
"""

import argparse
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from . import compare, documents, groups, machine, plot, tables
from .results import ROOT, Case, Run, load, newest

COMMANDS = ("run", "plot", "compare", "readme")
OUTPUT = ROOT / "build" / "benchmarks"
FIGURES = ROOT / "docs" / "figures"


def saved(path: str) -> Run:
    """For argparse: a run by the name of its JSON."""
    try:
        return load(Path(path))
    except (OSError, msgspec.MsgspecError) as error:
        raise argparse.ArgumentTypeError(f"{path}: {error}") from error


def positive(text: str) -> int:
    """For argparse: a count."""
    if int(text) < 1:
        raise ValueError(text)
    return int(text)


def factor(text: str) -> float:
    """For argparse: how many times something is."""
    if not 1 <= float(text) < math.inf:
        raise ValueError(text)
    return float(text)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="measure; a table, JSON, plots, and where others win")
    run.add_argument(
        "groups",
        nargs="*",
        metavar="group",
        help=f"of {', '.join(groups.GROUPS)}; if none, all but threshold",
    )
    run.add_argument("--quick", action="store_true", help="less of all, two rounds")
    run.add_argument(
        "--rounds", type=positive, default=3, help="of which the best counts (default: 3)"
    )
    run.add_argument(
        "--json", type=Path, metavar="FILE", help="instead of build/benchmarks/DATE.json"
    )
    run.add_argument("--figures", type=Path, default=OUTPUT, metavar="DIR", help="for the plots")

    draw = commands.add_parser("plot", help="draw rate and latency against size, from JSON")
    draw.add_argument("json", type=saved)
    draw.add_argument("-o", "--output", type=Path, default=FIGURES, metavar="DIR")

    two = commands.add_parser("compare", help="two runs: ratios first, then seconds")
    two.add_argument("old", type=saved)
    two.add_argument("new", type=saved)
    two.add_argument("--threshold", type=factor, default=compare.THRESHOLD, metavar="FACTOR")
    two.add_argument(
        "--fail-over",
        type=factor,
        metavar="FACTOR",
        help="exit with 1 if framewire fell behind a contender of the same run by more",
    )
    readme = commands.add_parser(
        "readme", help="write the tables of README.md and docs/, and the figures, from JSON"
    )
    readme.add_argument("json", type=saved, nargs="?", help="if none, the newest kept one")
    readme.add_argument("--check", action="store_true", help="write nothing; exit with 1 if stale")
    return parser


def run(names: list[str], rounds: int, quick: bool, json: Path | None, figures: Path) -> int:
    how = ["--quick"] if quick else ["--rounds", str(rounds)]
    rounds, scale = (2, 5) if quick else (rounds, 1)
    done = Run(machine.describe() | {"command": " ".join(["run", *names, *how])})
    print("\n".join(f"{name}: {value}" for name, value in done.about.items()))
    path = json or OUTPUT / f"{done.about['date'][:10]}.json"
    done.save(path)  # better now than never
    figures.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()

    def cases() -> Iterator[Case]:
        for name in names or groups.DEFAULT:
            start = time.monotonic()
            for line in groups.lines(name, rounds, scale):
                done.left_out.update(line.left_out)
                if line.case:
                    done.cases.append(line.case)
                    done.save(path)  # what there is, should the next one be interrupted
                    yield line.case
            done.about[f"seconds of {name}"] = f"{time.monotonic() - start:.0f}"

    for text in tables.stream(cases()):
        print(text, flush=True)
    done.about["seconds"] = f"{time.monotonic() - begun:.0f}"
    done.save(path)
    summary(done)
    print(f"\n{path}", *draw(done, figures), sep="\n")
    return 1 if any(name.startswith("the rest of") for name in done.left_out) else 0


def summary(done: Run) -> None:
    print("\n".join(tables.slower(done.cases)))
    met = [row.met for case in done.cases for row in case.rows if row.met is not None]
    print(f"\n{sum(met)} targets met, {len(met) - sum(met)} missed, in {done.about['seconds']} s")
    for name, why in done.left_out.items():
        print(f"left out: {name}: {why}")


def draw(done: Run, figures: Path) -> list[Path]:
    try:
        return plot.draw(done, figures)
    except ImportError:
        print("no plots: matplotlib is not installed", file=sys.stderr)
        return []


def main(argv: list[str]) -> int:
    if not argv or argv[0] not in (*COMMANDS, "-h", "--help"):
        argv = ["run", *argv]
    parser = arguments()
    options = parser.parse_args(argv)
    if options.command == "run":
        if unknown := set(options.groups) - set(groups.GROUPS):
            parser.error(f"no such group: {', '.join(sorted(unknown))}")
        return run(options.groups, options.rounds, options.quick, options.json, options.figures)
    if options.command == "plot":
        print(*plot.draw(options.json, options.output), sep="\n")
        return 0
    if options.command == "compare":
        lines, behind = compare.compare(options.old, options.new, options.threshold)
        print("\n".join(lines))
        if options.fail_over is None or behind <= options.fail_over:
            return 0
        print(f"\nframewire fell behind {behind:.2f} x, more than {options.fail_over:g} x")
        return 1
    done = options.json or load(newest())
    if lacking := set(groups.DEFAULT) - {case.group for case in done.cases}:
        print(f"not a whole run: without {', '.join(sorted(lacking))}", file=sys.stderr)
        return 1
    if done.left_out or "--quick" in done.about["command"]:
        print(f"not a whole run: {done.about['command']}, {done.left_out}", file=sys.stderr)
        return 1
    if options.check:
        stale = [*documents.stale(done), *plot.stale(done, FIGURES)]
        print("\n".join(f"not what the JSON gives: {name}" for name in stale))
        return 1 if stale else 0
    print(*documents.write(done), *plot.draw(done, FIGURES), sep="\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)

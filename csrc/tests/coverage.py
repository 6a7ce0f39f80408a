"""Coverage of csrc/src by its tests and the replayed corpora: ``python csrc/tests/coverage.py``.

Builds with gcc into build/coverage, runs ctest, and prints the lines and branches of each file that
ran, and which lines did not. Headers count once, wherever they were included.
"""

import json
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "csrc" / "src"
BUILD = ROOT / "build" / "coverage"

REPORT = ("--branch-probabilities", "--json-format", "--stdout")

Counts = dict[int, int]


def run(*command: object) -> bytes:
    return subprocess.run([*map(str, command)], check=True, stdout=subprocess.PIPE).stdout


def build_and_test() -> None:
    shutil.rmtree(BUILD, ignore_errors=True)
    flags = "-DCMAKE_C_FLAGS=--coverage -O0 -fprofile-update=atomic"
    run("cmake", "-S", ROOT / "csrc", "-B", BUILD, "-DCMAKE_C_COMPILER=gcc", flags)
    run("cmake", "--build", BUILD, "-j", "2")
    run("ctest", "--test-dir", BUILD, "--output-on-failure")


def counted() -> tuple[dict[str, Counts], dict[str, Counts]]:
    """By file, how often each line ran, and each branch, which are numbered as gcov finds them."""
    lines: dict[str, Counts] = defaultdict(dict)
    branches: dict[str, Counts] = defaultdict(dict)
    for data in BUILD.glob("CMakeFiles/framewire_c.dir/src/*.gcda"):
        report = json.loads(
            run("gcov", "--branch-probabilities", "--json-format", "--stdout", data)
        )
        for file in report["files"]:
            path = Path(report["current_working_directory"], file["file"]).resolve()
            if path.parent != SOURCE:
                continue
            ran, taken = lines[path.name], branches[path.name]
            for line in file["lines"]:
                number = line["line_number"]
                ran[number] = ran.get(number, 0) + line["count"]
                for i, branch in enumerate(line["branches"]):
                    key = number * 1000 + i
                    taken[key] = taken.get(key, 0) + branch["count"]
    return lines, branches


def percent(counts: list[int]) -> str:
    share = 100 * sum(map(bool, counts)) / len(counts) if counts else 100
    return f"{share:5.1f}% of {len(counts):4d}"


def main() -> int:
    build_and_test()
    lines, branches = counted()
    every: tuple[list[int], list[int]] = [], []
    for name in sorted(lines):
        both = [*lines[name].values()], [*branches[name].values()]
        for all_of_them, counts in zip(every, both, strict=True):
            all_of_them += counts
        missed = [number for number, count in sorted(lines[name].items()) if not count]
        print(f"{name:14} lines {percent(both[0])}  branches {percent(both[1])}", missed or "")
    print(f"{'all':14} lines {percent(every[0])}  branches {percent(every[1])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

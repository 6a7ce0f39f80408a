"""Every example runs, ends by itself and prints what it should."""

import importlib
import re
from pathlib import Path

import pytest
from loopback import run_program

import framewire

FOLDER = Path(__file__).parents[1] / "examples"

IN_PLACE = framewire.transport == "libzmq"  # else everything that is sent is copied

# A regular expression for all that each prints.
OUTPUT = {
    "dask_cluster.py": r"200000 readings in 20 blocks\n"
    r"workers: 2\n"
    r"means: \[0\.51( 0\.51){7}\]\n"
    r"stood out: 20 True 2026-05-17T12:00:00\.190019\n",
    "flatbuffers_telemetry.py": r"a Telemetry in flatbuffers\n"
    r"7 1700000000\.25 21\.5 the door of hall 3 is open\n"
    r"read in place: True\n"
    r"sent on unchanged: True\n",
    "image_with_metadata.py": r"camera 3 {'camera': 3, 'exposure': 0\.02, 'unit': 'counts'}\n"
    r"uint16 \(1080, 1920\)\n"
    r"a view of the received frame: True\n"
    r"the same image: True\n"
    r"camera 3 {'frames': 2} 2026-05-17 12:30:00\+02:00\n"
    r"image uint16 \(1080, 1920\) equal: True\n"
    r"dark bool \(1080, 16\) equal: True\n",
    "inference_tensors.py": r"([012] \(64, 256\) \(64, 8\) right: True\n){3}"
    r"tensors: True\n"
    r"stopped\n",
    "memoryviews.py": rf"in flight: {IN_PLACE}\n"
    rf"\[1048576, 1048576, 1048576, 1048576\] sent without a copy: {IN_PLACE}\n"
    r"read-only: True and read in place: True\n"
    rf"inproc: the sender's memory: {IN_PLACE} {IN_PLACE}\n",
    "nested_arrays.py": r"the tree and the large arrays: \[\d{4}, 800000, 800000\]\n"
    r"\(100, 2000\) \(2000,\) \(2000, 100\)\n"
    r"a view of its frame: True\n"
    r"the same: True True\n"
    r"Run 13 \(1\.5, 2\.0\)\n"
    r"the same: True\n"
    r"refused: .*Expected `int`, got `str` - at `\$\.number`\n",
    "osbrain_arrays.py": r"(Broadcast|NS|URI) .*\n(NS|URI) .*\nURI .*\n"
    r"image uint16 \(480, 640\)\n"
    r"every pixel is its number: True\n"
    r"brightness True\n"
    r"NS shut down\.\n",
    "own_serializers.py": r"msgpack: {'seq': 7, 'values': \[1, 2\.5, None\]}\n"
    r"msgspec: Reading\(sensor='hall 3', value=21\.5, tags=\[\]\)\n"
    r"refused: Expected `str`, got `int` - at `\$\.sensor`\n"
    r"blosc2: dark True (\d+) bytes travel as (\d+)\n",
    "own_socket.py": r"(\d+) bytes of JSON travel as (\d+)\n"
    r"came back the same: True\n"
    r"refused: not the whole of a text of at most 100 bytes\n",
    "own_type.py": r"LinearModel \[1\. 2\. 3\.\] 1000\n"
    r"predicts the same: True\n"
    r"Spectrum 400\.0 700\.0 \(10000,\)\n"
    r"in place: True\n"
    r"(\d+) bytes of JSON travel as (\d+)\n"
    r"zipped came back the same: True\n"
    r"an array travels by: msgpack\n",
    "telemetry_formats.py": r"protobuf +44 bytes, +(\d+) with the head\n"
    r"capnp +64 bytes, +(\d+) with the head\n"
    r"msgpack +63 bytes, +(\d+) with the head\n"
    r"json +82 bytes, +(\d+) with the head\n"
    r"record +50 bytes, +74 with the head\n"
    r"array +48 bytes, +(\d+) with the head\n"
    r"1000 as an array: 48\.\d bytes each\n",
    "telemetry_loop.py": r"(  .*: slower\n)*one record a message: .* 0 lost, 0 gaps; busy: .*\n"
    r"(  .*: slower\n)*up to 1000 a message: .* 0 lost, 0 gaps; busy: .*\n",
}
ARGUMENTS = {"telemetry_loop.py": ["--seconds", "0.5"]}
NEEDS = {
    "dask_cluster.py": ["distributed"],
    "flatbuffers_telemetry.py": ["flatbuffers"],
    "osbrain_arrays.py": ["osbrain"],
    "own_serializers.py": ["blosc2", "msgpack"],
    "telemetry_formats.py": ["capnp", "google.protobuf"],
}
# test_reader.py, test_golden.py
ELSEWHERE = {f"framewire_{name}.py" for name in ("reader", "sealed", "tree", "types")}


def is_installed(module: str) -> bool:
    try:
        return importlib.import_module(module) is not None
    except ImportError:  # some need a newer numpy
        return False


def run(name: str, folder: Path) -> "re.Match[str]":
    missing = [module for module in NEEDS.get(name, ()) if not is_installed(module)]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")
    code, output, errors = run_program([FOLDER / name, *ARGUMENTS.get(name, ())], folder)
    assert (code, errors) == (0, "")
    found = re.fullmatch(OUTPUT[name], output)
    assert found, output
    return found


def test_none_is_forgotten():
    assert {path.name for path in FOLDER.glob("*.py")} == OUTPUT.keys() | ELSEWHERE


@pytest.mark.parametrize("name", OUTPUT)
def test_runs(name, tmp_path):
    run(name, tmp_path)


@pytest.mark.parametrize("name", ["own_serializers.py", "own_socket.py", "own_type.py"])
def test_compresses(name, tmp_path):
    whole, compressed = map(int, run(name, tmp_path).groups())
    assert compressed < whole / 10

"""What a run was measured on."""

import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from .results import ROOT

# pyperf's names of what is said about the machine, by ours
MACHINE = {
    "cpu": "cpu_model_name",
    "cores": "cpu_count",
    "cpu settings": "cpu_config",
    "cpu frequency": "cpu_freq",
    "load before": "load_avg_1min",
    "platform": "platform",
    "python": "python_version",
    "compiler": "python_compiler",
    "timer": "timer",
}
LIBRARIES = (
    "pyzmq numpy msgspec pyomq distributed protobuf flatbuffers pycapnp pyarrow cloudpickle dill"
    " osbrain gevent zstandard lz4 blosc2"
).split()


def describe() -> dict[str, str]:
    """Machine and versions, by name. What pyperf knows is left out where it is not installed."""
    import zmq

    import framewire

    about = {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "framewire": f"{framewire.__version__}, {framewire.transport} transport",
        "commit": _commit(),
        "libzmq": zmq.zmq_version(),
    }
    metadata = _metadata()
    about |= {ours: str(metadata[theirs]) for ours, theirs in MACHINE.items() if theirs in metadata}
    return about | {name: _version(name) for name in LIBRARIES}


def _commit() -> str:
    """Of these benchmarks; framewire's own may be another, if it was installed before."""
    describe = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(describe, capture_output=True, text=True, cwd=ROOT, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "?"
    return done.stdout.strip()


def _metadata() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "metadata.json"
        collect = [sys.executable, "-m", "pyperf", "collect_metadata", "-o", str(file)]
        if subprocess.run(collect, capture_output=True, timeout=60).returncode:
            return {}
        metadata: dict[str, Any] = msgspec.json.decode(file.read_bytes())["metadata"]
        return metadata


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"

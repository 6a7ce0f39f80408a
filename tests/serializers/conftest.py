"""Generated modules can be imported; a serializer's two functions; a process for hostile bytes."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import framewire

SCHEMAS = Path(__file__).parents[2] / "examples" / "schemas"
sys.path.insert(0, str(SCHEMAS))


@pytest.fixture(scope="session")
def schemas() -> Path:
    return SCHEMAS


@pytest.fixture
def through(connect: Callable[..., tuple[Any, Any]]) -> Callable[..., Any]:
    """Send a value by the public API, over ipc and as frames; what came both times."""

    def through(value: Any, serializer: str, **settings: Any) -> list[Any]:
        codec = framewire.Codec(**settings)
        here, there = connect(over="ipc")
        framewire.send_value(here, value, serializer=serializer)
        came = [framewire.recv_value(there, codec=codec)]
        frames = framewire.dumps(value, serializer=serializer)
        came.append(framewire.loads(frames, codec=codec))
        return came

    return through


@pytest.fixture
def survives() -> Callable[[str], None]:
    """Run a program that mutates messages, where a crash is seen as one."""

    def survives(program: str) -> None:
        run = subprocess.run(
            [sys.executable, "-c", program, str(SCHEMAS)],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert run.returncode == 0, run.stderr[-2000:]

    return survives

"""Memory of a receiver in another process that keeps few of many small arrays: see keeper.py."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zmq

import framewire

KEEPER = Path(__file__).parent / "keeper.py"
CHUNK = 1000


def keeper(how, count, tmp_path):
    rows = np.zeros((CHUNK, 12), "i8")
    with zmq.Context() as context, context.socket(zmq.PUSH) as push:
        push.linger = 0
        push.sndtimeo = 60_000
        push.bind(f"ipc://{tmp_path}/keeper")
        peer = subprocess.Popen([sys.executable, KEEPER, push.last_endpoint, str(count), how])
        try:
            for first in range(0, count, CHUNK):
                rows[:] = np.arange(first, first + CHUNK)[:, None]
                assert framewire.send_many(push, rows) == CHUNK
            assert peer.wait(60) == 0
        finally:
            peer.kill()
            peer.wait()


@pytest.mark.parametrize("how", ["array", "value", "copy", "raw", "many"])
def test_one_of_a_thousand(how, tmp_path):
    keeper(how, 400_000, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", ["array", "value", "copy", "raw", "many"])
def test_one_of_a_thousand_of_many(how, tmp_path):
    keeper(how, 10_000_000, tmp_path)

"""Agents of osBrain in processes of their own, on the loopback only, and their proxies."""

import contextlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from loopback import kill_group, settings

AGENTS = Path(__file__).parent / "agents.py"

VALUE = {"a": [1, 2.5, None, True], "ü": "日本語", "n": {"e": 1e16, "big": 1 << 70}}
RICH = {"point": (1, 2), "set": {3}, "bytes": b"\x80\xff", 4: 5j, "small": np.arange(5)}
LARGE = np.arange(50_000.0)


def comparable(value):
    """For ==: arrays as lists."""
    if isinstance(value, np.ndarray):
        return [str(value.dtype), value.tolist()]
    if isinstance(value, dict):
        return {key: comparable(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(comparable(each) for each in value)
    return bytes(value) if isinstance(value, memoryview) else value


def assert_same(found, expected):
    assert comparable(found) == comparable(expected)


def import_osbrain(folder):
    """osBrain, which reads its settings, and makes a folder, when it is imported; or skip."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings(folder).items():
            patch.setenv(name, value)
        return pytest.importorskip("osbrain")


def waited(condition):
    """The first result that is true."""
    deadline = time.monotonic() + 30
    while not (result := condition()):
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.01)
    return result


def heard(proxy, publish, publish_end):
    """What an agent receives of publications, which are repeated until its subscription is there.

    None is on its way afterwards: an agent that closes a socket with a message waiting may end.
    """
    waited(lambda: publish() or proxy.get_attr("received"))
    publish_end("the end")
    waited(lambda: str(proxy.get_attr("received")[-1]) == "the end")
    return proxy.take()[:-1]


class Agents:
    """Proxies of running agents, by name; `output` is all that they have printed."""

    def __init__(self, osbrain, output, process):
        self._output, self._process = output, process
        self._osbrain = osbrain
        self._address = waited(self._find_address)
        self._proxies = {}

    def _find_address(self):
        assert self._process.poll() is None, self.output
        found = re.search(r"^name server: (\S+)$", self.output, re.MULTILINE)
        return found and found[1]

    @property
    def output(self):
        return self._output.read_text()

    def __getitem__(self, name):
        if name not in self._proxies:
            self._proxies[name] = self._osbrain.Proxy(name, self._address)
        return self._proxies[name]

    def received(self, name, count=1):
        """What an agent has received, when it is so many."""
        waited(lambda: len(self[name].get_attr("received")) >= count)
        return self[name].take()

    def close(self):
        for proxy in self._proxies.values():
            proxy.release()


@contextlib.contextmanager
def running(folder, *names, method="fork"):
    """`Agents` of these names, of a class that keeps what it receives: agents.py."""
    osbrain = import_osbrain(folder)
    output = folder / "output"
    with output.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, AGENTS, method, *names],
            env=os.environ | settings(folder),
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    agents = None
    try:
        agents = Agents(osbrain, output, process)
        yield agents
    finally:
        if agents is not None:
            agents.close()
        kill_group(process)
        process.stdin.close()

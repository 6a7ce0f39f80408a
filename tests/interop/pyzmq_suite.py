"""Runs pyzmq's own tests, of the version that is installed, with `framewire.install()`.

Those of zmq.asyncio too, which are then on the sockets of `framewire.asyncio`.
Those of zmq.green get `framewire.green`'s classes.

``python tests/interop/pyzmq_suite.py`` downloads pyzmq's source distribution and runs its tests
three times: with plain pyzmq, which is the control, then with framewire on each transport. It fails
if framewire fails a test that the control passes, again and again. Needs framewire[interop].
"""

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import zmq
import zmq.asyncio

# What must fail, and does only if framewire's sockets were under test.
NOT_PYZMQ = {  # they are called framewire's
    "tests/test_socket.py::TestSocket::test_repr",
    "tests/test_socket.py::TestSocketGreen::test_repr",
}
COPIES = "tests/test_socket.py::TestSocket::test_tracker"  # nothing to track: docs/design.md
EXPECTED = {"libzmq": NOT_PYZMQ, "pyzmq": {*NOT_PYZMQ, COPIES}}
# The same with gevent; where it fails, it leaves a context that blocks all greenlets for ever.
HANGS = {"pyzmq": "tests/test_socket.py::TestSocketGreen::test_tracker"}
ATTEMPTS = 4


def pytest_configure():
    """With ``-p pyzmq_suite``, pytest takes this file for a plugin."""
    import zmq.green

    import framewire
    import framewire.green

    assert framewire.transport == os.environ["FRAMEWIRE_TRANSPORT"]
    framewire.install()
    assert zmq.asyncio.Context._socket_class is framewire.asyncio.Socket
    for name in framewire.green.__all__:
        setattr(zmq.green, name, getattr(framewire.green, name))


def fetch(folder: Path) -> None:
    """Unpack pyzmq's tests; not its package, which would hide the one that is installed."""
    version = zmq.__version__
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=pyzmq"]
    subprocess.run([*pip, "--dest", folder, f"pyzmq=={version}"], check=True)
    root = f"pyzmq-{version}"
    with tarfile.open(folder / f"{root}.tar.gz") as archive:
        wanted = (f"{root}/pytest.ini", f"{root}/tests/")
        archive.extractall(folder, [each for each in archive if each.name.startswith(wanted)])
    (folder / root).rename(folder / "suite")


def failures(folder: Path, transport: str | None, tests: set[str]) -> set[str]:
    """Run `tests` with framewire on `transport`, or plain; which of them failed?"""
    command = [sys.executable, "-m", "pytest", "-q", "--timeout=60", "--disable-warnings"]
    command += ["-o", "addopts=--import-mode=importlib"]  # pyzmq's, without the slowest tests
    if transport in HANGS:
        command += ["--deselect", HANGS[transport]]
    environment = dict(os.environ)
    if transport:
        command += ["-p", Path(__file__).stem]
        environment |= {"PYTHONPATH": str(Path(__file__).parent), "FRAMEWIRE_TRANSPORT": transport}
    with tempfile.TemporaryDirectory(dir=folder) as cache:
        done = subprocess.run(
            [*command, "-o", f"cache_dir={cache}", *sorted(tests)],
            cwd=folder / "suite",
            env=environment,
            timeout=1200,
        )
        failed = Path(cache, "v/cache/lastfailed")
        if done.returncode == 0:
            return set()
        if done.returncode != 1 or not failed.exists():
            sys.exit(f"pytest ended with status {done.returncode}")
        return set(json.loads(failed.read_text()))


def compare(folder: Path, transport: str, control: set[str]) -> bool:
    """Does framewire fail what it must, and else nothing that the control passes?"""
    wrong = failures(folder, transport, set()) - control
    missing = EXPECTED[transport] - wrong
    wrong -= EXPECTED[transport]
    for _ in range(ATTEMPTS - 1):
        if wrong:
            print("== again:", *sorted(wrong), flush=True)
            wrong = failures(folder, transport, wrong)
    for test in sorted(wrong):
        print(f"framewire on transport {transport} fails {test}; plain pyzmq passes it")
    for test in sorted(missing):
        print(f"{test} passes on transport {transport}: was it framewire that was tested?")
    return not wrong and not missing


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fetch(folder)
        print(f"== pyzmq {zmq.__version__}, plain", flush=True)
        control = failures(folder, None, set())
        good = True
        for transport in EXPECTED:
            print(f"== framewire, transport {transport}", flush=True)
            good &= compare(folder, transport, control)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

"""framewire.embed, from modules and a program that are compiled against the installed package."""

import errno
import fcntl
import importlib.metadata
import importlib.util
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path
from random import Random

import numpy as np
import pytest
import zmq
from documents import DOCS, ROOT, blocks_of

import framewire

EXAMPLE = ROOT / "examples" / "embed"
HERE = Path(__file__).parent / "embedding"

SIZES = [0, 1, 1024, 1025, 100_000]  # of arrays of 8 bytes: up to 8 KiB in the head's frame
SCHEMA = (
    b'{"names":["seq","t","temp"],"formats":["<u4","<f8","<f4"],"offsets":[0,4,12],"itemsize":16}'
)

direct = pytest.mark.skipif(
    framewire.transport == "pyzmq", reason="framewire.embed is for the direct transport"
)


def compiler():
    found = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if found is None:
        pytest.skip("there is no C compiler")
    return found


def libzmq():
    """The path of the libzmq that pyzmq has loaded."""
    if not sys.platform.startswith("linux"):
        pytest.skip("libzmq is found in /proc/self/maps, which only Linux has")
    found = re.search(r"/.*/libzmq[^/\n]*$", Path("/proc/self/maps").read_text(), re.MULTILINE)
    if found is None:
        pytest.skip("pyzmq has no libzmq of its own")
    return found.group()


def make(folder, *command):
    """Run a command that compiles something, in a folder that has none of framewire's sources."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**environment, "CFLAGS": "-O1"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def built(tmp_path_factory, worker_id):
    """Make something once, for all processes of pytest; returns its folder."""

    def build(name, make_in):
        base = tmp_path_factory.getbasetemp()
        folder = (base if worker_id == "master" else base.parent) / f"embed-{name}"
        with open(f"{folder}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                making = folder.with_name(f"{folder.name}.making")
                shutil.rmtree(making, ignore_errors=True)
                making.mkdir()
                make_in(making)
                making.rename(folder)
        return folder

    return build


def build_extension(built, name, write_in):
    """The module `name` that a setup.py builds, in a folder into which its sources are written."""

    def make_in(folder):
        compiler()
        write_in(folder)
        make(folder, sys.executable, "setup.py", "-q", "build_ext", "--inplace")

    pytest.importorskip("Cython")
    pytest.importorskip("setuptools")
    folder = built(name, make_in)
    path = folder / (name + sysconfig.get_config_var("EXT_SUFFIX"))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def copy_from(folder, name):
    """What writes a module and its setup.py."""

    def write_in(into):
        for file in (f"{name}.pyx", "setup.py"):
            shutil.copy(folder / file, into)

    return write_in


@pytest.fixture(scope="session")
def calls(built):
    return build_extension(built, "calls", copy_from(HERE, "calls"))


@pytest.fixture(scope="session")
def relay(built):
    return build_extension(built, "relay", copy_from(EXAMPLE, "relay"))


@pytest.fixture(scope="session")
def producer(built):
    """The compiled C producer."""

    def make_in(folder):
        # in the system's own order: its zmq.h, if there is one, else the tests'
        include = ["-I", framewire.get_include(), "-idirafter", str(HERE)]
        sources = [str(EXAMPLE / "producer.c"), *map(str, (ROOT / "csrc/src").glob("*.c"))]
        # the old kind of rpath is for libraries of libraries, too: old wheels' libzmq needs it
        rpath = f"-Wl,--disable-new-dtags,-rpath,{Path(libzmq()).parent}"
        library = [libzmq(), rpath, "-pthread"]
        warnings = ["-Wall", "-Wextra", "-Werror"]
        make(
            folder,
            *[compiler(), "-std=c11", "-O1", *warnings, *include, "-o", "producer"],
            *[*sources, *library],
        )

    return built("producer", make_in) / "producer"


# ---- what is installed


def test_the_wheel_has_the_headers_and_the_public_pxds():
    installed = {str(path) for path in importlib.metadata.files("framewire")}
    headers = {path.name for path in (ROOT / "csrc/include/framewire").glob("*.h")}
    found = {path for path in installed if path.endswith((".c", ".h", ".pxd", ".pyx"))}
    assert found == {f"framewire/include/framewire/{name}" for name in headers} | {
        "framewire/_c.pxd",
        "framewire/embed.pxd",
    }
    assert {path.name for path in Path(framewire.get_include(), "framewire").iterdir()} == headers


def test_what_the_public_pxd_cimports_is_there():
    folder = Path(framewire.__file__).parent
    text = (folder / "embed.pxd").read_text() + (folder / "_c.pxd").read_text()
    for name in re.findall(r"^from \.(\w+) cimport", text, re.MULTILINE):
        assert (folder / f"{name}.pxd").exists()


def test_is_not_imported_with_framewire():
    code = "import framewire, sys; print('framewire.embed' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n"


def test_needs_the_direct_transport():
    environment = {**os.environ, "FRAMEWIRE_TRANSPORT": "pyzmq"}
    done = subprocess.run(
        [sys.executable, "-c", "import framewire.embed"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert re.search(r"ImportError: framewire\.embed .* FRAMEWIRE_TRANSPORT=pyzmq", done.stderr)


@pytest.mark.skipif(framewire.transport != "pyzmq", reason="only pyzmq's transport refuses")
def test_modules_that_need_it_say_so(request):
    with pytest.raises(ImportError, match=r"framewire\.embed calls libzmq itself"):
        request.getfixturevalue("calls")


# ---- arrays


@direct
@pytest.mark.parametrize("n", SIZES)
def test_arrays_arrive_in_python(calls, connect, over, n):
    here, there = connect(over=over)
    sent = np.arange(n, dtype="f8")
    assert calls.send_array(here, calls.F64, [n], sent.tobytes()) == calls.OK
    received = framewire.recv_array(there)
    np.testing.assert_array_equal(received, sent)
    assert received.dtype == sent.dtype


@direct
@pytest.mark.parametrize("n", SIZES)
def test_arrays_come_from_python(calls, connect, over, n):
    here, there = connect(over=over)
    sent = np.arange(n, dtype="f8")
    framewire.send_array(here, sent)
    assert calls.recv_array(there, calls.F64, 8 * n) == (0, (n,), sent.tobytes(), (0, 0, 0))


@direct
@pytest.mark.parametrize("shape", [(), (2, 3), (1,) * 64, (5, 0, 2)], ids=len)
def test_shapes(calls, pair, shape):
    here, there = pair
    data = np.arange(np.prod(shape, dtype=int), dtype="f4").tobytes()
    assert calls.send_array(here, calls.F32, shape, data) == calls.OK
    assert calls.recv_array(there, calls.F32, 100) == (0, shape, data, (0, 0, 0))


@direct
def test_frames_are_those_of_send_array(calls, connect):
    here, there = connect(zmq.PUSH, zmq.PULL)
    for n in (1024, 1025):
        sent = np.arange(n, dtype=">f8")
        calls.send_array(here, calls.F64 | calls.BIG, [n], sent.tobytes(), calls.Extras(b"t"))
        framewire.send_array(here, sent, topic=b"t")
        assert framewire.recv_multipart(there) == framewire.recv_multipart(there)


@direct
@pytest.mark.parametrize("n", [3, 3000])
def test_topic_stamp_and_packed(calls, connect, n):
    pub, sub = connect(zmq.XPUB, zmq.SUB)
    sub.subscribe(b"imu")
    assert pub.recv() == b"\x01imu"
    data = np.arange(n, dtype="f8").tobytes()
    for packed in (False, True):
        extras = calls.Extras(b"imu", (7, 8, 9), packed)
        for _ in range(3):
            assert calls.send_array(pub, calls.F64, [n], data, extras) == calls.OK
        assert calls.recv_array(sub, calls.F64, 8 * n) == (0, (n,), data, (7, 8, 9))
        assert calls.recv_message(sub) == (0, 1, data, b"imu")
        frames = framewire.recv_multipart(sub)
        assert len(frames) == (2 if packed or n == 3 else 3)
        assert framewire.loads(frames[1:]).tobytes() == data


@direct
def test_router(calls, connect):
    router, dealer = connect(zmq.ROUTER, zmq.DEALER, routing_id=b"\xc1\x46peer")
    framewire.send_array(dealer, np.arange(3.0))
    data = np.arange(3.0).tobytes()
    assert calls.recv_message(router) == (0, 1, data, b"\xc1\x46peer")
    extras = calls.Extras(b"\xc1\x46peer")
    assert calls.send_array(router, calls.F64, [3], data, extras) == calls.OK
    assert framewire.recv_array(dealer).tobytes() == data


@direct
def test_wrong_arrays_are_not_sent(calls, connect):
    here, there = connect()
    wrong = [
        (calls.send_array(here, 0, [1], b""), calls.ERR_DTYPE),
        (calls.send_array(here, 99, [1], b""), calls.ERR_DTYPE),
        (calls.send_array(here, -1, [1], b""), calls.ERR_DTYPE),
        (calls.send_array(here, calls.F64, [1] * 65, b""), calls.ERR_NDIM),
        (calls.send_array(here, calls.F64, [], b"", ndim=-1), calls.ERR_NDIM),
        (calls.send_array(here, calls.F64, [2**61], b""), calls.ERR_SHAPE),
        (calls.send_array(here, calls.F64, [2**62, 2**62], b""), calls.ERR_SHAPE),
        (calls.send_array(here, calls.F64, [2**63, 0], b""), calls.ERR_SHAPE),
        (calls.errno_of(calls.send_array(here, calls.F64, [0], b"", None, 2)), errno.EINVAL),
        (
            calls.errno_of(calls.send_array(here, calls.F64, [0], b"", calls.Extras(b"\xc1\x46"))),
            errno.EINVAL,
        ),
        # more memory than there is
        (
            calls.errno_of(
                calls.send_array(here, calls.F64, [2**59], b"", calls.Extras(b"a", None, True))
            ),
            errno.ENOMEM,
        ),
    ]
    for found, expected in wrong:
        assert found == expected
    with pytest.raises(zmq.Again):
        there.recv(zmq.DONTWAIT)
    assert calls.send_array(here, calls.F64, [1], bytes(8)) == calls.OK
    assert framewire.recv_array(there).shape == (1,)


# What recv_array of up to two float64 says of messages, each sent by framewire or by hand.
HEAD = framewire.dumps(np.arange(2.0))[0]
BESIDE = framewire.dumps(np.arange(3000.0))
WRONG = {
    "another dtype": ("ERR_MISMATCH", lambda s: framewire.send_array(s, np.arange(2, dtype="f4"))),
    "big-endian": ("ERR_MISMATCH", lambda s: framewire.send_array(s, np.arange(2, dtype=">f8"))),
    "described": ("ERR_MISMATCH", lambda s: framewire.send_array(s, np.zeros(2, "M8[s]"))),
    "Fortran": ("ERR_MISMATCH", lambda s: framewire.send_array(s, np.ones((1, 2, 2), order="F"))),
    "broadcast": (
        "ERR_MISMATCH",
        lambda s: framewire.send_array(s, np.broadcast_to(np.ones(1), (9, 1))),
    ),
    "json": ("ERR_MISMATCH", lambda s: framewire.send_value(s, [1], serializer="json")),
    "several buffers": (
        "ERR_MISMATCH",
        lambda s: framewire.send_value(s, {"a": np.ones(3000), "b": np.ones(3000)}),
    ),
    "too large": ("ERR_SPACE", lambda s: framewire.send_array(s, np.arange(3.0))),
    "too large, of two frames": ("ERR_SPACE", lambda s: framewire.send_array(s, np.ones(3000))),
    "the recipe": (
        "ERR_FOREIGN",
        lambda s: s.send_multipart([b'{"dtype":"<f8","shape":[2]}', bytes(16)]),
    ),
    "one frame": ("ERR_FOREIGN", lambda s: s.send(b"hello")),
    "no bytes": ("ERR_FOREIGN", lambda s: s.send(b"")),
    "many frames": ("ERR_FOREIGN", lambda s: s.send_multipart([b"%d" % i for i in range(50)])),
    "a frame too many": ("ERR_FRAMES", lambda s: s.send_multipart([HEAD, b"more"])),
    "ten too many": ("ERR_FRAMES", lambda s: s.send_multipart([*BESIDE, *[b"more"] * 10])),
    "a frame too few": ("ERR_FRAMES", lambda s: s.send(BESIDE[0])),
    "a short frame": ("ERR_FRAMES", lambda s: s.send_multipart([BESIDE[0], BESIDE[1][:-1]])),
    "a long frame": ("ERR_FRAMES", lambda s: s.send_multipart([BESIDE[0], bytes(24_001)])),
    "a topic": ("ERR_FRAMES", lambda s: s.send_multipart([b"t", *BESIDE, b""])),
    "trailing": ("ERR_TRAILING", lambda s: s.send(bytes(HEAD) + b"!")),
    "payload": ("ERR_PAYLOAD", lambda s: s.send(bytes(HEAD[:8]) + b"\x0f" + bytes(HEAD[9:]))),
}


@direct
@pytest.mark.parametrize("over", ["inproc", "ipc"])
@pytest.mark.parametrize("name", WRONG)
def test_wrong_arrays_are_received_whole(calls, connect, over, name):
    here, there = connect(over=over)
    expected, send = WRONG[name]
    send(here)
    framewire.send_array(here, np.arange(2.0))
    rc, _, data, _ = calls.recv_array(there, calls.F64, 16)
    assert (rc, data) == (getattr(calls, expected), None)
    with pytest.raises(framewire.DecodeError) as raised:
        calls.check(rc)
    assert raised.value.code == expected[4:].lower()
    assert isinstance(raised.value, framewire.SchemaError) == (expected == "ERR_MISMATCH")
    assert calls.recv_array(there, calls.F64, 16)[:3] == (0, (2,), np.arange(2.0).tobytes())


@direct
def test_arrays_cut_at_every_byte(calls, pair):
    here, there = pair
    for n in range(len(HEAD)):
        here.send(bytes(HEAD[:n]))
        expected = calls.ERR_FOREIGN if n < 2 else calls.ERR_TRUNCATED
        assert calls.recv_array(there, calls.F64, 16)[0] == expected


@direct
def test_shape_that_was_too_large(calls, pair):
    here, there = pair
    framewire.send_array(here, np.ones((7, 1000)))
    assert calls.recv_array(there, calls.F64, 55_999)[:2] == (calls.ERR_SPACE, (7, 1000))


# ---- records


@direct
@pytest.mark.parametrize("size", [16, 33, 8192, 8193])
def test_records(calls, pair, size):
    here, there = pair
    layout = calls.Layout(123, 16)
    data = bytes(range(256)) * 33
    extras = calls.Extras(b"t", (2**64 - 1, 5, 6))
    assert calls.send_record(here, layout, data[:size], extras) == calls.OK
    assert calls.recv_record(there, layout, size) == (0, data[:size], size, (2**64 - 1, 5, 6))
    assert calls.send_record(here, layout, data[:size]) == calls.OK
    assert calls.recv_message(there) == (0, 5, data[:size], None)


@direct
def test_record_errors(calls, pair):
    here, there = pair
    layout = calls.Layout(123, 16)
    assert calls.send_record(here, layout, bytes(15)) == calls.ERR_TRUNCATED
    for sent_as, size, expected in [
        (calls.Layout(124, 16), 16, calls.ERR_MISMATCH),
        (calls.Layout(123, 0), 15, calls.ERR_TRUNCATED),
        (calls.Layout(123, 0), 0, calls.ERR_TRUNCATED),
        (layout, 21, calls.ERR_SPACE),
        (layout, 10_000, calls.ERR_SPACE),
    ]:
        assert calls.send_record(here, sent_as, bytes(size)) == calls.OK
        assert calls.recv_record(there, layout, 20)[:3] == (expected, None, size)
    framewire.send_array(here, np.arange(2.0))
    assert calls.recv_record(there, layout, 20)[0] == calls.ERR_MISMATCH
    assert calls.send_record(here, layout, bytes(16)) == calls.OK
    assert calls.recv_record(there, layout, 20)[:3] == (0, bytes(16), 16)


@direct
def test_tails(calls, pair):
    here, there = pair
    bare, layout = calls.Layout(1, 20), calls.Layout(1, 20, [4, 12])
    good = struct.pack("<IIIII", 7, 20, 2, 22, 3) + b"okyes"
    assert calls.send_record(here, layout, good) == calls.OK
    assert calls.recv_record(there, layout, 100)[:2] == (0, good)
    for slots in [(20, 2, 21, 1), (20, 2, 22, 4), (19, 1, 22, 0), (22, 1, 20, 2), (2**32 - 1,) * 4]:
        bad = struct.pack("<IIIII", 7, *slots) + b"okyes"
        assert calls.send_record(here, layout, bad) == calls.ERR_TAIL
        assert calls.send_record(here, bare, bad) == calls.OK
        assert calls.recv_record(there, layout, 100)[:2] == (calls.ERR_TAIL, None)


@direct
def test_records_of_newer_versions(calls, pair):
    """A message of the golden files: fingerprint 2a23…, with 2cb6… as an older version."""
    here, there = pair
    path = ROOT / "tests/golden/record-example.frames"
    message = path.read_bytes()[-86:]
    older = calls.Layout(0x2CB6B19A3AA6F12A, 12, [4])
    newer = calls.Layout(0x2A23C318E4651922, 20, [4, 12])
    for layout in (older, newer):
        here.send(message)
        rc, data, _, stamp = calls.recv_record(there, layout, 22)
        assert (rc, data, stamp[0]) == (0, message[64:], 0xFEDCBA9876543210)
    here.send(message)
    assert calls.recv_record(there, calls.Layout(1, 12), 22)[0] == calls.ERR_MISMATCH


# ---- messages in place


@direct
@pytest.mark.parametrize("over", ["inproc", "ipc"])
def test_forwarded(calls, connect, over):
    here, there = connect(zmq.PUSH, zmq.PULL, over)
    sender, receiver = connect(zmq.PUSH, zmq.PULL, over)
    for envelope, topic in [([], []), ([b"a"], [b"a"]), ([b"a", b"b"], [b"b"])]:
        for frames in ([HEAD], BESIDE):
            here.send_multipart([*envelope, *frames])
            rc, again = calls.forward(there, sender)
            assert (rc, calls.errno_of(again)) == (0, errno.EINVAL)
            assert receiver.recv_multipart() == [*topic, *map(bytes, frames)]


@direct
def test_not_forwarded(calls, connect, quick, ctx):
    here, there = connect(zmq.PUSH, zmq.PULL)
    alone = quick(ctx.socket(zmq.PUSH))
    alone.bind("inproc://alone")
    here.send_multipart(BESIDE)
    rc, again = calls.forward(there, alone, zmq.DONTWAIT)
    assert calls.errno_of(rc) == calls.errno_of(again) == errno.EAGAIN


@direct
def test_frames_of_pyzmq_in_place(calls, connect):
    """Closing them calls pyzmq's free function, which waits for a thread that wants the GIL."""
    here, there = connect(zmq.PUSH, zmq.PULL)
    head, payload = map(bytes, BESIDE)
    for _ in range(500):
        here.send_multipart([head, payload], copy=False)
        assert calls.recv_array(there, calls.F64, 24_000)[0] == calls.OK


@direct
def test_in_flight_from_framewire(calls, connect):
    here, there = connect(zmq.PUSH, zmq.PULL)
    array = np.ones(3000)
    for _ in range(100):
        tracker = framewire.send_array(here, array, copy=False, track=True)
        assert calls.recv_message(there)[2] == array.tobytes()
        tracker.wait(5)


# What does not show in a head and its frames: recv_message leaves it to who reads the payload.
LATER = {"buffers", "description", "limit", "metadata", "schema", "tail", "tree"}


def golden():
    """The golden messages: their frames, and what is wrong with them or None."""
    for block in (ROOT / "tests/golden/expect.txt").read_text("utf-8").strip().split("\n\n"):
        expect = dict(line.split(" ", 1) for line in block.splitlines())
        data = (ROOT / f"tests/golden/{expect['name']}.frames").read_bytes()
        frames, at = [], 4
        while at < len(data):
            (size,) = struct.unpack_from("<I", data, at)
            frames.append(data[at + 4 : at + 4 + size])
            at += 4 + size
        yield frames, expect.get("error")


@direct
def test_golden_messages(calls, connect):
    here, there = connect(zmq.PUSH, zmq.PULL)
    good = 0
    for frames, error in golden():
        here.send_multipart([*frames])
        rc, _, payload, _ = calls.recv_message(there)
        if error is None or error in LATER:
            assert rc in (calls.OK, calls.ERR_MISMATCH)  # the latter has several buffers
            good += rc == calls.OK
            assert rc == calls.ERR_MISMATCH or payload in b"".join(frames)
        elif rc not in (calls.OK, calls.ERR_MISMATCH):
            with pytest.raises(framewire.DecodeError) as raised:
                calls.check(rc)
            assert raised.value.code == error.replace("magic", "foreign")
    assert good > 100


@direct
def test_changed_at_random(calls, connect):
    here, there = connect(zmq.PUSH, zmq.PULL)
    random = Random(5)
    layout = calls.Layout(0x2A23C318E4651922, 20, [4, 12])
    messages = [frames for frames, _ in golden() if len(b"".join(frames)) < 10_000]
    for _ in range(10_000):
        frames = [bytearray(frame) for frame in random.choice(messages)]
        changed = random.choice(frames)
        for _ in range(min(random.randrange(4), len(changed))):
            changed[random.randrange(min(len(changed), 80))] = random.choice([0, 1, 127, 255])
        for receive in (
            lambda: calls.recv_message(there),
            lambda: calls.recv_array(there, calls.F64, 100),
            lambda: calls.recv_record(there, layout, 100),
        ):
            here.send_multipart(frames)
            assert receive()[0] > -200
            assert not there.poll(0)


# ---- sockets


@direct
def test_sockets_that_are_none(calls, ctx):
    socket = ctx.socket(zmq.PULL)
    assert calls.open_handle(socket) == socket.underlying
    socket.close()
    with pytest.raises(zmq.ZMQError) as raised:
        calls.open_handle(socket)
    assert raised.value.errno == zmq.ENOTSOCK
    with pytest.raises(TypeError):
        calls.open_handle(object())


@direct
def test_in_the_middle_of_a_message(calls, pair):
    here, there = pair
    framewire.send(here, b"begun", zmq.SNDMORE)
    with pytest.raises(ValueError, match="middle of a message"):
        calls.open_handle(here)
    framewire.send(here, b"ended")
    assert calls.open_handle(here)
    assert there.recv_multipart() == [b"begun", b"ended"]


@direct
def test_compiled_against_another_version(calls, pair):
    with pytest.raises(ImportError, match="compile it again"):
        calls.open_as_of_another_version(pair[0])


@direct
def test_nothing_to_receive(calls, pair):
    there = pair[1]
    layout = calls.Layout(1, 8)
    there.rcvtimeo = 20
    for flags in (0, calls.DONTWAIT):
        for rc in (
            calls.recv_array(there, calls.F64, 8, flags)[0],
            calls.recv_record(there, layout, 8, flags)[0],
            calls.recv_message(there, flags)[0],
        ):
            assert calls.errno_of(rc) == errno.EAGAIN
            with pytest.raises(zmq.Again):
                calls.check(rc)
    assert calls.errno_of(calls.recv_array(there, calls.F64, 8, zmq.SNDMORE)[0]) == errno.EINVAL


@direct
def test_nobody_to_send_to(calls, ctx, quick):
    socket = quick(ctx.socket(zmq.PUSH))
    socket.bind("inproc://nobody")
    rc = calls.send_array(socket, calls.F64, [3000], bytes(24_000), None, calls.DONTWAIT)
    assert calls.errno_of(rc) == errno.EAGAIN


@direct
def test_results(calls):
    assert calls.check(calls.OK) == 0
    assert [calls.errno_of(rc) for rc in (0, -1, -14, -101, -103)] == [0] * 5
    assert calls.errno_of(calls.result_of(zmq.ETERM)) == zmq.ETERM
    with pytest.raises(zmq.ContextTerminated):
        calls.check(calls.result_of(zmq.ETERM))
    assert calls.check(calls.result_of(errno.EINTR)) == 1


# ---- threads


@direct
def test_waits_without_the_gil(calls, pair):
    here, there = pair
    found = []
    thread = threading.Thread(target=lambda: found.append(calls.recv_array(there, calls.F64, 8)))
    thread.start()
    time.sleep(0.05)  # which takes the GIL again: the thread waits by now, and does not have it
    framewire.send_array(here, np.ones(1))
    thread.join(5)
    assert found == [(0, (1,), np.ones(1).tobytes(), (0, 0, 0))]


@direct
def test_term_wakes_who_waits(calls):
    context = framewire.Context()
    socket = context.socket(zmq.PULL)
    found = []

    def receive():
        found.append(calls.recv_message(socket)[0])
        socket.close()

    thread = threading.Thread(target=receive)
    thread.start()
    time.sleep(0.05)
    context.term()
    thread.join(5)
    assert calls.errno_of(found[0]) == zmq.ETERM


@direct
def test_signals_interrupt(relay, pair):
    class Stop(Exception):
        pass

    def handler(*_):
        raise Stop

    before = signal.signal(signal.SIGUSR1, handler)
    main = threading.main_thread().ident
    timer = threading.Timer(0.1, signal.pthread_kill, [main, signal.SIGUSR1])
    try:
        timer.start()
        with pytest.raises(Stop):
            relay.total(pair[1], 1)
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)


@direct
@pytest.mark.parametrize("size", [10, 1100], ids=["one frame", "two frames"])
def test_makes_no_object_for_a_message(calls, connect, size):
    here, there = connect(zmq.PUSH, zmq.PULL)
    layout = calls.Layout(99, 8)
    calls.there_and_back(here, there, 10, layout, size)
    before = sys.getallocatedblocks()
    total = calls.there_and_back(here, there, 50_000, layout, size)
    assert sys.getallocatedblocks() - before < 100
    assert total == 50_000 * (size - 1 + 8)


# ---- the examples


@direct
def test_relay(relay, connect):
    here, there = connect(zmq.PUSH, zmq.PULL)
    sender, receiver = connect(zmq.PUSH, zmq.PULL)
    for i in range(1000):
        framewire.send_array(here, np.full(3, float(i)), topic="t" if i % 2 else None)
    assert relay.relay(there, sender, 1000) == 24_000
    assert relay.total(receiver, 1000) == 3 * sum(range(1000))
    framewire.send_value(here, {"a": 1})
    with pytest.raises(framewire.SchemaError):
        relay.total(there, 1)


def test_producer_sends_arrays_and_records(producer, connect, quick, ctx, tmp_path):
    """The bytes of the C program's messages, without a class for the records."""
    socket = quick(ctx.socket(zmq.PULL))
    socket.bind(f"ipc://{tmp_path}/p")
    subprocess.run([producer, f"ipc://{tmp_path}/p", "20"], check=True, timeout=60)
    for i in range(20):
        (frame,) = framewire.recv_multipart(socket)
        fingerprint, sender, sequence, sent = struct.unpack("<QQQQ", frame[16:48])
        assert (fingerprint, sender, sequence) == (fnv1a(SCHEMA), 1, i)
        assert abs(time.time() - sent / 1e9) < 100
        seq, t, temp = struct.unpack("<Idf", frame[48:])
        assert (seq, t, temp) == (i, i * 0.001, 20 + i % 8 * 0.25)
        if i % 10 == 9:
            array = framewire.recv_array(socket)
            rows, columns = np.ogrid[:1000, :3]
            np.testing.assert_array_equal(array, (i + rows * 0.5 + columns * 0.125).astype("f4"))
    with pytest.raises(zmq.Again):
        socket.recv(zmq.DONTWAIT)


def fnv1a(text):
    found = 0xCBF29CE484222325
    for each in text:
        found = (found ^ each) * 0x100000001B3 % 2**64
    return found


def test_consumer_of_producer(producer, tmp_path):
    endpoint = f"ipc://{tmp_path}/p"
    consumer = subprocess.Popen(
        [sys.executable, EXAMPLE / "consumer.py", endpoint, "1000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    subprocess.run([producer, endpoint, "1000"], check=True, timeout=60)
    output, errors = consumer.communicate(timeout=60)
    assert (consumer.returncode, errors) == (0, "")
    assert output == (
        "warmest: Imu(seq=7, t=0.007, temp=21.75)\n"
        "last: Imu(seq=999, t=0.999, temp=21.75)\n"
        "100 arrays; of the last one float32 (1000, 3) [1498.5   1498.625 1498.75 ]\n"
        "1100 messages, 1000 with a stamp; 0 gaps\n"
    )


# ---- docs/embedding.md


def blocks(*languages):
    return [b.text for b in blocks_of(DOCS / "embedding.md") if b.language in languages]


@direct
def test_the_page_has_a_module(built, pair):
    def write_in(folder):
        for text in blocks("cython", "python"):
            (folder / re.match(r"# (\S+)\n", text)[1]).write_text(text, "utf-8")

    assert blocks("sh")[1] == "python setup.py build_ext --inplace\n"
    total = build_extension(built, "total", write_in).total
    here, there = pair
    framewire.send_many(here, np.arange(12.0).reshape(4, 3))
    assert total(there, 4) == sum(range(12))
    framewire.send_array(here, np.arange(3))
    with pytest.raises(framewire.SchemaError):
        total(there, 1)


def test_the_page_compiles_the_producer(tmp_path):
    compiler()
    for name in ("csrc", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "libzmq.so").symlink_to(libzmq())
    command = blocks("sh")[0].replace("cc ", f"{compiler()} ", 1)
    where = {"CPATH": HERE, "LIBRARY_PATH": tmp_path, "LD_LIBRARY_PATH": Path(libzmq()).parent}
    make(tmp_path, "env", *[f"{name}={path}" for name, path in where.items()], "sh", "-c", command)
    assert (tmp_path / "producer").exists()

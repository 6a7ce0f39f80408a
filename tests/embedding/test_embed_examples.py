"""The programs of examples/embed, and the code of docs/embedding.md."""

import re
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import zmq
from compiled import EXAMPLE, HERE, build_extension, compiler, direct, libzmq, make
from documents import DOCS, ROOT, blocks_of

import framewire

SCHEMA = (
    b'{"names":["seq","t","temp"],"formats":["<u4","<f8","<f4"],"offsets":[0,4,12],"itemsize":16}'
)


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

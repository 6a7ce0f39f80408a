"""The sockets that commands open: every argument, and what is wrong in a line."""

import argparse
import socket

import pytest
import zmq

import framewire
from framewire.cli import main, wire

KEY = b"k" * 32


@pytest.fixture
def opened(tmp_path):
    """Opens what arguments say, over ipc or at another address."""
    with framewire.Context() as context:

        def open_one(*given, address=f"ipc://{tmp_path}/s", **how):
            parser = argparse.ArgumentParser()
            wire.add_arguments(parser, **how)
            return wire.open_socket(context, parser.parse_args([address, *given]))

        yield open_one
        context.destroy(linger=0)


def came(socket):
    assert socket.poll(5000)
    return socket.recv_multipart()


@pytest.mark.parametrize(
    ("receiving", "sending"), [*zip(wire.RECEIVING, wire.SENDING, strict=True)]
)
def test_types(opened, receiving, sending):
    receiver = opened("--type", receiving, "--bind")
    sender = opened("--type", sending, types=wire.SENDING)
    while not receiver.poll(10):  # a subscription takes its time
        sender.send(b"x")
    assert came(receiver) == [b"x"]
    assert receiver.linger == 0
    assert receiver.codec.key == framewire.default_codec().key


def test_defaults(opened):
    receiver = opened("--bind")
    assert (receiver.type, receiver.rcvhwm) == (zmq.SUB, wire.QUEUE)
    sender = opened(types=wire.SENDING, bind=True, address="tcp://127.0.0.1:*")
    assert sender.last_endpoint.startswith(b"tcp://127.0.0.1:")
    assert opened("--no-bind", "--queue", "7", types=["push"], bind=True).sndhwm == 7


def test_topics(opened):
    receiver = opened("--bind", "--topic", "a", "--topic", "ü")
    sender = opened("--type", "pub", types=wire.SENDING)
    while not receiver.poll(10):
        for topic in ("b", "ü1", "a"):
            sender.send_string(topic)
    sender.send(b"b")
    sender.send(b"ab")
    seen = set()
    while b"ab" not in seen:
        seen |= {*came(receiver)}
    assert seen == {"ü1".encode(), b"a", b"ab"}


def test_keys(opened, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second=2"
    first.write_bytes(KEY)
    second.write_bytes(KEY[::-1])
    signed = opened("--key", str(first), "--key", f"7={second}")
    assert signed.codec.key == framewire.Codec(key={0: KEY, 7: KEY[::-1]}).key


@pytest.mark.parametrize(
    ("given", "address", "why"),
    [
        ([], "tcp://nowhere", "tcp://nowhere: Invalid argument"),
        ([], "5555", "5555: Invalid argument"),
        ([], "what://x", "what://x: Protocol not supported"),
        ([], "inproc://x", "inproc is inside"),
        (["--bind"], "ipc:///nowhere/at/all", "No such file"),
        (["--key", "/nowhere"], "tcp://127.0.0.1:1", "--key /nowhere: No such file"),
        (["--key", __file__, "--key", f"00={__file__}"], "tcp://127.0.0.1:1", "two keys"),
        (["--key", "/dev/null"], "tcp://127.0.0.1:1", "--key: a key of 0 bytes"),
    ],
)
def test_errors(opened, given, address, why):
    with pytest.raises(wire.WireError) as error:
        opened(*given, address=address)
    assert why in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (["tcp://127.0.0.1:99999"], "the largest port is 65535"),
        (["tcp://127.0.0.1:1", "--queue", "99999999999"], "99999999999 is not from 1"),
        (["tcp://127.0.0.1:1", "--queue", "0"], "0 is not from 1"),
        (["tcp://127.0.0.1:1", "--queue", "x"], "invalid number value: 'x'"),
        (["tcp://127.0.0.1:1", "--key", f"{2**64}=x"], "the largest number is"),
        (["tcp://127.0.0.1:1", "--key", f"{'9' * 5000}=x"], "the largest number is"),
        (["tcp://127.0.0.1:1", "--type", "pull", "--topic", "x"], "--topic is for sub"),
    ],
)
def test_wrong_usage(given, why, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["tap", *given])
    assert ended.value.code == 2
    assert why in capsys.readouterr().err


def test_bind_deletes_nothing(opened, tmp_path):
    """libzmq would unlink whatever is at an ipc path."""
    path = tmp_path / "s"
    path.write_text("kept")
    with pytest.raises(wire.WireError, match="is no socket"):
        opened("--bind")
    assert path.read_text() == "kept"
    path.unlink()
    path.symlink_to(tmp_path)
    with pytest.raises(wire.WireError, match="is no socket"):
        opened("--bind")
    path.unlink()
    first = opened("--bind", "--type", "pull")
    with pytest.raises(wire.WireError, match="Address already in use"):
        opened("--bind")
    sender = opened(types=["push"])
    sender.send(b"x")
    assert came(first) == [b"x"]


def test_bind_where_a_killed_process_was(opened, tmp_path):
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(tmp_path / "s"))
        stale.listen()
    opened("--bind", "--type", "pull")
    opened("--bind", address="ipc://*")


def test_address_in_use(opened):
    first = opened("--bind", address="tcp://127.0.0.1:*")
    with pytest.raises(wire.WireError, match="Address already in use"):
        opened("--bind", address=first.last_endpoint.decode())

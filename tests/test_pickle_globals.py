"""recv_pyobj(globals=…): a pickle names what is allowed, exactly, or is refused whole."""

import builtins
import collections
import copyreg
import decimal
import io
import os
import pickle
import struct
import subprocess

import pytest
import zmq

import framewire

HERE = __name__
ran = []


class Point:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return type(other) is Point and other.x == self.x

    __hash__ = None

    class Inner:
        pass


def act(*arguments):
    ran.append(arguments)


class Calls:
    """Pickled as a call."""

    def __init__(self, function, *arguments):
        self.how = function, arguments

    def __reduce__(self):
        return self.how


PLAIN = [None, True, 5, 1 << 70, 2.5, "text", b"bytes", (), (1, (2,)), [1, [2]], {"a": {1: 2}}]
PLAIN += [{1, 2}, frozenset([1]), [[], {}, set()], bytearray(b"a"), "\ud800", float("inf")]


def received(pair, data, allowed):
    """What recv_pyobj makes of a pickle; the next message is intact, whatever it is."""
    zmq.Socket.send(pair[0], data)
    zmq.Socket.send_multipart(pair[0], [b"next", b"message"])
    try:
        return pair[1].recv_pyobj(globals=allowed)
    finally:
        assert zmq.Socket.recv_multipart(pair[1]) == [b"next", b"message"]


def refused(pair, data, allowed, *named):
    """It is refused, and the text names what was asked for."""
    with pytest.raises(framewire.RefusedError) as caught:
        received(pair, data, allowed)
    assert caught.value.code == "refused"
    assert isinstance(caught.value, ValueError)
    for each in named:
        assert each in str(caught.value)


@pytest.mark.parametrize("allowed", [[], (), set(), {("x", "y")}], ids=repr)
def test_plain_values_need_nothing(pair, allowed):
    """As protocol 5 writes them; earlier ones name the classes of some."""
    for value in PLAIN:
        found = received(pair, pickle.dumps(value, 5), allowed)
        assert (type(found), found) == (type(value), value)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        value = [1, 2.5, "text", {"a": (None, True)}]
        assert received(pair, pickle.dumps(value, protocol), allowed) == value


@pytest.mark.parametrize("kind", [set, list, tuple, frozenset, iter, dict.fromkeys])
def test_any_collection_of_pairs(pair, kind):
    pairs = kind([(HERE, "Point"), ("decimal", "Decimal")])
    assert received(pair, pickle.dumps([Point(1), decimal.Decimal(2)]), pairs) == [Point(1), 2]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_exact_pairs(pair, protocol):
    data = pickle.dumps(Point(1), protocol)
    allowed = {(HERE, "Point"), ("copyreg", "_reconstructor"), ("copy_reg", "_reconstructor")}
    allowed |= {("builtins", "object"), ("__builtin__", "object")}
    assert received(pair, data, allowed) == Point(1)
    for wrong in [
        (HERE, "Poin"),
        (HERE, "Points"),
        (HERE, "point"),
        (HERE, "Point.Inner"),
        (HERE, "*"),
        (HERE, ""),
        ("", "Point"),
        ("*", "Point"),
        (f"{HERE}.Point", ""),
    ]:
        refused(pair, data, {*allowed, wrong} - {(HERE, "Point")}, HERE, "Point")


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (eval, ("1 + 1",)),
        (exec, ("1",)),
        (getattr, (Point, "Inner")),
        (builtins.__import__, ("os",)),
        (os.system, ("true",)),
        (open, ("/dev/null",)),
        (act, ("ran",)),
    ],
)
def test_calls_are_refused(pair, function, arguments):
    """Before anything of the pickle runs."""
    ran.clear()
    data = pickle.dumps([Point(1), Calls(function, *arguments)])
    refused(pair, data, {(HERE, "Point")}, function.__module__, function.__qualname__)
    assert ran == []


def test_text_says_what_would_allow_it(pair):
    refused(pair, pickle.dumps(Point(1)), set(), f"{{({HERE!r}, 'Point')}}")
    refused(pair, pickle.dumps(os.system), set(), repr(os.system.__module__), "'system'")


def test_dotted_names(pair):
    """With "Point" allowed, nothing inside it is."""
    data = pickle.dumps(Point.Inner)
    refused(pair, data, {(HERE, "Point"), (HERE, "Inner")}, "Point.Inner")
    assert received(pair, data, {(HERE, "Point.Inner")}) is Point.Inner


def test_names_made_in_the_pickle(pair):
    """STACK_GLOBAL takes what the pickle computed: here, "ev" fetched from the memo."""
    data = b"\x80\x04\x8c\x08builtins\x94\x8c\x04eval\x94h\x00h\x01\x93."
    refused(pair, data, {("builtins", "eva"), ("builtin", "eval")}, "builtins", "eval")
    assert received(pair, data, {("builtins", "eval")}) is eval


@pytest.mark.parametrize("by", ["global", "inst", "stack"])
def test_every_opcode_that_names(pair, by):
    data = {
        "global": b"cbuiltins\neval\n(V1+1\ntR.",
        "inst": b"(V1+1\nibuiltins\neval\n.",
        "stack": b"\x80\x04Vbuiltins\nVeval\n\x93(V1+1\ntR.",
    }[by]
    refused(pair, data, {(HERE, "Point")}, "builtins", "eval")
    assert received(pair, data, {("builtins", "eval")}) == 2


def test_names_of_python_2(pair):
    """pickle renames what Python 2 had: "commands" of one's own must not mean subprocess."""
    data = b"ccommands\ngetoutput\n."
    assert pickle.loads(data) is subprocess.getoutput
    with pytest.raises((framewire.RefusedError, ImportError)):
        received(pair, data, {("commands", "getoutput")})


@pytest.fixture
def extension():
    code = 0xFA0
    copyreg.add_extension(HERE, "act", code)
    yield b"\x80\x02\x83" + struct.pack("<H", code) + b"(V1\ntR."
    copyreg.remove_extension(HERE, "act", code)


def test_extension_codes(pair, extension):
    """An unrestricted load leaves the function in pickle's cache, where find_class is not asked."""
    ran.clear()
    refused(pair, extension, set(), HERE, "act")
    pickle.loads(extension)
    pair[0].send(extension)
    pair[1].recv_pyobj()
    assert ran == [("1",)] * 2
    refused(pair, extension, set(), HERE, "act")
    refused(pair, extension, {(HERE, "Point")}, HERE, "act")
    assert len(ran) == 2
    received(pair, extension, {(HERE, "act")})
    assert len(ran) == 3


def test_persistent_ids_and_buffers(pair):
    """What asks for more than a name is no business of a socket."""

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return "id" if value == 5 else None

    target = io.BytesIO()
    Pickler(target).dump([5])
    out_of_band = pickle.dumps(pickle.PickleBuffer(b"a"), 5, buffer_callback=lambda each: False)
    for data in (target.getvalue(), out_of_band):
        with pytest.raises(pickle.UnpicklingError):
            received(pair, data, {(HERE, "Point")})


@pytest.mark.parametrize("wrong", [5, [5], [[]], "builtins", True])
def test_what_is_no_collection_of_pairs(pair, wrong):
    """Nothing is allowed by mistake: an error, or all is refused."""
    pair[0].send_pyobj(eval)
    with pytest.raises((TypeError, framewire.RefusedError)):
        pair[1].recv_pyobj(globals=wrong)


def test_none_allows_all(pair):
    pair[0].send_pyobj(collections.OrderedDict(a=1))
    pair[0].send_pyobj(os.system)
    assert pair[1].recv_pyobj(globals=None) == {"a": 1}
    assert pair[1].recv_pyobj() is os.system


def test_globals_is_by_name_only(pair):
    pair[0].send_pyobj(1)
    with pytest.raises(TypeError):
        pair[1].recv_pyobj(0, set())
    assert pair[1].recv_pyobj(zmq.DONTWAIT, globals=set()) == 1


def test_function_on_a_plain_socket(link):
    push, pull = link()
    push.send_pyobj(eval)
    push.send_pyobj([1])
    with pytest.raises(framewire.RefusedError):
        framewire.recv_pyobj(pull, globals=set())
    assert framewire.recv_pyobj(pull, globals=set()) == [1]


U32, U64 = struct.Struct("<I"), struct.Struct("<Q")
ROOMY = {
    "memo": b"\x80\x02Nr" + U32.pack(1 << 31) + b".",
    "memo, as a text": b"Np2147483648\n.",
    "memo, behind a global": b"\x80\x02cbuiltins\neval\nr" + U32.pack(1 << 31) + b".",
    "bytearray": b"\x80\x05\x96" + U64.pack(1 << 36) + b".",
    "bytes": b"\x80\x04\x8e" + U64.pack(1 << 36) + b".",
    "text, in a frame": b"\x80\x04\x95" + U64.pack(9) + b"\x8d" + U64.pack(1 << 36) + b".",
}


@pytest.mark.parametrize("name", ROOMY)
def test_room_for_more_than_came(pair, name):
    """The unpickler would make room for what a few bytes say; memory that is not there is not asked
    for, whatever the machine has."""
    with pytest.raises(pickle.UnpicklingError):
        received(pair, ROOMY[name], set())


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_large_values_have_room(pair, protocol):
    value = [*range(70_000), *map(str, range(2000)), "é" * 70_000, 1 << 3000, {"r": "p9\n."}]
    assert received(pair, pickle.dumps(value, protocol), set()) == value


@pytest.mark.parametrize("name", ["plain", "lines"])
def test_every_prefix(pair, name):
    data = pickle.dumps([PLAIN[:10], "a" * 300], 0 if name == "lines" else 4)
    for size in range(len(data)):
        with pytest.raises((pickle.UnpicklingError, EOFError, ValueError, framewire.RefusedError)):
            received(pair, data[:size], set())

"""send_json and recv_json give what the standard library's json gives: bytes, values, refusals.

framewire lets msgspec do what both are known to do alike. The first half of what is compared here
is what they do not: exponents, NaN, huge integers, keys, subclasses, surrogates, DEL.
"""

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import json
import sys

import numpy as np
import pytest
import zmq
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from outcomes import outcome
from zmq.utils import jsonapi

some = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


class Number(int):
    """Shows itself as something else, which json does not ask for."""

    def __repr__(self):
        return "a number"

    __str__ = __repr__


class Ratio(float):
    def __repr__(self):
        return "a ratio"


class Text(str):
    def __str__(self):
        return "a text"


class Items(list):
    def __iter__(self):
        return iter(["an item"])


class Mapping(dict):
    def items(self):
        return [("key", "an item")]


class Colour(enum.IntEnum):
    RED = 1


class Name(str, enum.Enum):
    ANN = "ann"


class Plain(enum.Enum):
    ONE = 1


class Flag(enum.IntFlag):
    A = 1
    B = 2


@dataclasses.dataclass
class Record:
    a: int = 1


Point = collections.namedtuple("Point", "x y")

ODD = [
    *(Number(5), Number(1 << 70), Ratio(2.5), Ratio("nan"), Text("text"), Items([1]), Items()),
    *(
        Mapping({"a": 1}),
        Mapping(),
        Colour.RED,
        Name.ANN,
        Plain.ONE,
        Flag.A | Flag.B,
        Point(1, "y"),
    ),
    *(collections.OrderedDict(b=1, a=2), collections.defaultdict(list, a=[]), {}, [], (), ((),)),
    *(collections.Counter("aab"), collections.deque([1]), collections.UserDict(a=1)),
    *(b"bytes", bytearray(b"a"), memoryview(b"a"), {1}, frozenset(), range(3), iter([]), object()),
    *(datetime.date(2024, 5, 6), datetime.datetime(2024, 5, 6), datetime.timedelta(1), Record()),
    *(decimal.Decimal("1.5"), fractions.Fraction(1, 2), 1j, ..., int, len, NotImplemented),
    *(np.float64(1.5), np.float32(1.5), np.int64(1), np.bool_(True), np.arange(2), np.str_("a")),
]
FLOATS = [0.0, -0.0, 1.0, 1e15, 9999999999999998.0, 1e16, 1e17, 1e22, 1e23, 1e100, 1e-4, 9.999e-5]
FLOATS += [1e-5, 1e-7, 5e-324, 1.7976931348623157e308, 0.1, 1 / 3, 123456789.123456789]
FLOATS += [float("nan"), float("inf"), float("-inf"), 2.0**53, 2.0**63, 2.0**64]
INTS = [0, -1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64 - 1, 2**64]
INTS += [10**30, -(10**30)]
TEXTS = ["", "\x7f", "\x1f\0\b\f\n\r\t", "\"\\/'", "é", "\x80", "\u2028", "🎉", "\ud800", "\udc00a"]
TEXTS += ["\ud83c\udf89", "</script>", "\ufeff", "\uffff", "a" * 1000, "k\x7f"]

texts = st.sampled_from(TEXTS) | st.text(st.characters(), max_size=20)
floats = st.sampled_from(FLOATS) | st.floats().map(lambda f: -f) | st.floats()
ints = st.sampled_from(INTS) | st.integers() | st.integers(-(2**70), 2**70)
plain = st.none() | st.booleans() | ints | floats | texts
keys = texts | plain | st.sampled_from([Number(5), Text("t"), Name.ANN, Colour.RED, Ratio(1.5)])
odd_keys = keys | st.sampled_from([b"k", (1, 2), 1j, Plain.ONE, datetime.date(2024, 5, 6)])


def nested(leaves, keys):
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=5),
            st.lists(inner, max_size=3).map(tuple),
            st.tuples(inner, inner).map(lambda two: Point(*two)),
            st.dictionaries(keys, inner, max_size=5),
            st.dictionaries(keys, inner, max_size=3).map(collections.OrderedDict),
        ),
        max_leaves=20,
    )


good = nested(plain, keys)
any_value = nested(plain | st.sampled_from(ODD), odd_keys)


def sent(pair, value):
    """The bytes that send_json sends, or the outcome of its failure; nothing then is sent."""
    result = outcome(pair[0].send_json, value)
    if result != outcome(lambda: None):
        assert not pair[1].poll(0)
        return result
    return outcome(zmq.Socket.recv, pair[1])


def received(pair, text):
    """What recv_json makes of a text; the next message is intact."""
    zmq.Socket.send(pair[0], text)
    zmq.Socket.send(pair[0], b"next")
    result = outcome(pair[1].recv_json)
    assert zmq.Socket.recv(pair[1]) == b"next"
    return result


@pytest.mark.parametrize("value", [*ODD, *FLOATS, *INTS, *TEXTS], ids=lambda v: type(v).__name__)
def test_each_odd_value(module_pair, value):
    """Alone, in a list, in a dict, as a key, twice as a key once it is text."""
    forms = [value, [1, value], (value, 2), {"a": value}, [{"a": [value]}], {"a": 1, "b": (value,)}]
    try:
        forms += [{value: 1}, {value: 1, str(value): 2}, [{"a": {value: 1}}]]
    except TypeError:
        pass  # not hashable
    for form in forms:
        assert sent(module_pair, form) == outcome(jsonapi.dumps, form)


@given(good)
@some
def test_values_are_sent(module_pair, value):
    assert sent(module_pair, value) == outcome(jsonapi.dumps, value)


@given(any_value)
@some
def test_what_is_refused(module_pair, value):
    assert sent(module_pair, value) == outcome(jsonapi.dumps, value)


@pytest.mark.slow
@given(good | any_value)
@settings(some, max_examples=8_000)
def test_very_many_values(module_pair, value):
    assert sent(module_pair, value) == outcome(jsonapi.dumps, value)


def test_circular_structures(module_pair):
    listed, mapped, mixed = [1], {"a": 1}, ([],)
    listed.append(listed)
    mapped["b"] = [mapped]
    mixed[0].append({"mixed": mixed})
    for value in (listed, mapped, mixed, [listed, 1]):
        assert sent(module_pair, value) == (ValueError, None)
    shared = [1]
    assert sent(module_pair, [shared, shared]) == (bytes, b"[[1], [1]]")


DEPTHS = [1, 98, 99, 100, 101, 102, 150, 100_000]


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("around", [lambda v: [v], lambda v: (v,), lambda v: {"k": v}])
def test_depth_of_what_is_sent(module_pair, depth, around):
    value = 1e16 if depth < 200 else 1
    for _ in range(depth):
        value = around(value)
    assert sent(module_pair, value) == outcome(jsonapi.dumps, value)
    assert (
        depth < 200 or sys.version_info >= (3, 12) or sent(module_pair, value)[0] is RecursionError
    )


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize(("opens", "closes"), [(b"[", b"]"), (b'{"k": ', b"}"), (b"[", b"")])
def test_depth_of_what_is_received(module_pair, depth, opens, closes):
    text = opens * depth + b"1" + closes * depth
    assert received(module_pair, text) == outcome(jsonapi.loads, text)


# ---- receiving

ODD_TEXTS = [
    *(
        b"",
        b" ",
        b"null",
        b"nul",
        b"nulll",
        b"True",
        b"true false",
        b"\xef\xbb\xbf1",
        b"\xff",
        b"\0",
    ),
    *(
        b"0",
        b"-0",
        b"-0.0",
        b"00",
        b"01",
        b"-",
        b"+1",
        b"1.",
        b".5",
        b"1.e5",
        b"1e",
        b"1e+",
        b"0x1",
    ),
    *(
        b"1e5",
        b"1E5",
        b"1e400",
        b"-1e400",
        b"1e-400",
        b"1.0",
        b"1.0e0",
        b"10e-1",
        b"1_000",
        b"5e-324",
    ),
    *(b"9007199254740993", b"9007199254740993.0", b"18446744073709551616", b"-9223372036854775809"),
    *(b"123456789012345678901234567890.5", b"0.1e1", b"2.2250738585072011e-308", b"1" * 400),
    *(b"1" * 4300, b"1" * 4301, b"-" + b"1" * 5000, b"0." + b"1" * 5000, b"1" * 5000 + b".0"),
    *(b"NaN", b"-NaN", b"nan", b"Infinity", b"-Infinity", b"Inf", b"[NaN, 1e5, -Infinity]"),
    *(b"[", b"]", b"[1", b"[1,]", b"[,1]", b"[1 2]", b"[1,2", b"{", b"{}", b'{"a"}', b'{"a":}'),
    *(b'{"a":1,}', b"{a:1}", b"{1:1}", b'{"a":1 "b":2}', b'{"a":1}{', b'{"a":1,"a":2}', b"[]]"),
    *(b"'a'", b'"', b'"a', b'"\\"', b'"\\q"', b'"\\u12"', b'"\\u12g4"', b'"\t"', b'"\n"', b'"\0"'),
    *(b'"\x7f"', b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\ud83c\\udf89"', b'"\\ud83cx"', b'"\\/"'),
    *(b'"\xc3\xa9"', b'"\xc3"', b'"\xed\xa0\x80"', b'"\xf0\x9f\x8e\x89"', b'"\xc0\x80"', b'"\xf5"'),
    *(b'{"\\ud800": 1}', b'{"\\u0061": 1, "a": 2}', b'{"\xc3\xa9": 1}', b'{"": 1}', b'{"a\\n": 1}'),
    *(b"\t\n\r 1 \t\n\r", b"\x0b1", b"1\x0c", b"\xc2\xa01", b"// c\n1", b"/* c */ 1", b"1 # c"),
    *("1".encode("utf-16"), "1".encode("utf-32"), '"é"'.encode("latin-1"), b'"a"\0', b'b"a"'),
]


@pytest.mark.parametrize("text", ODD_TEXTS, ids=lambda text: ascii(text[:25])[2:-1])
def test_each_odd_text(module_pair, text):
    for form in (text, b"[" + text + b"]", b'{"k": ' + text + b', "l": [1]}', b" " + text + b" "):
        assert received(module_pair, form) == outcome(jsonapi.loads, form)


@given(good)
@some
def test_values_are_received(module_pair, value):
    for options in ({}, {"ensure_ascii": False, "indent": 1}):
        try:
            text = json.dumps(value, **options).encode("utf-8", "surrogatepass")
        except TypeError:
            return
        assert received(module_pair, text) == outcome(jsonapi.loads, text)


PIECES = [b'"', b"\\", b"\\u", b"d8", b"00", b"{", b"}", b"[", b"]", b",", b":", b" ", b"\n", b"e"]
PIECES += [b"E", b".", b"-", b"+", b"0", b"1", b"9", b"null", b"true", b"NaN", b"Infinity", b"a"]
PIECES += [b"\xff", b"\xc3\xa9", b"\0", b'"a"', b'"a":', b"\x7f", b"1e5", b"1e400", b"\xed\xa0\x80"]
pieces = st.sampled_from(PIECES) | st.binary(max_size=3)


@st.composite
def garbage(draw):
    """Tokens in any order, or a good text with some bytes cut out and some put in."""
    if draw(st.booleans()):
        return b"".join(draw(st.lists(pieces, max_size=12)))
    try:
        text = json.dumps(draw(good)).encode()
    except TypeError:
        text = b"[1, 2.5, {}]"
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 3)))
        text = text[:start] + draw(pieces) + text[end:]
    return text


@given(garbage())
@example(b'{"a": 1, "a": 1e400}')
@settings(some, max_examples=600)
def test_garbage(module_pair, text):
    assert received(module_pair, text) == outcome(jsonapi.loads, text)


@pytest.mark.slow
@given(garbage())
@settings(some, max_examples=10_000)
def test_very_much_garbage(module_pair, text):
    assert received(module_pair, text) == outcome(jsonapi.loads, text)

"""Records of framewire.embed, in C structs."""

import struct

import numpy as np
import pytest
from compiled import direct
from documents import ROOT

import framewire

pytestmark = direct


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

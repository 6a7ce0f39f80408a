"""Every prefix of every golden message is refused, whichever way it is received."""

import pytest
from test_golden import NAMES, good

import framewire
from framewire import DecodeError

CODEC = framewire.Codec(allow=[*NAMES.values(), "array"])


def prefixes(expect, frames):
    """The message cut at each byte, and between frames; also with the frames behind the cut."""
    for i, frame in enumerate(frames):
        for size in range(len(frame)):
            yield [*frames[:i], frame[:size]]
            if i >= int(expect["envelope"]):  # a topic that is cut is another topic
                yield [*frames[:i], frame[:size], *frames[i + 1 :]]
        if i:
            yield frames[:i]


@good
def test_loads(expect, frames):
    for cut in [[], *prefixes(expect, frames)]:
        with pytest.raises(DecodeError):
            framewire.loads(cut, codec=CODEC)
        with pytest.raises(DecodeError):
            framewire.loads([bytearray(each) for each in cut], codec=CODEC)
        with pytest.raises(DecodeError):
            framewire.loads_array(cut, codec=CODEC)


@good
def test_over_a_socket(pair, expect, frames):
    here, there = pair
    there.codec = CODEC
    for number, cut in enumerate(prefixes(expect, frames)):
        for receive in (there.recv_value, there.recv_array, there.recv_latest):
            here.send_multipart(cut)
            with pytest.raises(DecodeError):
                receive()
        here.send_multipart(cut)
        with pytest.raises(DecodeError):
            _ = there.recv_message().value
        here.send_multipart(cut)
        here.send_value(number)
        batch = there.recv_many(2)
        assert batch.values == [number]
        assert [at for at, _ in batch.errors] == [0]

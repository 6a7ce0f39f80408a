"""What a socket has counted: messages, gaps, latencies. A snapshot, of plain numbers."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import zmq

from ._codec import codec_for
from ._ledger import read_ledger

__all__ = ["Counts", "Latency", "Stamp", "Stats", "stats"]


class Stamp(NamedTuple):
    """What a sender with ``Codec(stamp=True)`` writes into the head of a message.

    Attributes
    ----------
    sender : int
        A random number of the sending socket, of 64 bits.
    sequence : int
        Which of the sender's messages of this topic it is, from 0.
    time : int
        When its head was made, in ns since the epoch: the sender's `time.time_ns`.
    """

    sender: int
    sequence: int
    time: int


@dataclass(frozen=True)
class Latency:
    """How long messages were on their way, in ns: from the time of the stamp to that of receipt.

    It is as right as the two clocks are together; what seems to come before it was sent counts as
    0. All are 0 if `count` is.

    Attributes
    ----------
    count : int
        Messages that came with a stamp.
    min, max : int
    mean : float
    histogram : dict of int to int
        How many took from so many ns to the next bin: below 16 each a bin, above it eight to each
        power of two.
    """

    count: int = 0
    min: int = 0
    max: int = 0
    mean: float = 0.0
    histogram: dict[int, int] = field(default_factory=dict, repr=False)

    def percentile(self, p: float) -> int:
        """What `p` percent of the messages took at most, in ns, to a sixteenth of itself.

        Raises
        ------
        ValueError
            `p` is not from 0 to 100.
        """
        if not 0 <= p <= 100:
            raise ValueError(f"a percentile of {p}: it is from 0 to 100")
        left = max(1, math.ceil(self.count * p / 100))
        for begin, count in sorted(self.histogram.items()):
            left -= count
            if left <= 0:
                middle = begin + (1 << max(begin.bit_length() - 4, 0) >> 1)
                return sorted((self.min, middle, self.max))[1]
        return 0


@dataclass(frozen=True)
class Counts:
    """What came and went, of one topic or of all.

    Counted are messages with a head on their way out, and on their way in what `recv_array`,
    `recv_value` and `recv_message` take, whatever it is.

    Attributes
    ----------
    received, received_bytes : int
        Messages, and the bytes of all their frames.
    sent, sent_bytes : int
    copied, in_place : int
        Frames that were sent as copies, and in place.
    gaps : int
        Messages that were missing when a later one of the same sender came.
    duplicates : int
        Messages whose number is not larger than the last of their sender: also those that came late
        and have been counted as missing.
    errors : int
        Messages that came and could not be read.
    latency : Latency
    """

    received: int = 0
    received_bytes: int = 0
    sent: int = 0
    sent_bytes: int = 0
    copied: int = 0
    in_place: int = 0
    gaps: int = 0
    duplicates: int = 0
    errors: int = 0
    latency: Latency = Latency()


@dataclass(frozen=True)
class Stats:
    """What `stats` returns: a snapshot.

    Attributes
    ----------
    total : Counts
        The sum of all.
    topics : dict of bytes or None to Counts
        For each topic; None for messages without one. At most 1024, with names of up to 256 bytes.
    others : Counts
        The sum of all other topics, without gaps and duplicates, which nobody counts for these.
    """

    total: Counts
    topics: dict[bytes | None, Counts]
    others: Counts


def stats(socket: zmq.Socket[Any]) -> Stats:
    """What a socket with ``Codec(stamp=True)`` has counted since it was made.

    Parameters
    ----------
    socket : zmq.Socket
        A shadow of it counts for itself.

    Returns
    -------
    Stats

    Raises
    ------
    ValueError
        Its codec has ``stamp=False``.

    Notes
    -----
    Gaps are counted for each topic and each of the 64 senders of it that were heard from last. The
    first message of a sender is no gap, whatever its number: it may have been sending for long, or
    it is a new socket. Where messages are dealt out to several receivers (PUSH, DEALER), each has
    those of the others as gaps; so has a subscriber what it missed while it was not subscribed.
    Numbers are those of a topic: send it as ``topic=``, and receive it with the message. What began
    with a frame of `framewire.Socket.send` and SNDMORE has no stamp; that of a plain socket, and a
    topic that is received by a call of its own, are not seen, and make for false gaps.
    """
    if not codec_for(socket, None).stamps:
        raise ValueError("the socket's codec has stamp=False: nothing is counted")
    counted = [(topic, _counts(**tally, bins=bins)) for topic, tally, bins in read_ledger(socket)]
    everything = [counts for _, counts in counted]
    _, others = counted.pop()
    return Stats(total=_sum(everything), topics=dict(counted), others=others)


def _counts(
    timed: int, fastest: int, slowest: int, waited: float, bins: dict[int, int], **tally: Any
) -> Counts:
    if timed == 0:
        return Counts(**tally)
    return Counts(**tally, latency=Latency(timed, fastest, slowest, waited / timed, bins))


def _sum(parts: Sequence[Counts]) -> Counts:
    names = [each.name for each in fields(Counts) if each.name != "latency"]
    sums = {name: sum(getattr(part, name) for part in parts) for name in names}
    timed = [part.latency for part in parts if part.latency.count]
    if not timed:
        return Counts(**sums)
    count = sum(each.count for each in timed)
    histogram: Counter[int] = Counter()
    for each in timed:
        histogram.update(each.histogram)
    return Counts(
        **sums,
        latency=Latency(
            count,
            min(each.min for each in timed),
            max(each.max for each in timed),
            sum(each.mean * each.count for each in timed) / count,
            dict(histogram),
        ),
    )

"""Messages of several frames that say which they are, and of how many frames."""

import numpy as np
import zmq

import framewire


def labels(number):
    count = 2 + number % 5
    return [b"%d:%d:%d:" % (number, index, count) for index in range(count)]


def send_list(socket, number, flags):
    """One call; frames short and long, copied and in place."""
    frames = labels(number)
    frames[number % len(frames)] = frames[number % len(frames)].ljust(20_000)
    framewire.send_raw(socket, frames, flags)


def send_by_hand(socket, number, flags):
    """Two frames with SNDMORE, then an array: a topic, its head, its payload."""
    label = [b"%d:%d:5:" % (number, index) for index in range(5)]
    framewire.send_raw(socket, label[0], flags | zmq.SNDMORE)
    # the message is begun, and must be finished even if a peer was lost
    lost = None
    try:
        framewire.send_raw(socket, label[1].ljust(number % 2 * 20_000), flags | zmq.SNDMORE)
    except zmq.Again as error:
        lost = error
    array = np.frombuffer(label[4].ljust(20_000), "u1")
    framewire.send_array(socket, array, flags, topic=label[2], meta=label[3])
    if lost:
        raise lost


SENDS = {"list": send_list, "by hand": send_by_hand}


def number_of(frames):
    """Which message this is; None if it is not whole.

    Each frame says b"number:index:count:", but a head, which has the number in its metadata.
    """
    number, _, count = bytes(frames[0][:60]).split(b":")[:3]
    if len(frames) != int(count):
        return None
    for index, frame in enumerate(frames):
        label = b"%b:%d:%b:" % (number, index, count)
        begin = bytes(frame[:60])
        if not (begin[:2] == b"\xc1\x46" and label in bytes(frame)) and not begin.startswith(label):
            return None
    return int(number)

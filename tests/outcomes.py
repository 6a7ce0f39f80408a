"""What a call comes to, in a form in which pyzmq's and framewire's can be compared."""

import mmap

import zmq

import framewire

# pyzmq's calls, each with the arguments it needs; its flags may follow.
SENDS = {
    "send": (b"x",),
    "send_multipart": ([b"a", b"b"],),
    "send_string": ("text",),
    "send_json": ({"a": 1},),
    "send_pyobj": ([1, 2],),
    "send_serialized": ([b"a", b"b"], list),
}
RECEIVES = {
    "recv": (),
    "recv_multipart": (),
    "recv_string": (),
    "recv_json": (),
    "recv_pyobj": (),
    "recv_serialized": (list,),
}


def comparable(result):
    """A result by its type and value; of Frames and trackers, what pyzmq's users see."""
    if isinstance(result, zmq.Frame):
        return "Frame", result.bytes, result.more, comparable(result.tracker)
    if isinstance(result, zmq.MessageTracker):
        return "a tracker"
    if type(result) in (list, tuple):
        return type(result), [comparable(each) for each in result]
    return type(result), result if type(result) is bytes else repr(result)


def nothing_is_there(socket):
    """Whether a socket has no message. Any that it has is taken."""
    try:
        framewire.recv_raw(socket, zmq.DONTWAIT)
    except zmq.Again:
        return True
    return False


def outcome(call, *args, **kwargs):
    """The result of a call, or the type of what it raises."""
    try:
        return comparable(call(*args, **kwargs))
    except Exception as error:
        return type(error), getattr(error, "errno", None)


def failed(result):
    """Is this the outcome of a call that raised?"""
    return isinstance(result[0], type) and issubclass(result[0], Exception)


def queued(socket):
    """Take the messages that are waiting in a socket, by pyzmq's own call."""
    messages = []
    while True:
        try:
            messages.append(zmq.Socket.recv_multipart(socket, zmq.DONTWAIT))
        except zmq.Again:
            return messages


def released_memoryview():
    view = memoryview(b"abc")
    view.release()
    return view


def closed_mmap():
    memory = mmap.mmap(-1, 10)
    memory.close()
    return memory

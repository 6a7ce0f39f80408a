"""A signal every millisecond in the main thread, as it sends or receives multi-frame messages.

Arguments: inproc, ipc or tcp; whether the main thread sends or receives ("send", "receive"); and
what the handler does: "returns", "raises", or "sends" a message on the same socket.
"""

import signal
import sys
import tempfile
import threading
import time

import zmq

import framewire

over, direction, what = sys.argv[1:]
COUNT = 5_000
BY_HANDLER = [b"handler"] * 3
END = [b"end"] * 4


class Raised(Exception):
    pass


def connected():
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    push.sndhwm = pull.rcvhwm = 2
    push.sndtimeo = pull.rcvtimeo = 20_000
    if over == "tcp":
        push.connect(f"tcp://127.0.0.1:{pull.bind_to_random_port('tcp://127.0.0.1')}")
    else:
        address = f"{over}://{tempfile.mkdtemp()}/storm"
        pull.bind(address)
        push.connect(address)
    return push, pull


def handler(*_):
    global armed, fired
    fired += 1
    if armed and what == "raises":
        armed = False
        raise Raised
    if armed and what == "sends":
        try:
            framewire.send_raw(push, BY_HANDLER, zmq.DONTWAIT)
        except zmq.Again:
            pass


def call(function, *args, **kwargs):
    """Call it; the handler acts at no other time. Returns None if the handler raised."""
    global armed, raised
    try:
        armed = True
        result = function(*args, **kwargs)
        armed = False
        return result or True
    except Raised:
        raised += 1
        return None


def message(number):
    frames = [b"%d" % number] * (2 + number % 5)
    frames[-1] = frames[-1].ljust(10_000) if number % 3 else frames[-1]
    return frames


def pause(number):
    """Let the other side block now and then."""
    if number % 500 == 0:
        time.sleep(0.01)


def send_all():
    for number in range(COUNT):
        pause(number)
        sending(framewire.send_raw, push, message(number), copy=False)
    while not done.wait(0.01):  # one of them comes through
        try:
            framewire.send_raw(push, END, zmq.DONTWAIT)
        except zmq.Again:
            pass


def receive_all():
    """Every message is whole, and after the one before."""
    last = -1
    while True:
        frames = receiving(framewire.recv_raw, pull)
        if frames is None:
            continue  # a message may be lost, whole
        frames = [bytes(frame) for frame in frames]
        if frames == END:
            done.set()
            return
        if frames == BY_HANDLER:
            continue
        number = int(frames[0])
        assert frames == message(number), [frame[:10] for frame in frames]
        assert number > last
        last = number
        seen.append(number)
        pause(number)


def other_end(work):
    def guarded():
        try:
            work()
        except BaseException as error:
            failures.append(error)
            done.set()

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    return thread


def plainly(function, *args, **kwargs):
    return function(*args, **kwargs)


armed, fired, raised = False, 0, 0
failures, seen, done = [], [], threading.Event()
context = zmq.Context()
push, pull = connected()
signal.signal(signal.SIGALRM, handler)
if direction == "send":
    sending, receiving = call, plainly
    thread = other_end(receive_all)
    here = send_all
else:
    sending, receiving = plainly, call
    thread = other_end(send_all)
    here = receive_all
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
try:
    here()
finally:
    armed = False
    done.set()
    signal.setitimer(signal.ITIMER_REAL, 0)
thread.join(60)
if failures:
    raise failures[0]
assert not thread.is_alive()
assert fired > 10
assert len(seen) >= COUNT - raised, (len(seen), raised)
context.destroy(linger=0)

"""`framewire.green` between processes, monkey-patched, and without gevent."""

import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
import zmq

import framewire

gevent = pytest.importorskip("gevent")
green = pytest.importorskip("framewire.green")
greenlets = pytest.importorskip("greenlets")
LIMIT, pair, ticking = greenlets.LIMIT, greenlets.pair, greenlets.ticking


def run(code: str, *args: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *args],
        capture_output=True,
        text=True,
        timeout=2 * LIMIT,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


SENDER = """
    import sys
    import numpy as np, zmq, framewire
    with framewire.Context() as context, context.socket(zmq.PUSH) as push:
        push.connect(sys.argv[1])
        for i in range(int(sys.argv[2])):
            if i % 3 == 0:
                push.send_array(np.full(3, i))
            elif i % 3 == 1:
                push.send_array(np.full(3000, i))
            else:
                push.send_value(i, topic="t")
"""


def test_receive_from_another_process():
    """Faster and slower than the receivers, who are now and then given up."""
    count = 20_000
    numbers = []

    def receive(pull):
        while True:
            with gevent.Timeout(0.001, False):
                for _ in range(100):
                    value = pull.recv_value()
                    numbers.append(value if isinstance(value, int) else int(value[0]))
            gevent.sleep(0)

    with green.Context() as context, context.socket(zmq.PULL) as pull, ticking() as turns:
        port = pull.bind_to_random_port("tcp://127.0.0.1")
        endpoint = f"tcp://127.0.0.1:{port}"
        code = textwrap.dedent(SENDER)
        with subprocess.Popen([sys.executable, "-c", code, endpoint, str(count)]) as sender:
            receivers = [gevent.spawn(receive, pull) for _ in range(3)]
            with gevent.Timeout(LIMIT):
                while len(numbers) < count:
                    gevent.sleep(0.01)
            gevent.killall(receivers)
            assert sender.wait(LIMIT) == 0
        assert numbers == list(range(count))
        assert turns() > 10


ECHO = """
    from gevent import monkey
    monkey.patch_all()
    import sys, threading
    import framewire.green as zmq_green, zmq
    context = zmq_green.Context()
    router = context.socket(zmq.ROUTER)
    print(router.bind_to_random_port("tcp://127.0.0.1"), flush=True)
    stop = []

    def serve():  # a greenlet: threads are patched
        while not stop:
            message = router.recv_message()
            if message.value is None:
                stop.append(True)
            router.send_value(message.value, envelope=message.envelope)

    threads = [threading.Thread(target=serve, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    threads[0].join(timeout=0.01)
    while not stop:
        threading.Event().wait(0.01)
    router.close(1000)
    context.term()
"""


def test_monkey_patched_server():
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(ECHO)], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        endpoint = f"tcp://127.0.0.1:{server.stdout.readline().strip()}"
        with green.Context() as context, gevent.Timeout(LIMIT):

            def ask(name):
                with context.socket(zmq.REQ) as req:
                    req.connect(endpoint)
                    for i in range(100):
                        req.send_value({"name": name, "i": i, "array": np.arange(i)})
                        answer = req.recv_value()
                        assert (answer["name"], answer["i"], len(answer["array"])) == (name, i, i)

            clients = [gevent.spawn(ask, name) for name in range(5)]
            gevent.joinall(clients, raise_error=True)
            with context.socket(zmq.REQ) as req:
                req.connect(endpoint)
                req.send_value(None)
                assert req.recv_value() is None
        assert server.wait(LIMIT) == 0


def test_monkey_patched_after_the_import():
    out = run("""
        import framewire.green as green, zmq
        from gevent import monkey, spawn
        monkey.patch_all()
        with green.Context() as context:
            with context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
                push.bind("inproc://x")
                pull.connect("inproc://x")
                pending = spawn(pull.recv_many, 3, 5000)
                push.send_many([1, 2, 3])
                print(pending.get().values)
    """)
    assert out == "[1, 2, 3]\n"


def test_without_gevent():
    out = run("""
        import sys
        sys.modules["gevent"] = None
        import framewire
        try:
            import framewire.green
        except ImportError as error:
            print(error)
    """)
    assert "pip install 'framewire[gevent]'" in out


def test_exit_with_greenlets_that_wait():
    run("""
        import gevent, numpy, zmq, framewire.green as green
        context = green.Context()
        push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
        push.linger = 0
        pull.bind("tcp://127.0.0.1:*")
        push.connect(pull.last_endpoint)
        waiting = [gevent.spawn(pull.recv_value), gevent.spawn(pull.recv_many, 5, -1)]
        push.send_array(numpy.zeros(100_000), copy=False)
        gevent.sleep(0.05)
        push.send_array(numpy.zeros(100_000), copy=False)
    """)


def test_one_hub_for_each_thread():
    """A socket belongs to the thread that it was made in; there, its greenlets have a hub."""
    results = []

    def work():
        with pair(zmq.PUSH, zmq.PULL) as (push, pull):
            pending = gevent.spawn(lambda: [pull.recv_value() for _ in range(500)])
            gevent.spawn(lambda: [push.send_value(i) for i in range(500)])
            results.append(pending.get())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [list(range(500))] * 4


def test_framewire_socket_stays_as_it_is():
    """Without framewire.green nothing changes: a plain socket blocks its thread."""
    with framewire.Context() as context, context.socket(zmq.PULL) as pull, ticking() as turns:
        gevent.sleep(0)
        pull.rcvtimeo = 20
        before = turns()
        with pytest.raises(zmq.Again):
            pull.recv_array()
        assert turns() == before

"""What happens while a call waits: something in another thread, a signal."""

import signal
import threading
from contextlib import contextmanager


@contextmanager
def later(act, delay=0.2):
    """Do something in another thread, while this one is in a call."""
    timer = threading.Timer(delay, act)
    timer.start()
    try:
        yield
    finally:
        timer.join()


@contextmanager
def handler(act):
    """What SIGUSR1 does."""
    before = signal.signal(signal.SIGUSR1, lambda *_: act())
    try:
        yield lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)

"""A socket of your own: a subclass of `framewire.Socket`, and a `Context` that makes it.

It sends values as JSON, compressed with zlib; both ends run here. Everything that framewire.Socket
and zmq.Socket do it does too.
"""

import json
import zlib
from typing import Any

import zmq

import framewire


class ZippedSocket(framewire.Socket):
    """Adds compressed JSON.

    Attributes
    ----------
    level
        zlib's: 1 is fast, 9 is small.
    max_size
        Refuse to receive more than so many bytes of JSON.
    """

    # What is to be set on a socket needs a default in its class: pyzmq takes all other names for
    # socket options.
    level = 6
    max_size = 1_000_000

    def send_zipped_json(self, value: Any, flags: int = 0) -> None:
        """Send one value."""
        self.send(zlib.compress(json.dumps(value).encode(), self.level), flags)

    def recv_zipped_json(self, flags: int = 0) -> Any:
        """Receive one value.

        Raises
        ------
        ValueError
            It is too large, cut off, or no JSON.
        zlib.error
            It is not compressed.
        """
        unzip = zlib.decompressobj()
        text = unzip.decompress(self.recv(flags), self.max_size)
        if not unzip.eof:
            raise ValueError(f"not the whole of a text of at most {self.max_size} bytes")
        return json.loads(text)


class ZippedContext(framewire.Context):
    """Makes sockets of that class. Without it: ``context.socket(type, socket_class=…)``."""

    _socket_class = ZippedSocket


def main() -> None:
    """Send a value to ourselves."""
    value = {"sensor": "hall 3", "readings": [i % 10 / 4 for i in range(1000)]}
    with ZippedContext() as context:
        with context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
            pull.bind("tcp://127.0.0.1:*")
            push.connect(pull.last_endpoint)
            push.level = 9

            push.send_zipped_json(value)
            push.send_zipped_json(value)
            print(f"{len(json.dumps(value))} bytes of JSON travel as {len(pull.recv())}")
            print("came back the same:", pull.recv_zipped_json() == value)

            push.send_zipped_json(value)
            pull.max_size = 100
            try:
                pull.recv_zipped_json()
            except ValueError as error:
                print("refused:", error)


if __name__ == "__main__":
    main()

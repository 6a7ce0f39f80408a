from typing import Any

import zmq

__all__ = ["note_sent"]

def note_sent(socket: zmq.Socket[Any], flags: int) -> int: ...

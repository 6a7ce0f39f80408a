from typing import Any

import zmq

__all__ = ["read_ledger"]

def read_ledger(
    socket: zmq.Socket[Any],
) -> list[tuple[bytes | None, dict[str, Any], dict[int, int]]]: ...

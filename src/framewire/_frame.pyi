import zmq

__all__ = ["ReadOnlyFrame"]

class ReadOnlyFrame(zmq.Frame):
    def __copy__(self) -> zmq.Frame: ...  # type: ignore[override]

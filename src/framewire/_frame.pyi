import zmq

__all__ = ["ReadOnlyFrame"]

class ReadOnlyFrame(zmq.Frame): ...

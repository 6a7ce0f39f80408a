"""Tensors between two processes of an inference engine: a nested dict there, and one back.

Tensors of torch on the CPU where torch is installed, else arrays of numpy; a sender of tensors does
nothing special. A tensor arrives as an array of numpy's, in the memory that it was received into.
"""

import multiprocessing
from typing import Any

import numpy as np
import zmq

import framewire

try:
    import torch
except ImportError:
    torch = None

STOP = {"stop": True}


def tensors(tree: Any) -> Any:
    """A value whose arrays are tensors of torch, if there is torch; nothing is copied."""
    if torch is None:
        return tree
    if isinstance(tree, np.ndarray):
        return torch.from_numpy(tree)
    if isinstance(tree, dict):
        return {key: tensors(each) for key, each in tree.items()}
    return [tensors(each) for each in tree] if isinstance(tree, list) else tree


def receive(socket: framewire.Socket) -> Any:
    """Receive a value with tensors.

    ``copy=True``: memory of its own, which torch wants to be able to write to. Over tcp and ipc
    that is the memory that libzmq has received it into.
    """
    return tensors(socket.recv_value(copy=True))


def serve(endpoint: str) -> None:
    """The process with the model: a layer whose weights come with the request."""
    with framewire.Context() as context, context.socket(zmq.REP) as rep:
        rep.connect(endpoint)
        while (request := receive(rep)) != STOP:
            layer = request["layer"]
            hidden = request["inputs"]["x"] @ layer["weights"] + layer["bias"]
            reply = {"id": request["id"], "outputs": {"hidden": hidden, "caches": [hidden[:, :8]]}}
            rep.send_value(reply)  # strided tensors too
        rep.send_value("stopped")


def main() -> None:
    """The process that asks."""
    rng = np.random.default_rng(7)
    weights = rng.standard_normal((512, 256), np.float32)
    layer = tensors({"weights": weights, "bias": np.ones(256, np.float32)})
    with framewire.Context() as context, context.socket(zmq.REQ) as req:
        port = req.bind_to_random_port("tcp://127.0.0.1")
        process = multiprocessing.get_context("spawn").Process(
            target=serve, args=(f"tcp://127.0.0.1:{port}",)
        )
        process.start()
        for number in range(3):
            x = rng.standard_normal((64, 512), np.float32)
            req.send_value({"id": number, "inputs": {"x": tensors(x)}, "layer": layer})
            reply = receive(req)
            hidden, cache = reply["outputs"]["hidden"], reply["outputs"]["caches"][0]
            print(reply["id"], tuple(hidden.shape), tuple(cache.shape), end=" ")
            print("right:", np.allclose(hidden, x @ weights + 1, atol=1e-3))
        kind = np.ndarray if torch is None else torch.Tensor
        print("tensors:", isinstance(hidden, kind) and isinstance(cache, kind))
        req.send_value(STOP)
        print(req.recv_value())
        process.join()


if __name__ == "__main__":
    main()

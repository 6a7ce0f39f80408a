"""Sockets that speak with osBrain's agents, and faster (de)serializers for the agents themselves.

`connect` and `bind` give a socket that an agent takes for another agent's: REQ/REP, PUSH/PULL and
PUB/SUB, by each of osBrain's serializers. `install` is for the agents' side. docs/osbrain.md has
the whole of it.
"""

import importlib
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import zmq

from .agentsocket import TWINS, AgentSocket
from .joined import PICKLES, dump, is_joined, load

__all__ = ["AgentSocket", "bind", "connect", "install", "uninstall"]


def _subscribe(agents: AgentSocket, topics: str | bytes | Iterable[str | bytes]) -> None:
    topics = [topics] if isinstance(topics, (str, bytes)) else list(topics)
    everything = [b""] if agents.kind == "SUB" else []
    for topic in topics or everything:
        agents.subscribe(topic)


def connect(
    address: Any,
    topics: str | bytes | Iterable[str | bytes] = (),
    *,
    context: "zmq.Context[Any] | None" = None,
) -> AgentSocket:
    """Connect to an agent.

    Parameters
    ----------
    address : osbrain.AgentAddress
        What the agent's ``bind`` returned, or its ``addr(alias)``: kind and serializer are taken
        from it. For the publications of a SYNC_PUB channel, its ``sender``.
    topics : str or bytes, or iterable of them
        What to subscribe to, where the agent publishes: all topics that begin with one of these.
        Everything, if there are none.
    context : zmq.Context, optional
        `framewire.Context.instance()` by default.

    Returns
    -------
    AgentSocket
        Of the kind that the address wants: a SUB for a PUB.

    Raises
    ------
    TypeError, ValueError
        No address of a server, or one of a channel; a topic that contains the separator, or for
        something else than publications.
    ImportError
        The address's serializer is not installed here.

    Warnings
    --------
    The address is your choice of a serializer. With pickle, which is osBrain's default, cloudpickle
    or dill **whoever can send to this socket can run any code in this process**: connect to agents
    that you trust with that, over networks that you trust, or have them bind with json or raw.
    """
    if not all(hasattr(address, name) for name in ("transport", "address", "kind", "serializer")):
        raise TypeError(
            "connect takes the AgentAddress that an agent's bind() or addr() gives, which has "
            f"kind of socket and serializer; it takes no channel, and not {address!r}"
        )
    if address.role != "server" or address.transport == "inproc":
        raise ValueError(f"{address!r}: what is connected to is a server, in another process")
    agents = AgentSocket(TWINS.get(address.kind, address.kind), address.serializer, context)
    try:
        agents.address = address
        _subscribe(agents, topics)
        agents.socket.connect(f"{address.transport}://{address.address}")
    except BaseException:
        agents.close(0)
        raise
    return agents


def bind(
    kind: str | int,
    serializer: str,
    topics: str | bytes | Iterable[str | bytes] = (),
    *,
    endpoint: str = "tcp://127.0.0.1:*",
    context: "zmq.Context[Any] | None" = None,
) -> AgentSocket:
    """Bind a socket that agents connect to, by its ``address``.

    Parameters
    ----------
    kind : str or int
        "REQ", "REP", "PUSH", "PULL", "PUB" or "SUB", or `zmq.REQ` and so on: of this socket.
    serializer : str
        "raw", "json", "pickle", "cloudpickle" or "dill". Agents take theirs from the address.
    topics : str or bytes, or iterable of them
        What a SUB subscribes to: see `connect`. Publishers hear of it when this socket next
        receives or polls.
    endpoint : str
        ``tcp://`` with an IP address, or ``ipc://``.
    context : zmq.Context, optional
        `framewire.Context.instance()` by default.

    Returns
    -------
    AgentSocket
        Its ``address`` is an `osbrain.AgentAddress`, for ``agent.connect``.

    Raises
    ------
    TypeError
        The endpoint is no str.
    ValueError
        No such kind, serializer or transport; a topic that contains the separator, or for another
        kind than SUB.
    ImportError
        osBrain, or the serializer, is not installed.
    zmq.ZMQError
        As pyzmq's ``bind``.

    Warnings
    --------
    With the pickles, **whoever can send to this socket can run any code in this process**; see
    `connect`.
    """
    if not isinstance(endpoint, str):
        raise TypeError(f"an endpoint is a str, not {type(endpoint).__name__}")
    osbrain = _osbrain()
    transport = endpoint.partition("://")[0]
    if transport not in ("tcp", "ipc"):
        raise ValueError(f"{endpoint!r}: agents in other processes have tcp and ipc")
    agents = AgentSocket(kind, serializer, context)
    try:
        _subscribe(agents, topics)
        agents.socket.bind(endpoint)
        endpoint = agents.socket.getsockopt_string(zmq.LAST_ENDPOINT)
        where: Any = endpoint.partition("://")[2]
        where = Path(where) if transport == "ipc" else where  # as osBrain has it
        agents.address = osbrain.AgentAddress(transport, where, agents.kind, "server", serializer)
    except BaseException:
        agents.close(0)
        raise
    return agents


def _osbrain() -> Any:
    try:
        return importlib.import_module("osbrain")
    except ImportError as error:
        raise ImportError(f"{error}: pip install 'framewire[osbrain]'") from error


# ---- the agents' side

_originals: dict[str, tuple[Any, Any]] = {}  # while `install` holds


def install() -> None:
    """Let this process's agents send large arrays past pickle, by pickle, cloudpickle and dill.

    Those that are started from now on, by ``run_agent``, where processes are forked: on Linux, up
    to Python 3.13. Elsewhere, and for an agent that runs already, call it there: in ``on_init``, or
    by ``agent.execute_as_function(install)``. A message with arrays of over 8 KiB then is written
    by one copy of each, and read by another; all values are the same as without. Other messages are
    the pickles that they were. See `uninstall`.

    Notes
    -----
    Agents without it read such messages too, if they can import framewire, and others fail with
    ModuleNotFoundError. So install framewire everywhere before you call this anywhere.
    """
    agent = _osbrain().agent
    for name in PICKLES:
        if name not in _originals:
            calls = agent._serialize_calls[name], agent._deserialize_calls[name]
            _originals[name] = calls
            agent._serialize_calls[name] = partial(dump, name)
            agent._deserialize_calls[name] = partial(_load, calls[1])


def uninstall() -> None:
    """Undo `install`, for agents that are started from now on."""
    while _originals:
        name, calls = _originals.popitem()
        agent = _osbrain().agent
        agent._serialize_calls[name], agent._deserialize_calls[name] = calls


def _load(original: Any, message: bytes | memoryview) -> Any:
    return load(message) if is_joined(message) else original(message)

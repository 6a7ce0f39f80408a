"""dask.distributed: arrays of a cluster, and registered types, as framewire's heads and frames.

`register` replaces dask's family of serializers in this process and, given a client, in the
workers of its cluster. Schedulers pass headers and frames on unread: they need nothing. A worker
that has framewire reads what comes also without `register`; see docs/dask.md.

Needs distributed: ``pip install 'framewire[dask]'``.
"""

from collections.abc import Callable, Hashable, Sequence
from importlib import import_module
from threading import Lock
from typing import Any

import numpy as np

from .._calls import loads
from .._codec import Codec
from ..limits import DEEPEST
from ..serializers.objects import dumpers, is_generic, loaders
from .dask_arrays import (
    BOUNDED,
    TRUSTED,
    Made,
    dump_array,
    dump_masked,
    field_of,
    load_array,
    load_masked,
)
from .exact import dumps_exactly, has_hooks

try:
    from distributed import Client, WorkerPlugin
    from distributed.protocol import dask_deserialize
    from distributed.protocol.serialize import families, register_serialization_family
except ImportError as error:
    raise ImportError(
        "framewire.compat.dask needs distributed: pip install 'framewire[dask]'"
    ) from error

__all__ = ["register", "unregister"]

_dask = families["dask"]  # as it was found by the first `register`
_users: set[Hashable] = set()  # who has it switched on: workers and clients, None for neither
_switching = Lock()

# ---- into a header and frames, out of them

# By exact type; each gives None for what framewire would not carry as dask does.
_ARRAYS: dict[type, Callable[[Any], Made | None]] = {
    np.ndarray: dump_array,
    np.memmap: dump_array,
    np.ma.MaskedArray: dump_masked,
}


def _load(header: dict[str, Any], frames: Sequence[Any], codec: Codec = BOUNDED) -> Any:
    if "strides" in header:
        return load_array(header, frames, codec)
    if "data" in header:
        return load_masked(header, frames, codec)
    return loads([field_of(header, "head"), *frames], copy=True, codec=codec)


# ---- dask's own family: what a reader unpickles, and what it imports for that, is the sender's


class _Carried:
    """What dask without `register` looks up the reader by; there are none of it."""


def _carried() -> type:
    """Where dask without `register` unpickles the type of what came: have it find the reader."""
    dask_deserialize.register(_Carried, _load_importing)
    return _Carried


_TYPE = b"cframewire.compat.dask\n_carried\n)R."  # a pickle that calls this


def _load_importing(header: dict[str, Any], frames: Sequence[Any]) -> Any:
    """`_load`, for which the modules of the types inside register these, as dask's own would."""
    for name in header.get("modules", ()):
        import_module(name)
    return _load(header, frames, TRUSTED)


def _is_ours(cls: type, registered: type) -> bool:
    """Has who imports the modules of a class, and of the one that serves it, the functions too?

    And are the hooks that pickle would call not passed by?
    """
    functions = dumpers.function(registered)[0], loaders.function(registered)[0]
    return (
        "__main__" not in (cls.__module__, registered.__module__)  # workers have no such one
        and "<locals>" not in cls.__qualname__ + registered.__qualname__
        and all(function.__module__ == registered.__module__ for function in functions)
        and not (is_generic(registered) and has_hooks(cls))
    )


def _leads_to_ours(value: Any) -> bool:
    """Is it of a registered type, or a collection whose first item is, as dask looks at these?"""
    for _ in range(DEEPEST):
        cls = type(value)
        if cls not in (dict, list, tuple, set):
            return dumpers.find(cls) is not None
        if not value:
            break
        value = next(iter(value.values() if cls is dict else value))
    return False


def _dump_importing(value: Any, context: dict[str, Any] | None) -> Made | None:
    """A value of registered types, or None if it is to be pickled."""
    try:
        (head, *frames), classes = dumps_exactly(value, context, BOUNDED, _is_ours)
    except NotImplementedError:
        return None
    modules = sorted({cls.__module__ for cls in classes})
    return {"head": bytes(head), "modules": modules}, frames


def _dask_dumps(x: Any, context: dict[str, Any] | None = None) -> Made:
    """dask's own for what framewire does not carry."""
    cls = type(x)
    if cls in _ARRAYS:
        made = _ARRAYS[cls](x)
    else:
        made = _dump_importing(x, context) if _leads_to_ours(x) else None
    if made is None:
        theirs: Made = _dask[0](x, context=context)
        return theirs
    return {"type": cls.__name__, "type-serialized": _TYPE, "sub-header": made[0]}, made[1]


def _dask_loads(header: dict[str, Any], frames: Sequence[Any]) -> Any:
    if header["type-serialized"] == _TYPE:
        return _load_importing(header["sub-header"], frames)
    return _dask[1](header, frames)


# ---- the family of framewire's own name: nothing is unpickled, nor imported because of what came


def _framewire_dumps(x: Any, context: dict[str, Any] | None = None) -> Made:
    """What comes back as it is; the next family's is the rest."""
    cls = type(x)
    if cls in _ARRAYS:
        made = _ARRAYS[cls](x)
    else:
        (head, *held), _ = dumps_exactly(x, context, BOUNDED)
        made = {"head": bytes(head)}, held
    if made is None:
        raise NotImplementedError(f"an array of {x.dtype}")
    return made


def _framewire_off(x: Any) -> Made:
    raise NotImplementedError("after unregister")


# ---- switched on and off


def _switch_on(user: Hashable) -> None:
    global _dask
    with _switching:
        if not _users:
            _dask = families["dask"]
            register_serialization_family("dask", _dask_dumps, _dask_loads)
            register_serialization_family("framewire", _framewire_dumps, _load)
        _users.add(user)


def _switch_off(user: Hashable) -> None:
    with _switching:
        if user in _users:
            _users.remove(user)
            if not _users:
                families["dask"] = _dask
                # for what is on its way
                register_serialization_family("framewire", _framewire_off, _load)


class _Plugin(WorkerPlugin):  # type: ignore[misc]
    """`register` in a worker: in those that there are and those that will be."""

    def __init__(self, client: Any) -> None:
        self.name = f"framewire-{client.id}"  # each client's is its own to remove

    def setup(self, worker: Any) -> None:
        _switch_on((worker.id, self.name))

    def teardown(self, worker: Any) -> None:
        _switch_off((worker.id, self.name))


async def _add_plugin(client: Any) -> Any:
    plugin = _Plugin(client)
    try:
        return await client.register_plugin(plugin)
    except BaseException:
        _switch_off(client.id)
        try:  # with those workers that took it, and those to come
            await client.unregister_worker_plugin(plugin.name)
        except Exception:  # of those that did not: the reason is the error above
            pass
        raise


async def _remove_plugin(client: Any) -> Any:
    try:
        return await client.unregister_worker_plugin(_Plugin(client).name)
    except ValueError:  # the scheduler has none of this name, any more perhaps
        return {}


async def _nothing() -> dict[str, Any]:
    return {}


# ---- what users call


def _check_client(client: Any) -> None:
    if not isinstance(client, Client):
        raise TypeError(f"a distributed.Client, or nothing, not {type(client).__name__}")


def register(client: Any = None) -> Any:
    """Have numpy arrays, masked arrays and registered types travel as framewire has them.

    The families of serializers of this process are replaced, "dask" by one that leaves to dask's
    own all that is not said here; ``"framewire"`` is added, for ``serializers=`` and
    ``deserializers=`` of a client: all that `framewire.serialize` takes, and never a pickle.
    Reading needs nothing but that framewire is installed there.

    Parameters
    ----------
    client : distributed.Client, optional
        Also in all workers of its cluster, those that come later too, until this client's
        `unregister`.

    Returns
    -------
    object
        What ``client.register_plugin`` does: to be awaited if the client is asynchronous.

    Raises
    ------
    TypeError
        No client.
    ValueError
        The client is closed.
    Exception
        The client's own for an ImportError in a worker: it has no framewire. Nothing is registered
        then.

    Examples
    --------
    >>> import numpy as np
    >>> from distributed.protocol import deserialize, serialize
    >>> from framewire.compat import dask
    >>> dask.register()
    >>> header, frames = serialize(np.arange(3))
    >>> header["sub-header"]["head"][:2].hex(), len(frames)
    ('c146', 1)
    >>> deserialize(header, frames)
    array([0, 1, 2])
    >>> dask.unregister()
    """
    if client is None:
        _switch_on(None)
        return None
    _check_client(client)
    if client.status == "closed":
        raise ValueError("a client that is closed")
    _switch_on(client.id)
    return client.sync(_add_plugin, client)


def unregister(client: Any = None) -> Any:
    """Undo `register` with the same argument; what others registered stays.

    It may be called again, and without `register`. What was sent before can still be read. Of a
    client that is closed only this process forgets; its workers stay registered.

    Parameters
    ----------
    client : distributed.Client, optional

    Returns
    -------
    object
        What ``client.unregister_worker_plugin`` does, or an empty dict if the scheduler has no such
        plugin: to be awaited if the client is asynchronous.

    Raises
    ------
    TypeError
        No client.
    """
    if client is None:
        _switch_off(None)
        return None
    _check_client(client)
    _switch_off(client.id)
    if client.status != "closed":
        return client.sync(_remove_plugin, client)
    return _nothing() if client.asynchronous else {}

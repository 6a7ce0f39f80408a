"""dask.distributed: arrays of a cluster, and registered types, as framewire's heads and frames.

`register` replaces dask's family of serializers in this process and, given a client, in the
workers of its cluster. Schedulers pass headers and frames on unread: they need nothing. A worker
that has framewire reads what comes also without `register`; see docs/dask.md.

Needs distributed: ``pip install 'framewire[dask]'``.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from .._arrays import loads_array
from .._calls import dumps, dumps_apart, loads
from .._codec import SAFE, Codec
from ..errors import RefusedError
from ..serializers.objects import dumpers

try:
    from distributed import WorkerPlugin
    from distributed.protocol import (
        dask_deserialize,
        dask_serialize,
    )
    from distributed.protocol.serialize import (
        families,
        register_serialization_family,
    )
except ImportError as error:
    raise ImportError(
        "framewire.compat.dask needs distributed: pip install 'framewire[dask]'"
    ) from error

__all__ = ["register", "unregister"]

_Made = tuple[dict[str, Any], list[Any]]  # what a family's dumps gives: a header and frames

_ALIGNED = 1 << 20  # bytes: beyond, a copy costs more than several passes over unaligned memory
_CODEC = Codec("auto", allow=SAFE)
_dask = families["dask"]  # as it was found by the first `register`
_users: set[str | None] = set()  # workers of this process, None for `register` itself

# ---- into a header and frames, out of them


def _own_bytes(array: np.ndarray) -> memoryview:
    """The memory of a contiguous array, writable if it is."""
    turned = array if array.flags.c_contiguous else array.T
    return np.ndarray(array.nbytes, np.uint8, turned).data


def _dump_array(array: np.ndarray) -> _Made:
    """The head and memory of an array; what dask restores and a head does not say beside it."""
    if array.itemsize == 0:  # dask's own business
        raise TypeError("items of no bytes")
    header: dict[str, Any] = {}
    strides, writeable = array.strides, array.flags.writeable
    if not array.flags.forc:
        if 0 in strides:  # of a repeated axis its first item
            header["shape"] = array.shape
            array = array[tuple([slice(None if stride else 1) for stride in strides])]
        if not array.flags.forc:
            array = np.ascontiguousarray(array)
            writeable = writeable if header else True
            strides = tuple([to and at for at, to in zip(array.strides, strides, strict=True)])
    header["head"] = bytes(dumps_apart(array, "array", None)[0])
    header["strides"] = strides
    header["writeable"] = writeable
    return header, [_own_bytes(array)]


def _load_array(header: dict[str, Any], frames: Sequence[Any]) -> np.ndarray:
    """The array: in its frame's memory if that is large or aligned, and writable if need be."""
    (frame,) = frames
    size = memoryview(frame).nbytes
    # what is large is not to be copied for being unaligned: only memory of its size is looked at
    described = frame if size <= _ALIGNED else np.empty(size, np.uint8)
    array = loads_array((header["head"], described), codec=_CODEC)
    shape, strides = header.get("shape", array.shape), header["strides"]
    if array.base is None:  # a copy
        array.flags.writeable = True
        if "shape" in header or array.strides != strides:
            array = np.ndarray(shape, array.dtype, _own_bytes(array), 0, strides)
    else:
        array = np.ndarray(shape, array.dtype, frame, 0, strides)
    if not header["writeable"]:
        array.flags.writeable = False
    elif not array.flags.writeable:  # the frame is not, as of decompressed bytes
        array = np.require(array, requirements="W")
    return array


def _dump_masked(array: Any) -> _Made:
    data, frames = _dump_array(array.data)
    header = {"data": data, "fill": dumps(array.fill_value, serializer="array", packed=True)[0]}
    if array.mask is not np.ma.nomask:
        header["mask"], more = _dump_array(array.mask)
        frames += more
    return header, frames


def _load_masked(header: dict[str, Any], frames: Sequence[Any]) -> Any:
    data = _load_array(header["data"], frames[:1])
    mask = _load_array(header["mask"], frames[1:]) if "mask" in header else np.ma.nomask
    fill = loads(header["fill"], codec=_CODEC)
    return np.ma.MaskedArray(data, mask=mask, fill_value=fill)


def _dump_value(value: Any, context: dict[str, Any] | None = None) -> _Made:
    try:
        head, *frames = dumps_apart(value, "auto", context)
    except (TypeError, ValueError) as error:  # it, or something in it: the next family's
        raise NotImplementedError(str(error)) from error
    return {"head": bytes(head), "module": type(value).__module__}, frames


def _load_value(header: dict[str, Any], frames: Sequence[Any]) -> Any:
    return loads([header["head"], *frames], copy=True, codec=_CODEC)


def _load(header: dict[str, Any], frames: Sequence[Any]) -> Any:
    if "strides" in header:
        return _load_array(header, frames)
    if "data" in header:
        return _load_masked(header, frames)
    return _load_value(header, frames)


# ---- dask's families


class _Carried:
    """What dask without `register` looks up the reader by; there are none of it."""


def _carried() -> type:
    """Where dask without `register` unpickles the type of what came: have it find the reader."""
    dask_deserialize.register(_Carried, _load_importing)
    return _Carried


_TYPE = b"cframewire.compat.dask\n_carried\n)R."  # a pickle that calls this


def _load_importing(header: dict[str, Any], frames: Sequence[Any]) -> Any:
    """`_load`, for dask's own family, which imports the modules of types as it unpickles them."""
    try:
        return _load(header, frames)
    except RefusedError:
        if "module" not in header:
            raise
    import_module(header["module"])
    return _load(header, frames)


def _dask_dumps(x: Any, context: dict[str, Any] | None = None) -> _Made:
    """dask's own for what framewire does not carry."""
    cls = type(x)
    try:
        if cls is np.ndarray or cls is np.memmap:
            header, frames = _dump_array(x)
        elif cls is np.ma.MaskedArray:
            header, frames = _dump_masked(x)
        elif _is_ours(cls):
            header, frames = _dump_value(x, context)
        else:
            raise NotImplementedError
    except (TypeError, ValueError, NotImplementedError):
        theirs: _Made = _dask[0](x, context=context)
        return theirs
    return {"type": cls.__name__, "type-serialized": _TYPE, "sub-header": header}, frames


def _dask_loads(header: dict[str, Any], frames: Sequence[Any]) -> Any:
    if header["type-serialized"] == _TYPE:
        return _load_importing(header["sub-header"], frames)
    return _dask[1](header, frames)


def _framewire_dumps(x: Any, context: dict[str, Any] | None = None) -> _Made:
    """The family of framewire's own name: all that `serialize` takes, and nothing by a pickle."""
    cls = type(x)
    try:
        if cls is np.ndarray or cls is np.memmap:
            return _dump_array(x)
        if cls is np.ma.MaskedArray:
            return _dump_masked(x)
    except (TypeError, ValueError) as error:
        raise NotImplementedError(str(error)) from error
    return _dump_value(x, context)


def _is_ours(cls: type) -> bool:
    """Is it a registered type that workers can have? They have no such ``__main__``."""
    return dumpers.find(cls) is not None and cls.__module__ != "__main__"


def _dispatch(cls: type) -> Any:
    """dask's look-up, by which it also decides whether to look into a list or dict."""
    try:
        return type(dask_serialize).dispatch(dask_serialize, cls)
    except TypeError:
        if _is_ours(cls):
            return _dump_value
        raise


# ---- what users call


def _switch_on(user: str | None) -> None:
    global _dask
    if not _users:
        _dask = families["dask"]
        register_serialization_family("dask", _dask_dumps, _dask_loads)
        register_serialization_family("framewire", _framewire_dumps, _load)
        vars(dask_serialize)["dispatch"] = _dispatch
    _users.add(user)


def _switch_off(user: str | None) -> None:
    if user not in _users:
        return
    _users.discard(user)
    if not _users:
        families["dask"] = _dask
        del families["framewire"], vars(dask_serialize)["dispatch"]


class _Plugin(WorkerPlugin):  # type: ignore[misc]
    """`register` in a worker: in those that there are and those that will be."""

    name = "framewire"

    def setup(self, worker: Any) -> None:
        _switch_on(worker.id)

    def teardown(self, worker: Any) -> None:
        _switch_off(worker.id)


def register(client: Any = None) -> Any:
    """Have numpy arrays, masked arrays and registered types travel as framewire has them.

    The families of serializers of this process are replaced, "dask" by one that leaves to dask's
    own all that is not said here; ``"framewire"`` is added, for ``serializers=`` and
    ``deserializers=`` of a client: all that `framewire.serialize` takes, and never a pickle.
    Reading needs nothing but that framewire is installed there.

    Parameters
    ----------
    client : distributed.Client, optional
        Also in all workers of its cluster, those that come later too.

    Returns
    -------
    object
        What ``client.register_plugin`` does: to be awaited if the client is asynchronous.

    Raises
    ------
    Exception
        The client's own for an ImportError in a worker: it has no framewire.

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
    _switch_on(None)
    return None if client is None else client.register_plugin(_Plugin())


def unregister(client: Any = None) -> Any:
    """Undo `register`, with the same argument. What was sent before can still be read.

    Parameters
    ----------
    client : distributed.Client, optional

    Returns
    -------
    object
        What ``client.unregister_worker_plugin`` does: to be awaited if the client is asynchronous.
    """
    _switch_off(None)
    return None if client is None else client.unregister_worker_plugin(_Plugin.name)

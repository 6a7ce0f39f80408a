"""Values as a header and frames: the functional form, by dask's names and with its meanings."""

import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, overload

from ._calls import dumps_apart, loads, parse_head
from ._codec import Codec, default_codec
from .errors import DecodeError
from .serializers.objects import Dispatch, dumpers, loaders

__all__ = ["deserialize", "serialize"]

_F = TypeVar("_F", bound=Callable[..., Any])


class _Registering:
    """A function that has `register` and `register_lazy`, for types."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch

    @overload
    def register(self, cls: type, function: _F) -> _F: ...
    @overload
    def register(self, cls: type, function: None = None) -> Callable[[_F], _F]: ...
    def register(self, cls: type, function: Any = None) -> Any:
        """Register a function for a type and its subclasses; a decorator without `function`.

        For `serialize`, ``function(value) -> (header, frames)``, as the `dumps` of
        `register_serializer`; for `deserialize`, ``function(header, frames) -> value``, as its
        `loads`.
        """
        return self._dispatch.register(cls, function)

    @overload
    def register_lazy(self, module: str, function: _F) -> _F: ...
    @overload
    def register_lazy(self, module: str, function: None = None) -> Callable[[_F], _F]: ...
    def register_lazy(self, module: str, function: Any = None) -> Any:
        """Register a function that registers types, for when one of a module is first met.

        `module` is a top-level name, as "torch". The function takes no arguments. A decorator
        without `function`.
        """
        return self._dispatch.register_lazy(module, function)


class _Serialize(_Registering):
    def __call__(
        self,
        x: Any,
        serializers: str | Sequence[str] | None = None,
        on_error: str = "message",
        context: dict[str, Any] | None = None,
    ) -> tuple[dict[str, Any], list[bytes | memoryview]]:
        """A value as a header and frames.

        Parameters
        ----------
        x : object
        serializers : str or sequence of str, optional
            The first of them that takes `x`; the default codec's serializer if it is not given.
        on_error : {"message", "raise"}
            What to do if none does: give the text of the error, which `deserialize` raises; or
            raise it.
        context : dict, optional
            Given to functions that users registered with a parameter of that name.

        Returns
        -------
        header : dict
            Small; plain values and bytes.
        frames : list of bytes and memoryview
            An array is exactly one of them. They alias the arrays and buffers of `x`: do not write
            to these as long as you need the frames.

        Raises
        ------
        TypeError
            With ``on_error="raise"``: nothing takes `x`, or something in it.
        ValueError
            No such serializer, or not one of the words for `on_error`.
        """
        if on_error not in ("message", "raise"):
            raise ValueError(f"on_error is 'message' or 'raise', not {on_error!r}")
        try:
            head, *frames = dumps_apart(x, serializers, context)
        except Exception as error:
            if on_error == "raise":
                raise
            text = "".join(traceback.format_exception_only(type(error), error)).strip()
            return {"serializer": "error"}, [text.encode("utf-8", "backslashreplace")]
        found = parse_head([head])
        assert found is not None
        return {"serializer": found[1], "head": bytes(head)}, frames


class _Deserialize(_Registering):
    def __call__(
        self,
        header: dict[str, Any],
        frames: Iterable[Any],
        deserializers: Iterable[str] | None = None,
    ) -> Any:
        """The value of a header and frames, which are left as they are.

        Parameters
        ----------
        header : dict
        frames : iterable of buffers
            What is over 8 KiB in the value is a view of them.
        deserializers : iterable of str, optional
            The names of the serializers that are allowed; those of the default codec if it is not
            given.

        Returns
        -------
        object
            What `serialize` was given; see `recv_value` for what comes back as what.

        Raises
        ------
        RefusedError
            The serializer is not allowed.
        TypeError
            `serialize` failed, with this text.
        DecodeError
            They are not what they claim to be.
        """
        if not isinstance(header, dict):
            raise DecodeError("a header that serialize did not make", "foreign")
        if header.get("serializer") == "error":
            raise TypeError(b"".join(bytes(frame) for frame in frames).decode("utf-8", "replace"))
        head = header.get("head")
        if not isinstance(head, (bytes, bytearray, memoryview)):
            raise DecodeError("a header that serialize did not make", "foreign")
        codec = default_codec() if deserializers is None else Codec(allow=deserializers)
        return loads([head, *frames], codec=codec)


_Serialize.__doc__ = _Serialize.__call__.__doc__  # for help()
_Deserialize.__doc__ = _Deserialize.__call__.__doc__

serialize = _Serialize(dumpers)
deserialize = _Deserialize(loaders)

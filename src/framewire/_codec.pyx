"""How to encode and what to accept: one immutable object, set at four levels."""

import os
import threading

from .compression import compressor
from .errors import LimitError, RefusedError
from .limits import Limits, check_is_limits
from .serializers import registry
from .signing import Keys, as_keys

from libc.stdint cimport uint8_t

from ._c cimport fw_head_t

cimport cython

cdef extern from "Python.h":
    object PyObject_GenericGetDict(object, void *)

__all__ = ["SAFE", "Codec", "as_codec", "codec_for", "default_codec", "note_codec", "set_default_codec"]

# What a receiver takes unless it says otherwise: what cannot run what the sender chose. "user" is
# every serializer that was registered in this process and not called unsafe.
SAFE = frozenset(
    ["raw", "array", "json", "msgpack", "record", "protobuf", "flatbuffers", "capnp", "arrow", "user"]
)


def _names(value, what):
    """A str or an iterable of them as a tuple, or TypeError."""
    names = (value,) if isinstance(value, str) else tuple(value)
    if not all([isinstance(name, str) for name in names]):
        raise TypeError(f"{what} takes names of serializers, not {value!r}")
    return names


@cython.final
cdef class Codec:
    """How to encode and what to accept. Immutable.

    It is set at four levels: for the process (`set_default_codec`), a `Context`, a `Socket` and a
    call. What is not set is inherited from the level above, once, when the codec is assigned.

    Parameters
    ----------
    serializer : str or sequence of str, optional
        What `send_value` and `dumps` encode with. "auto", the default, picks by type: arrays, raw
        buffers, registered types, else "msgpack"; never a pickle. In a sequence, one that does not
        take the value gives way to the next.
    allow : iterable of str, optional
        The names of the serializers that a receiver takes; `SAFE` by default. Others are refused
        from the head alone, before the payload is looked at. ``SAFE | {"pickle"}`` adds one:
        reading a pickle runs what the sender chose. "user" stands for all of your own that are not
        registered as unsafe, "arrow.extension" for Arrow's extension types, "blosc2" for messages
        that are compressed by it.
    limits : Limits, optional
        How much of a receiver a message may ask for.
    compression : str, optional
        A sender's method: "zlib", "zstd", "lz4", "blosc2", or "none", the default; with a level as
        in "zstd:9". Each buffer of 256 bytes and more is compressed by itself, and sent as it is
        where that is not shorter. A receiver takes all methods whose library is installed, but
        blosc2 only where `allow` names it.
    key : bytes, or dict of int to bytes, optional
        A secret of 16 bytes or more, from `secrets.token_bytes`, that both ends have: bytes alone
        have the number 0. Of several the first signs, which says its number. Each message with a
        head is signed, and stamped; a receiver refuses what is not signed by one of them, and what
        came before (`SignatureError`). ``{}``, the default, is no key. See docs/security.md.
    stamp : bool, optional
        On a sender: each message with a head says which of the socket's it is and when it was sent,
        which takes 24 bytes; `Message.stamp` shows it. On any socket: count what is sent and
        received, for `stats`. False by default; a key implies it.
    schema : int, optional
        Records are sent with their schema in the first message of their kind on a socket, for each
        topic, and in every one of so many; 0, the default, is never. Without a socket, as in
        `dumps`, always unless it is 0.

    Raises
    ------
    TypeError
        Not what is said here. Whether a serializer exists is asked when it is first used
        (ValueError).
    ValueError
        `schema` is negative, or 2**31 and more; an unknown method of compression, or level; a short
        key.
    """

    def __cinit__(
        self, serializer=None, *, allow=None, limits=None, compression=None, key=None, stamp=None,
        schema=None, **unknown
    ):
        if unknown:
            raise TypeError(f"Codec() has no argument {next(iter(unknown))!r}")
        if serializer is not None:
            names = _names(serializer, "serializer")
            serializer = serializer if isinstance(serializer, str) else names
            if not names:
                raise ValueError("an empty sequence of serializers")
        if allow is not None:
            allow = frozenset(_names(allow, "allow"))
        check_is_limits(limits)
        if compression is not None:
            self.compressor = compressor(compression)
        if key is not None:
            key = as_keys(key)
        if stamp is not None and not isinstance(stamp, bool):
            raise TypeError(f"stamp must be a bool, not {type(stamp).__name__}")
        if schema is not None:
            if type(schema) is not int:
                raise TypeError(f"schema must be an int, not {type(schema).__name__}")
            if not 0 <= schema < 2**31:
                raise ValueError(f"a schema every {schema} messages")
        global sealing
        self.serializer = serializer
        self.allow = allow
        self.limits = limits
        self.compression = compression
        self.key = key
        self.stamp = stamp
        self.schema = schema
        self.resolved = None not in self._key()
        if self.resolved:
            self.most_size = limits.size
            self.most_frames = limits.frames
            self.most_meta = limits.meta
            self.most_dimensions = limits.ndim
            self.depth = limits.depth
            self.most_items = limits.items
            self.most_keys = limits.keys
            self.spread = limits.spread
            self.signs = bool(key)
            self.stamps = stamp or self.signs
            if self.stamps or self.compressor is not None:
                sealing = True
            self.schemas = schema
            for id, name in registry.NAMES.items():
                self.takes[id] = name in allow
            self.takes[registry.USER] = False

    cdef Codec over(self, Codec above):
        """This codec, with what is not set taken from a resolved one."""
        if self.resolved:
            return self
        if self.above is not above:
            self.result = Codec(
                above.serializer if self.serializer is None else self.serializer,
                allow=above.allow if self.allow is None else self.allow,
                limits=above.limits if self.limits is None else self.limits,
                compression=above.compression if self.compression is None else self.compression,
                key=above.key if self.key is None else self.key,
                stamp=above.stamp if self.stamp is None else self.stamp,
                schema=above.schema if self.schema is None else self.schema,
            )
            self.above = above
        return self.result

    cdef int refuse(self, uint8_t serializer, str name) except -1:
        """Raise RefusedError, unless it is one of the user's that is allowed."""
        if serializer == registry.USER:
            if name in self.allow:
                return 0
            if "user" in self.allow and not registry.by_name(name).unsafe:
                return 0
        else:
            name = registry.NAMES[serializer]
        raise RefusedError(
            f"a message of the serializer {name!r}, which is not allowed: "
            f"Codec(allow=[{name!r}, ...]) would take it",
            "refused",
            3,
        )

    cdef int over_limit(self, const fw_head_t *head, Py_ssize_t frames) except -1:
        """Raise LimitError for what `admit` does not take."""
        for name, what, most in [
            ("size", head.payload, self.most_size),
            ("frames", max(<size_t>frames, head.buffers), self.most_frames),
            ("meta", head.meta_size, self.most_meta),
            ("ndim", head.ndim, self.most_dimensions),
        ]:
            if what > most:
                raise limit_error(name, what, most)
        return 0

    cdef int admit_foreign(self, uint64_t size, Py_ssize_t frames) except -1:
        """`admit`, of a message without a head."""
        if size > self.most_size:
            raise limit_error("size", size, self.most_size)
        if <size_t>frames > self.most_frames:
            raise limit_error("frames", frames, self.most_frames)
        return 0

    def __eq__(self, other):
        if not isinstance(other, Codec):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __reduce__(self):
        return _make, self._key()

    def __repr__(self):
        serializer, allow, *others = self._key()
        fields = zip(_FIELDS, (serializer, allow and sorted(allow), *others))
        known = [f"{name}={value!r}" for name, value in fields if value is not None]
        return f"Codec({', '.join(known)})"

    def _key(self):
        return (
            self.serializer, self.allow, self.limits, self.compression, self.key, self.stamp,
            self.schema,
        )


_FIELDS = ("serializer", "allow", "limits", "compression", "key", "stamp", "schema")


def _make(*fields):
    return Codec(**dict(zip(_FIELDS, fields)))


def limit_error(name, what, most):
    return LimitError(
        f"{what} is over Limits({name}={most}), which could be larger", "limit", None, name
    )


cdef Codec base = Codec(
    "auto", allow=SAFE, limits=Limits(), compression="none", key={}, stamp=False, schema=0
)
cdef Codec default = None   # for the process; None until it is first used
sealing = False
cdef bint anywhere = False  # has any context or socket a codec of its own?


cdef Codec current_default():
    global default
    if default is None:
        default = Codec(os.environ.get("FRAMEWIRE_SERIALIZER") or None).over(base)
    return default


def default_codec():
    """The codec of the process. See `set_default_codec`.

    Returns
    -------
    Codec
        Everything in it is set.
    """
    return current_default()


def set_default_codec(codec=None, *, serializer=None):
    """Set the codec of the process: for sockets, and new contexts, that have none of their own.

    Parameters
    ----------
    codec : Codec, str or sequence of str, optional
        What it does not set is as at first. Without arguments all is as at first: the serializer
        that the environment variable ``FRAMEWIRE_SERIALIZER`` names, or "auto".
    serializer : str or sequence of str, optional
        Short for ``Codec(serializer)``.

    Raises
    ------
    TypeError
        Both, or no codec.
    """
    global default
    chosen = as_codec(codec, serializer)
    default = None if chosen is None else (<Codec>chosen).over(base)


def as_codec(codec, serializer=None):
    """What a level was given, as a Codec or None: a codec, or the short form."""
    if serializer is not None:
        if codec is not None:
            raise TypeError("codec or serializer, not both: a codec has one")
        if not isinstance(serializer, (str, tuple, list)):
            raise TypeError(f"serializer must be a name or several, not {type(serializer).__name__}")
        codec = serializer
    if codec is None or isinstance(codec, Codec):
        return codec
    if isinstance(codec, (str, tuple, list)):
        return Codec(codec)
    raise TypeError(f"codec must be a Codec, not {type(codec).__name__}")


def note_codec(codec, above):
    """Resolve a codec for a context or socket, and look for codecs there from now on."""
    global anywhere
    anywhere = True
    if codec is None:
        return above
    return (<Codec>codec).over(current_default() if above is None else above)


# While a function that users registered reads, the codec of the call that it is in, and how many
# more containers may be entered: what `loads` obeys inside it. Each thread has its own.
reading = threading.local()
cdef Py_ssize_t readers = 0  # such functions under way, in all threads


cdef object read_inside(
    Codec codec, int depth, object function, object header, list frames, dict context
):
    """Call a function that reads, which may itself call `loads`. `context` is None if it takes none."""
    global readers
    outer = inside()
    reading.inside = codec, depth
    readers += 1
    try:
        if context is None:
            return function(header, frames)
        return function(header, frames, context=context)
    finally:
        readers -= 1
        reading.inside = outer


cdef tuple inside():
    """The codec and the depth of the call that this is inside of, or None."""
    return getattr(reading, "inside", None) if readers > 0 else None


cdef dict attributes_of(object socket):
    """The attributes of a socket, None where its type has none."""
    try:
        return PyObject_GenericGetDict(socket, NULL)
    except AttributeError:
        return None


def codec_for(socket, codec):
    """The codec of a call on a socket that may have passed its own."""
    return codec_of(socket, codec)


cdef Codec codec_of(object socket, object given):
    """The codec of a call on a socket, or on none, that may have passed its own."""
    cdef Codec above = None
    cdef dict attributes
    if anywhere and socket is not None:
        attributes = attributes_of(socket)
        if attributes is not None:
            above = attributes.get("_codec")
    if above is None:
        above = current_default()
    if given is None:
        return above
    return (<Codec>as_codec(given)).over(above)

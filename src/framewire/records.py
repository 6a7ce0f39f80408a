"""Records: fixed binary structs as classes, defined once, packed and read in C."""

import dataclasses
import functools
import inspect
import sys
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from ._records import Field, RecordBase
from ._recordtype import make_fast
from ._schema import MISSING, Schema
from .fields import FieldType, field_type, struct_types
from .schema import Definition, extended, schema_for_dtype, schema_of_form

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**about: Any) -> Callable[[Any], Any]:
        return lambda cls: cls


__all__ = [
    "DEFINED",
    "OLDER",
    "Record",
    "RecordMeta",
    "class_inside",
    "class_of_dtype",
    "make_class",
    "record",
    "records_of",
]


# The classes that this process has defined, by fingerprint, of two the later one; and by those of
# the older versions that they take.
DEFINED: dict[int, type["Record"]] = {}
OLDER: dict[int, type["Record"]] = {}


def _own_hints(cls: type) -> dict[str, Any]:
    """What a class annotates itself, of its instances; text is evaluated."""
    hints = inspect.get_annotations(cls, eval_str=True)
    found = {}
    for name, hint in hints.items():
        value = vars(cls).get(name)
        if not _is_class_variable(hint):
            found[name] = hint
        elif isinstance(value, FieldType) and value.form is None:
            found[name] = value  # padding
    return found


def _is_class_variable(hint: Any) -> bool:
    return hint is typing.ClassVar or typing.get_origin(hint) is typing.ClassVar


def _descriptors(schema: Schema, learned: bool = False) -> dict[str, Field]:
    """What a class has under the names of its fields. One that was learned has them where it can.

    Raises
    ------
    TypeError
        A name that records use.
    """
    found = {field.name: field for field in schema.fields if not _is_reserved(field.name)}
    if not learned:
        for field in schema.fields:
            if field.name not in found:
                raise TypeError(f"{field.label}: a field cannot have this name")
    return found


def _define(cls: Any) -> None:
    """Take the messages of a class from now on."""
    DEFINED[cls._schema.fingerprint] = cls
    OLDER.update(dict.fromkeys(cls._schema.older, cls))


def _is_reserved(name: str) -> bool:
    """Is it a name that records or their classes use?"""
    return name.startswith("_") or hasattr(RecordBase, name) or name in vars(RecordMeta)


def _check_bases(cls: type) -> None:
    """Of the bases with fields one has those of all others before its own. Raises TypeError."""
    known: list[Any] = [base for base in cls.__bases__ if getattr(base, "_schema", None)]
    for base in known[1:]:
        if base._schema is not known[0]._schema and not issubclass(known[0], base):
            raise TypeError(f"{cls.__name__}: fields of {known[0].__name__} and of {base.__name__}")


class RecordMeta(type):
    """The class of classes of records: what they say of their layout."""

    _schema: Schema | None

    def __new__(
        mcs,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        learned: bool = False,
        **kwargs: Any,
    ) -> Any:
        namespace.setdefault("__slots__", ())
        cls: Any = super().__new__(mcs, name, bases, namespace, **kwargs)
        _check_bases(cls)
        if hints := _own_hints(cls):
            own = _definitions(cls, hints, dict(vars(cls)))
            cls._schema = extended(cls._schema, name, own)
            for field in _descriptors(cls._schema).items():
                setattr(cls, *field)
        if cls._schema is not None:
            make_fast(mcs, cls)
        if not learned and (hints or namespace.get("_schema")):
            _define(cls)
        return cls

    @property
    def dtype(cls) -> np.dtype[Any]:
        """The numpy dtype with the same bytes: packed, fields by their names.

        Raises
        ------
        TypeError
            A field is a variable tail, which no dtype has.
        """
        schema = cls._known_schema()
        if schema.dtype is None:
            tails = [field.name for field in schema.fields if field.form in ("str", "bytes")]
            raise TypeError(f"{cls.__name__} has no dtype: {', '.join(tails)} is of any length")
        dtype: np.dtype[Any] = schema.dtype
        return dtype

    @property
    def schema(cls) -> str:
        """The schema: canonical JSON (docs/wire-format.md, "Records")."""
        return cls._known_schema().text

    @property
    def fingerprint(cls) -> int:
        """The fingerprint of the schema, which each message carries."""
        return cls._known_schema().fingerprint

    @property
    def itemsize(cls) -> int:
        """Bytes of the fixed part."""
        return cls._known_schema().itemsize

    @property
    def fields(cls) -> tuple[Field, ...]:
        """The fields, in order."""
        return cls._known_schema().fields

    def _known_schema(cls) -> Schema:
        if cls._schema is None:
            raise TypeError(f"{cls.__name__} has no fields")
        return cls._schema


@dataclass_transform(frozen_default=True)
class Record(RecordBase, metaclass=RecordMeta):
    """A fixed binary struct; subclasses annotate its fields.

    The fields are packed, little-endian, in the order of the annotations: `u8` to `u64`, `i8` to
    `i64`, `f32`, `f64`, `text`, `blob`, `array`, `pad`, scalar types of numpy, ``bool``, ``int``
    (i64), ``float`` (f64), enumerations (i64, or ``Annotated[Color, u8]``), other records without
    tails, and, as variable tails behind the fixed part, ``str`` and ``bytes``. Values of the class
    body are defaults.

    Instances are immutable, compare by value, and are views: of the bytes that a call of the class
    packs, or of the buffer or message that they were read from, as long as they live. A field is
    read when it is asked for; arrays are read-only views where that is aligned.

    A field that is appended to a class in a later version needs a default. Readers of the old class
    then take the new one's records, and the other way round.

    Raises
    ------
    TypeError
        A field has no type that a record can carry, or a name that records use; a call without a
        value for each field, or with one of another type; the text names the field.
    ValueError
        A value that is out of range or too long for its field.

    Examples
    --------
    >>> from framewire import Record, f32, f64, u32
    >>> class Imu(Record):
    ...     seq: u32
    ...     t: f64
    ...     temp: f32
    ...     msg: str
    >>> imu = Imu(7, 1.5, 20.25, "ok")
    >>> len(imu.pack()), Imu.unpack(imu.pack()).temp
    (26, 20.25)
    """

    _schema: typing.ClassVar[Schema | None] = None


_C = TypeVar("_C")


@overload
@dataclass_transform(frozen_default=True)
def record(definition: type[_C], *, name: str | None = None) -> type[_C]: ...
@overload
def record(
    definition: Any, names: str | Iterable[str] | None = None, *, name: str | None = None
) -> Any: ...
def record(
    definition: Any, names: str | Iterable[str] | None = None, *, name: str | None = None
) -> Any:
    """A class of records from what defines its fields elsewhere; also a decorator.

    Parameters
    ----------
    definition : type, numpy.dtype or str
        A dataclass or another annotated class, whose methods are taken over too, but for those
        that begin with an underscore; a structured dtype, whose offsets and byte orders are kept;
        or a format of `struct`, with `names`.
    names : str or iterable of str
        The fields' names, one for each value of the format; a str is split at spaces.
    name : str, optional
        Of the class; by default that of `definition`, or "Record". To pickle its instances, it is
        the name that the class has in its module, as for a named tuple.

    Returns
    -------
    type
        A subclass of `Record`. Type checkers do not know that of a decorated class; they know its
        fields.

    Raises
    ------
    TypeError, ValueError
        As for `Record`; not as many names as values.

    Examples
    --------
    >>> import framewire, numpy
    >>> Point = framewire.record(numpy.dtype([("x", "<f4"), ("y", "<f4")]), name="Point")
    >>> Point(1, 2), Point.fingerprint == framewire.record("<ff", "x y").fingerprint
    (Point(x=1.0, y=2.0), True)
    """
    if isinstance(definition, str):
        types, size = struct_types(definition)
        schema = extended(None, name or "Record", _named(types, names), size)
        return _without_statement(schema, sys._getframe(1))
    if isinstance(definition, RecordMeta):
        return definition
    if isinstance(definition, type) and not issubclass(definition, np.generic):
        fields = _of_class(definition)
        if not fields:
            raise TypeError(f"{definition.__name__} has no annotations that are fields")
        made = make_class(
            extended(None, name or definition.__name__, fields), **_methods(definition)
        )
        made.__doc__ = definition.__doc__
        made.__module__ = definition.__module__
        made.__qualname__ = definition.__qualname__ if name is None else name
        return made
    schema = schema_for_dtype(np.dtype(definition), name or "Record", class_inside)
    return _without_statement(schema, sys._getframe(1))


def _without_statement(schema: Schema, caller: Any) -> Any:
    """A class in the module that asked for it, as pickle has to know.

    A class that was defined before, perhaps with defaults, keeps the messages of this schema.
    """
    known = DEFINED.get(schema.fingerprint)
    made = make_class(schema)
    made.__module__ = caller.f_globals.get("__name__", made.__module__)
    if known is not None:
        _define(known)
    return made


def _named(types: Sequence[FieldType], names: str | Iterable[str] | None) -> list[Definition]:
    given = names.split() if isinstance(names, str) else list(names or ())
    values = sum(each.form is not None for each in types)
    if len(given) != values:
        raise ValueError(f"a format of {values} values, and {len(given)} names")
    rest = iter(given)
    return [("_" if each.form is None else next(rest), each, MISSING) for each in types]


def _of_class(cls: type) -> list[Definition]:
    """The fields of an annotated class, with its bases' before its own."""
    hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        hints |= _own_hints(base)
    defaults = dict(getattr(cls, "_field_defaults", {}))  # of a named tuple
    if dataclasses.is_dataclass(cls):
        fields = dataclasses.fields(cls)
        hints = {field.name: hints[field.name] for field in fields}
        for field in fields:
            if field.default_factory is not dataclasses.MISSING:
                defaults[field.name] = field.default_factory()
            elif field.default is not dataclasses.MISSING:
                defaults[field.name] = field.default
    else:
        values = {name: getattr(cls, name, MISSING) for name in hints}
        # what has a __get__ is the class's own: slots, and what named tuples and structs have
        defaults |= {name: each for name, each in values.items() if not hasattr(each, "__get__")}
    return _definitions(cls, hints, defaults)


def _definitions(cls: type, hints: dict[str, Any], defaults: dict[str, Any]) -> list[Definition]:
    found = []
    for name, hint in hints.items():
        try:
            kind = field_type(hint)
        except TypeError as error:
            raise TypeError(f"{cls.__name__}.{name}: {error}") from None
        found.append((name, kind, defaults.get(name, MISSING)))
    return found


def class_inside(form: Any) -> Any:
    """The class of a structure inside another, which has no other name than its field's."""
    return make_class(schema_of_form(form, "Record", class_inside), learned=True)


def _methods(cls: type) -> dict[str, Any]:
    """What an annotated class has besides fields, and what `dataclass` and others wrote into it."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__[:-1]):
        kept = {name: each for name, each in vars(base).items() if not name.startswith("_")}
        found |= {name: each for name, each in kept.items() if not hasattr(RecordBase, name)}
    return found


def make_class(schema: Schema, learned: bool = False, **methods: Any) -> Any:
    """A class with a schema that was made before it."""
    # set later, the names would be interned: on Python 3.12 for ever, whoever sent them
    descriptors = _descriptors(schema, learned)
    namespace = {"_schema": schema, "__module__": "framewire", **methods, **descriptors}
    return RecordMeta(schema.name, (Record,), namespace, learned=learned)


def class_of_dtype(dtype: np.dtype[Any]) -> Any:
    """The class of the rows of a structured array: one that was defined, or one for the purpose."""
    cls = _cached_class(dtype)
    return DEFINED.get(cls.fingerprint, cls)


def _class_without_name(dtype: np.dtype[Any]) -> Any:
    return make_class(schema_for_dtype(dtype, "Record", class_inside), learned=True)


_cached_class = functools.lru_cache(maxsize=256)(_class_without_name)


def records_of(rows: np.ndarray[Any, Any]) -> Iterator[Record]:
    """The rows of a structured array, as records."""
    cls = class_of_dtype(rows.dtype)
    for row in rows:
        yield cls.unpack(row.tobytes())

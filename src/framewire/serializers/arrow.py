"""Apache Arrow (pyarrow): tables and record batches, and pandas data frames; read in place.

One frame, an Arrow IPC stream, which is written once (one copy); the header says what it was:
``table``, ``batch`` or ``pandas``. A received table's buffers are in the message, which it keeps,
and so are those columns of a data frame that pandas can use as they are; ``copy()`` it to write.

pyarrow believes what it reads, so that a wrong offset could read outside the message. `loads`
therefore validates every offset, index and text of what arrived. It does not take compressed
bodies, which could become any size, nor string, binary and list views: what a null of theirs refers
to is not validated, but read by casts. Extension types are code of the receiver's that the sender
picks: they are refused unless `allow` has ``arrow.extension``.
"""

import re
import struct
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa  # type: ignore

from ..errors import LimitError, RefusedError
from .registry import register

EXTENSION = b"ARROW:extension:name"  # the key of a field's metadata
VIEWS = {
    getattr(pa.lib, f"Type_{each}", None)  # None: not in this version of pyarrow
    for each in ("STRING_VIEW", "BINARY_VIEW", "LIST_VIEW", "LARGE_LIST_VIEW")
}
ROOM = 64 << 20  # bytes that any data frame may need
GROWTH = 64  # and bytes for each of the message: one bit of a column becomes a pointer
LONGEST = 1000  # characters in a name of several levels
# What pyarrow raises, besides ValueError, for notes to pandas that make no sense.
ODD = (pa.ArrowException, AttributeError, LookupError, RecursionError, SyntaxError, TypeError)


def dumps(value: Any) -> tuple[str, list[Any]]:
    """The IPC stream of a table, a record batch or a data frame."""
    pandas = sys.modules.get("pandas")
    if isinstance(value, pa.Table):
        header = "table"
    elif isinstance(value, pa.RecordBatch):
        header = "batch"
    elif pandas is not None and isinstance(value, pandas.DataFrame):
        header, value = "pandas", pa.Table.from_pandas(value)
    else:
        raise NotImplementedError(
            f"{type(value).__name__} is no pyarrow Table or RecordBatch, nor a pandas DataFrame"
        )
    _check_types(value.schema)
    count = pa.MockOutputStream()  # first the size, so that nothing has to grow, and be copied
    _write(count, value)
    frame = pa.allocate_buffer(count.size())
    _write(pa.FixedSizeBufferWriter(frame), value)
    return header, [frame]


def loads(
    header: str | None, frames: Sequence[memoryview], context: Mapping[str, Any] | None = None
) -> Any:
    """A table, a record batch or a data frame.

    Raises
    ------
    RefusedError
        It has extension types, and ``context["allow"]`` has not ``arrow.extension``.
    LimitError
        A data frame would need more than 64 times the memory of its message.
    """
    if header not in ("table", "batch", "pandas") or len(frames) != 1:
        raise ValueError("Arrow data is a table, batch or pandas, in one frame")
    extensions = "arrow.extension" in ((context or {}).get("allow") or ())
    stream = pa.py_buffer(frames[0])
    try:
        elements = _check_messages(stream, extensions)
        with pa.ipc.open_stream(stream) as reader:
            _check_types(reader.schema)
            batches = list(reader)
            table = pa.Table.from_batches(batches, reader.schema)
        table.validate(full=True)
    except (pa.ArrowException, OSError, struct.error) as error:
        raise ValueError(f"no Arrow stream: {error}") from error
    if header == "pandas":
        return _to_pandas(table, elements, stream.size)
    if header == "table":
        return table
    if len(batches) != 1:
        raise ValueError(f"a record batch is one, not {len(batches)}")
    return batches[0]


def _check_types(schema: Any) -> None:
    """ValueError for a view, however deep."""
    types = list(schema.types)
    for each in types:  # which grows
        if each.id in VIEWS:
            raise ValueError(f"Arrow views ({each}) are not taken: cast the column")
        if isinstance(each, pa.DictionaryType):
            types.append(each.value_type)
        elif isinstance(each, pa.BaseExtensionType):
            types.append(each.storage_type)
        else:
            types += [each.field(i).type for i in range(each.num_fields)]


def _write(sink: Any, value: Any) -> None:
    with pa.ipc.new_stream(sink, value.schema) as writer:
        writer.write(value)


def _check_messages(stream: Any, extensions: bool) -> int:
    """Look at the messages of a stream before pyarrow makes types and arrays of them.

    Returns
    -------
    int
        How many elements its arrays have, with those of nested arrays and dictionaries.
    """
    elements = 0
    for number, message in enumerate(pa.ipc.MessageReader.open_stream(stream)):
        metadata = message.metadata.to_pybytes()
        if (message.type == "schema") != (number == 0):
            raise ValueError(f"message {number} of an Arrow stream is a {message.type}")
        if number:
            elements += _check_batch(metadata, message.type)
        elif EXTENSION in metadata and not extensions:
            raise RefusedError(
                'Arrow extension types are refused: allow=["arrow.extension", ...] takes them',
                "refused",
            )
    return elements


def _to_pandas(table: Any, elements: int, size: int) -> Any:
    """A data frame; LimitError, or ValueError, for what could become one of any size.

    That is what takes no room in a stream: nulls, runs, and names of a fixed length. And pyarrow
    gives names of several levels to `ast.literal_eval`, which can exhaust the stack with long ones.
    """
    if elements * 8 > GROWTH * size + ROOM:
        raise LimitError(f"a data frame of {elements} elements, in {size} bytes", "limit")
    try:
        notes = table.schema.pandas_metadata or {}
        if "dateutil" in str(notes):  # it would open a file that a time zone names
            raise ValueError("a data frame with time zones of dateutil")
        levels = notes.get("column_indexes", ())
        names = [*table.schema.names, *(str(each["name"]) for each in notes.get("columns", ()))]
        if len(levels) > 1 and any(len(name) > LONGEST for name in names):
            raise ValueError("a data frame's names are too long")
        for level in levels:
            if not re.fullmatch(r"[A-Za-z]+\d{0,3}(\[[^]]*\])?", str(level["numpy_type"])):
                raise ValueError(f"a data frame's names are no {level['numpy_type']!r}")
        return table.to_pandas(split_blocks=True)
    except ODD as error:
        raise ValueError(f"no data frame: {error!r}") from error


# What follows reads two tables of Arrow's Message.fbs, a FlatBuffers schema. pyarrow has verified
# that they are well-formed.


def _check_batch(data: bytes, kind: str) -> int:
    """How many elements a batch has; ValueError if it is compressed."""
    message = struct.unpack_from("<I", data)[0]
    batch = _follow(data, _field(data, message, 2))  # Message.header
    if kind == "dictionary":
        batch = _follow(data, _field(data, batch, 1))  # DictionaryBatch.data
    if _field(data, batch, 3):  # RecordBatch.compression
        raise ValueError("compressed bodies are not taken")
    nodes = _field(data, batch, 1)  # RecordBatch.nodes, a vector of (length, null count)
    if not nodes:
        return 0
    nodes = _follow(data, nodes)
    count = struct.unpack_from("<I", data, nodes)[0]
    return sum(map(abs, struct.unpack_from(f"<{2 * count}q", data, nodes + 4)[::2]))


def _field(data: bytes, table: int, number: int) -> int:
    """Where a field of a table is, or 0."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    slot = 4 + 2 * number
    if slot >= struct.unpack_from("<H", data, vtable)[0]:
        return 0
    offset = struct.unpack_from("<H", data, vtable + slot)[0]
    return table + int(offset) if offset else 0


def _follow(data: bytes, position: int) -> int:
    """Where the offset at a position leads."""
    if not position:
        raise ValueError("a message of the stream is not complete")
    return position + int(struct.unpack_from("<I", data, position)[0])


register("arrow", dumps, loads)

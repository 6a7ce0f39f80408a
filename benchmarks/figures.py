"""The tables that README.md and docs/ show, each made of a run's cases.

A row or a column that the run has nothing for is left out.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .results import Case, Row, Run
from .tables import size as words

NOTABLE = 1.1  # how many times as fast as framewire a peer is that README.md names


@dataclass(frozen=True)
class Column:
    """The row of a case whose contender is one of `keys`: its figure, or how framewire stands."""

    heading: str
    keys: tuple[str, ...]
    figure: bool = False

    def cell(self, case: Case) -> str:
        row = next((row for row in case.rows if row.contender in self.keys), None)
        if row is None:
            return ""
        return case.figure(row) if self.figure else times(case, row)


@dataclass(frozen=True)
class Table:
    """A row for each case, by its title, with another one for people."""

    heading: str
    columns: tuple[Column, ...]
    cases: dict[str, str]  # what a row is called, by the title of the case

    def markdown(self, run: Run) -> str:
        by_title = {case.title: case for case in run.cases}
        found = [(label, by_title[t]) for t, label in self.cases.items() if t in by_title]
        used = [each for each in self.columns if any(each.cell(case) for _, case in found)]
        rows = [
            [label, case.figure(case.rows[0]), *(column.cell(case) for column in used)]
            for label, case in found
        ]
        return grid([self.heading, "framewire", *(column.heading for column in used)], rows)


def grid(headings: list[str], rows: list[list[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def times(case: Case, row: Row) -> str:
    """How many times the row's speed framewire has; for C, how many times its time it takes."""
    speed = case.speed(row)
    ratio = 1 / speed if row.whose == "floor" else speed
    text = f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2f}"
    return text if row.whose == "floor" else f"{text} ×"


DICT = "dict of 4 arrays of 64 KiB and 6 scalars"
BATCHES = "1 KB arrays in batches of 1000"

C = Column("C", ("c-array", "c-inplace", "c-value", "c-bare"))
SUMMARY = Table(
    "",
    (
        Column("pyzmq", ("raw", "raw-inplace", "pyzmq")),
        Column("its recipe", ("recipe", "recipe-inplace")),
        Column("pyomq", ("pyomq",)),
        Column("pickle 5", ("value-pickle", "pickle")),
        Column("msgspec", ("value-msgspec", "msgspec", "msgspec-struct")),
        Column("dask", ("value-dask",)),
        C,
    ),
    {
        "96 B arrays between two processes, tcp": "96 B arrays, tcp",
        "1 KB float64 array, send + receive, inproc, one thread": "1 KB array, sent and"
        " received, inproc",
        "1 MB arrays in place between two processes, ipc": "1 MB arrays in place, ipc",
        "1 KB array ping-pong between two processes, tcp, both on one core, p50": "1 KB array there"
        " and back, tcp, on one core, median",
        "send_multipart + recv_multipart, 24 B and 1 KB, inproc, one thread": "`send_multipart`,"
        " two frames",
        "send_json + recv_json, dict of ten keys, inproc, one thread": "`send_json`, ten keys",
        f"{DICT}, send + receive, inproc, read and compared": "dict with four 64 KiB arrays, sent,"
        " inproc, and read",
        "record of u32, f64, f32 and a text of 17: made, packed, unpacked, all fields read": "a"
        " record of four fields, packed and read",
        "fixed records, a message each, between two processes, tcp": "records of three fields in"
        " batches, tcp",
        "dict of 6 scalars, encode + decode": "dict of six scalars, encoded and decoded",
    },
)
ARRAYS = Table(
    "arrays",
    (
        Column("pyzmq, same bytes", ("raw", "raw-inplace")),
        Column("pyzmq's recipe", ("recipe", "recipe-inplace")),
        Column("pyomq, same bytes", ("pyomq",)),
        C,
    ),
    {
        "96 B arrays between two processes, tcp": "96 B, two processes, tcp",
        "96 B arrays between two processes, ipc": "96 B, two processes, ipc",
        "1 MB arrays in place between two processes, ipc": "1 MB in place, two processes, ipc",
        "1 KB array ping-pong between two processes, tcp, both on one core, p50": "ping-pong of"
        " 1 KB, tcp, one core, median",
        "1 KB array ping-pong between two processes, tcp, both on one core, p99": "the same, 99th"
        " percentile",
        "1 KB float64 array, send + receive, inproc, one thread": "1 KB, one thread, inproc",
        "4 MB array, copy=False, send + receive, inproc, one thread": "4 MB in place, one thread,"
        " inproc",
        "100 kB in-place send of an array, inproc": "100 kB in-place send",
        "another thread computing: 1 KB array, inproc, send + receive": "1 KB, inproc, another"
        " thread computing",
        "another thread computing: 1 KB array, receiver of two processes, tcp": "1 KB, receiver"
        " over tcp, another thread computing",
    },
)
CALLS = Table(
    "pyzmq's own calls, one thread, inproc",
    (
        Column("pyzmq", ("pyzmq",), figure=True),
        Column("", ("pyzmq",)),
    ),
    {
        "send + recv, 100 B, inproc, one thread": "`send` + `recv`, 100 B",
        "send + recv, copy=False, 1 MB, inproc, one thread": "the same with `copy=False`, 1 MB",
        "send_multipart + recv_multipart, 24 B and 1 KB, inproc, one thread": "`send_multipart` +"
        " `recv_multipart`, two frames",
        "send_json + recv_json, dict of ten keys, inproc, one thread": "`send_json` + `recv_json`,"
        " ten keys",
        "send_pyobj + recv_pyobj, dict of three keys, inproc, one thread": "`send_pyobj` +"
        " `recv_pyobj`, three keys",
        "send_string + recv_string, 11 characters, inproc, one thread": "`send_string` +"
        " `recv_string`",
    },
)
VALUES = Table(
    "values",
    (
        Column("pickle 5, out of band", ("tree-pickle", "value-pickle", "pickle")),
        Column("msgspec", ("tree-msgspec", "value-msgspec", "msgspec")),
        Column("dask", ("tree-dask", "value-dask")),
        C,
    ),
    {
        f"{DICT}, encode + decode, read and compared": f"{DICT}: encode + decode, and every byte"
        " compared",
        f"{DICT}, encode + decode, less the reading and comparing": "the same, less the comparing",
        f"{DICT}, send + receive, inproc, read and compared": "the same: send + receive, inproc,"
        " the others by pyzmq multipart, and every byte compared",
        f"{DICT}, send + receive, inproc, less the reading and comparing": "the same, less the"
        " comparing",
        f"{DICT}, between two processes, ipc, on cores kept awake, read and compared": "the same"
        " between two processes, ipc, cores kept awake",
        f"{DICT}, between two processes, ipc, on cores that may halt, read and compared": "the"
        " same, cores that halt when nothing runs",
        "dict of 6 scalars, encode + decode": "dict of 6 scalars: encode + decode",
    },
)
RECORDS = Table(
    "telemetry",
    (
        Column("struct", ("struct",)),
        Column("msgspec", ("msgspec-struct",)),
        Column("protobuf", ("alone-protobuf",)),
        Column("FlatBuffers", ("alone-flatbuffers",)),
        Column("Cap'n Proto", ("alone-capnp",)),
        Column("Arrow", ("alone-arrow",)),
        Column("pyzmq, same bytes", ("raw",)),
        C,
    ),
    {
        "record of u32, f64, f32 and a text of 17: made, packed, unpacked, all fields read": "a"
        " record of u32, f64, f32 and a text: made, packed, unpacked, read",
        "record of u32, f64 and f32: made, packed, unpacked, all fields read": "the same without"
        " the text",
        "fixed records, a message each, in batches of 1000, inproc, one thread": "records in"
        " batches of 1000, inproc, each",
        "fixed records, a message each, between two processes, tcp": "the same between two"
        " processes, tcp",
        f"{BATCHES}, a list, send + receive, inproc, one thread": "1 KB arrays by `send_many`,"
        " `recv_many`, a list, inproc, each",
        f"{BATCHES}, rows of an array, send + receive, inproc, one thread": "the same, rows of an"
        " array",
    },
)
ASYNCIO = Table(
    "asyncio, two processes, tcp",
    (
        Column("with `async for`", ("async-fw-iterated",), figure=True),
        Column("with `send`, `recv`", ("async-fw-bytes",), figure=True),
        Column("`zmq.asyncio`", ("async-recipe", "async-raw"), figure=True),
        Column("", ("async-recipe", "async-raw")),
    ),
    {
        "asyncio: 96 B arrays between two processes, tcp": "96-byte arrays: `send_array`,"
        " `recv_array`; pyzmq's recipe",
        "asyncio: 100 B of bytes between two processes, tcp": "100 bytes: `send_raw`, `recv_raw`;"
        " `send`, `recv`",
        "asyncio: 100 B ping-pong between two processes, tcp, both on one core, p50": "ping-pong"
        " of 100 bytes on one core, median",
        "asyncio: 100 B ping-pong between two processes, tcp, both on one core, p99": "the same,"
        " 99th percentile",
        "asyncio: 100 B to a process with a thread that computes, tcp, 200 a second, p50": "delay"
        " of 200 messages a second, beside a Python thread that computes, median",
        "asyncio: 100 B to a process with a thread that computes, tcp, 200 a second, p99": "the"
        " same, 99th percentile",
    },
)
IN_DASK = Table(
    "in dask",
    (Column("dask's own", ("in-dask",), figure=True), Column("", ("in-dask",))),
    {
        f"dask: {size} array, serialize + deserialize": f"`serialize` + `deserialize` of {size}"
        for size in ("128 B", "1 KiB", "8 KiB", "64 KiB", "1 MiB")
    }
    | {
        "dask: a message with an array of 8 KiB, dumps + loads": "a message with 8 KiB: `dumps` +"
        " `loads`",
        "dask: 500 arrays of 1 KiB gathered in a cluster of two workers": "500 results of 1 KiB,"
        " gathered in a cluster",
        "dask: an array of 64 MiB gathered in a cluster of two workers": "a result of 64 MiB,"
        " gathered",
        "dask: an array of 64 MiB from worker to worker in a cluster of two workers": "64 MiB from"
        " worker to worker",
    },
)
SIGNING = Table(
    "signed and verified, by HMAC-SHA256",
    (
        Column("hashlib alone, twice", ("hashlib",), figure=True),
        Column("times its time", ("hashlib",)),
    ),
    {
        f"signing and verifying {size} bytes, less what sending and receiving take": f"{size} bytes"
        for size in ("100", "1,000", "10,000", "100,000", "1,000,000")
    },
)
OSBRAIN = Table(
    "a request and its reply, ipc",
    (Column("osBrain's own", ("agents-osbrain",), figure=True), Column("", ("agents-osbrain",))),
    {
        f"osBrain: a request with a {size} B array, and it back, by {pickle}, ipc": f"{words},"
        f" {pickle}"
        for size, words in (("1000", "1 kB"), ("1000000", "1 MB"))
        for pickle in ("pickle", "dill")
    },
)


def serializers(run: Run) -> str:
    """Each serializer's times and size: the rows of two cases, side by side."""
    record, numbers = (
        {row.contender: (row, case) for row in case.rows}
        for case in [case for case in run.cases if case.group == "serializers"][:2]
    )
    rows = []
    for key, (row, case) in record.items():
        large = numbers.get(key)
        name = key.removeprefix("by-")
        figures = [case.figure(row), f"{row.bytes} B", large[1].figure(large[0]) if large else ""]
        rows.append([f"`{name}`", *figures])
    return grid(["serializer", "the record", "its size", "1 MiB of float64"], rows)


def slower(run: Run) -> str:
    """Where peers are notably faster than framewire: a row for each case, or for a whole sweep."""
    found: dict[str, dict[str, list[tuple[float, str]]]] = {}
    for case in run.cases:
        for factor, row in case.faster_peers():
            if factor >= NOTABLE:
                peers = found.setdefault(case.sweep or case.title, {})
                peers.setdefault(row.title, []).append((factor, words(case.size)))
    rows = []
    for what, peers in found.items():
        swept = any(what == case.sweep for case in run.cases)
        texts = []
        for peer, each in peers.items():
            sizes = f" ({', '.join(size for _, size in each)})" if swept else ""
            texts.append(f"{peer}: {max(each)[0]:.1f} ×{sizes}")
        rows.append([what, "; ".join(texts)])
    return grid(["where", "whose speed is how many times framewire's, at most"], rows)


def about(run: Run) -> str:
    """One sentence on where the figures come from."""
    names = ("python", "pyzmq", "libzmq", "numpy")
    versions = ", ".join(
        f"{'CPython' if name == 'python' else name} {run.about.get(name, '?').split(' (')[0]}"
        for name in names
    )
    return (
        f"From one run of `python -m benchmarks {run.about['command']}` on"
        f" {run.about['date'][:10]}, in {run.about['seconds']} s:"
        f" {run.about.get('cores', '?')} cores of {run.about.get('cpu', '?')}, {versions};"
        f" a load of {run.about.get('load before', '?')} before it began.\n"
    )


TABLES: dict[str, Callable[[Run], str]] = {
    "about": about,
    "summary": SUMMARY.markdown,
    "arrays": ARRAYS.markdown,
    "calls": CALLS.markdown,
    "values": VALUES.markdown,
    "records": RECORDS.markdown,
    "asyncio": ASYNCIO.markdown,
    "dask": IN_DASK.markdown,
    "signing": SIGNING.markdown,
    "osbrain": OSBRAIN.markdown,
    "serializers": serializers,
    "slower": slower,
}

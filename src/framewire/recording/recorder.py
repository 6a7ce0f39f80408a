"""Writing recordings."""

from __future__ import annotations

import contextlib
import errno
import io
import math
import os
import weakref
from collections.abc import Iterable, Sequence
from secrets import token_bytes
from struct import pack
from time import monotonic, monotonic_ns, time_ns
from types import ModuleType
from typing import TYPE_CHECKING
from zlib import crc32

from .._buffers import holds_objects
from ..limits import Limits, check_is_limits
from .layout import (
    ENTRY,
    HEAD_SIZE,
    HEADER_SIZE,
    INDEX_MAGIC,
    LENGTH,
    STRIDE,
    Entry,
    Header,
    check_limits,
    check_regular,
    index_path,
    make_entry,
    make_head,
    make_header,
)
from .reader import Recording

if TYPE_CHECKING:
    from typing_extensions import Buffer

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

__all__ = ["Recorder"]

_BUFFER = 1 << 18  # bytes: so much is written at once
_PADDING = [bytes(-size % 8) for size in range(8)]
_JOINED = 1 << 16  # bytes of a message: one of fewer is put together, of more written in pieces


class Recorder:
    """Appends messages to a file, each with the time at which it was given. For one thread.

    What `write` has taken is in the file at the latest after `flush`, and then survives the end of
    the process, however it comes. If the power fails, what the system has not written yet is
    lost: ``sync`` bounds that. After an error, or a signal handler that raises, it is closed; what
    was whole stays.

    Parameters
    ----------
    path : str or path-like
        The file. Its index is beside it, with ``.index`` at the end of the name.
    append : bool
        Go on with a recording if there is one, behind its last whole message. By default it is an
        error if there is a file.
    sync : float, optional
        Have the disk written (``fsync``) each time that this many seconds are over, in a flush;
        0 is in each flush.
    limits : Limits, optional
        Those of its readers: `frames` and `size` of a message that `write` takes.

    Attributes
    ----------
    path, index_path : str
    messages : int
        In the file, and given.
    nbytes : int
        Bytes of all frames that this recorder was given.
    size : int
        Bytes of the file, with what is not in it yet.
    flushed : tuple of int
        `messages` and `nbytes` at the last flush: so much is in the file, perhaps more.

    Raises
    ------
    FileExistsError
        There is a file, and `append` is False; or one with the index's name that is no index.
    BlockingIOError
        Something else records to the file.
    OSError
    DecodeError
        It is no recording that could be appended to.
    ValueError
        A `sync` that is no time.

    Notes
    -----
    It stays with the process that made it: in a child of ``fork`` it is closed, and what was not
    flushed yet is written by the parent alone.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        append: bool = False,
        sync: float | None = None,
        limits: Limits | None = None,
    ) -> None:
        if sync is not None and not sync >= 0:
            raise ValueError(f"sync is a time in seconds, from 0 on: {sync!r}")
        check_is_limits(limits)
        self._limits = limits or Limits()
        self.path = os.fsdecode(path)
        self.index_path = index_path(self.path)
        self._sync = sync
        self._entries = bytearray()  # of the index, for the next flush
        _refuse_foreign(self.index_path)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        number = os.open(self.path, flags if append else flags | os.O_EXCL, 0o666)
        self._files = contextlib.ExitStack()
        self._raw = open(number, "wb", buffering=0)  # noqa: SIM115
        self._file = self._files.enter_context(io.BufferedWriter(self._raw, _BUFFER))
        try:
            check_regular(number, self.path)
            _lock(number)
            self._resume()
            if sync is not None:
                _sync_folder(self.path)
        except BaseException:
            self._fail()
            if not append:  # then it is this one's, and nothing is in it
                for made in (self.path, self.index_path):
                    with contextlib.suppress(OSError):
                        os.unlink(made)
            raise
        self._synced = monotonic()
        self._safe = 0  # bytes of the file that are on the disk
        _close_in_children(self)

    def _resume(self) -> None:
        """Find the end, or write the header; and bring the index up to it."""
        now = time_ns()
        with Recording(self.path) as recording:
            header, place, index = recording.header, recording.place, recording.index
            if not header.identity:
                header, place = Header(now, token_bytes(16)), Entry(0, HEADER_SIZE, 0)
            stored, entries = index.stored, index.added
        self._next = index.next
        self._seed = header.seed
        self.messages, self.size, last = place
        self.nbytes = 0
        # In a pause only the wall clock goes on, and that can have been set back.
        self._origin = monotonic_ns() - max(last, now - header.created)
        self._file.truncate(self.size if self.messages else 0)
        if not self.messages:
            self._file.write(make_header(header))
        self._file.seek(self.size)
        self._file.flush()
        self._flushed, self.flushed = self.size, (self.messages, 0)
        index_file = open(  # noqa: SIM115
            self.index_path, "r+b" if stored else "wb", buffering=0
        )
        self._index = self._files.enter_context(index_file)
        if not stored:
            self._index.write(make_header(header, INDEX_MAGIC))
        self._index.truncate(HEADER_SIZE + stored * ENTRY)
        self._index.seek(0, os.SEEK_END)
        for entry in entries:
            self._index.write(make_entry(entry, self._seed))

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def write(self, frames: Iterable[Buffer]) -> None:
        """Append a message.

        Parameters
        ----------
        frames : iterable of bytes-like
            As they are. Nothing of them is kept.

        Raises
        ------
        OSError
            It could not be written.
        TypeError, ValueError
            A frame is not bytes-like, or of Python objects, or not C-contiguous; there are none;
            the recorder is closed. Nothing was written.
        LimitError
            A ValueError too: there are more frames or bytes than a reader takes.
        """
        frames = list(frames)
        now, elapsed = time_ns(), monotonic_ns() - self._origin
        parts, nbytes, size = _body(frames)
        check_limits("a message", len(frames), size, self._limits)
        check = 0
        for part in parts:
            check = crc32(part, check)
        count = self.messages
        try:
            head = make_head(len(frames), size, count, now, elapsed, check, self._seed)
            self._file.writelines((head, *parts))
            if self.size >= self._next:
                entry = Entry(count, self.size, elapsed)
                self._entries += make_entry(entry, self._seed)
                self._next = self.size + STRIDE
            self.messages = count + 1
            self.nbytes += nbytes
            self.size += HEAD_SIZE + size
        except BaseException:
            self._fail()
            raise
        if self.size - self._flushed >= _BUFFER:
            self.flush()

    def flush(self) -> None:
        """Hand all that was given to the system.

        Raises
        ------
        OSError
            It could not be written.
        """
        try:
            self._file.flush()
            self._flushed, self.flushed = self.size, (self.messages, self.nbytes)
            if self._entries:
                self._index.write(self._entries)
                self._entries.clear()
            due = self._sync is not None and monotonic() >= self._synced + self._sync
            if due and self._safe < self.size:
                os.fsync(self._file.fileno())
                self._synced, self._safe = monotonic(), self.size
        except BaseException:
            self._fail()
            raise

    def close(self) -> None:
        """Write what is left, to the disk if there is a `sync`, and close the file."""
        if self._file.closed:
            return
        self._synced = -math.inf
        self.flush()
        self._files.close()

    def _fail(self) -> None:
        """Close, so that nothing can come behind a record that may be half written."""
        with contextlib.suppress(OSError):
            self._files.close()

    def _abandon(self) -> None:
        """Close the files of a process that is another, below what is still in the buffer."""
        with contextlib.suppress(OSError):
            self._raw.close()
            self._index.close()


_recorders: weakref.WeakSet[Recorder] = weakref.WeakSet()


def _close_in_children(recorder: Recorder) -> None:
    """Have the recorder closed in children of this process: they would write the buffer again."""
    if not _watching and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_abandon_all)
        _watching.append(True)
    _recorders.add(recorder)


_watching: list[bool] = []


def _abandon_all() -> None:
    for recorder in list(_recorders):
        recorder._abandon()
    _recorders.clear()


def _body(frames: Sequence[Buffer]) -> tuple[Sequence[Buffer], int, int]:
    """What a record has behind its head, in pieces; the bytes of the frames, and all of them."""
    sizes = []
    pieces: list[Buffer] = [b""]
    total = 0
    for frame in frames:
        view = memoryview(frame)
        if holds_objects(view.format):
            raise TypeError("a buffer of Python objects holds pointers, not data")
        if not view.c_contiguous:
            raise ValueError("a frame is C-contiguous")
        size = view.nbytes
        sizes.append(size)
        pieces.append(view)
        total += LENGTH + size
        if size & 7:
            padding = _PADDING[size & 7]
            pieces.append(padding)
            total += len(padding)
    if not sizes:
        raise ValueError("a message has at least one frame")
    pieces[0] = pack(f"<{len(sizes)}Q", *sizes)
    if total <= _JOINED:
        pieces = [b"".join(pieces)]
    return pieces, sum(sizes), total


def _lock(file: int) -> None:
    """Have nothing else record to the file, where files can be locked."""
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:  # not on this file system
            pass


def _refuse_foreign(path: str) -> None:
    """Raise an error if there is a file with the index's name that is something else."""
    if not os.path.lexists(path):
        return
    if os.path.isfile(path):  # and no pipe, which could be waited for
        with open(path, "rb") as file:
            if INDEX_MAGIC.startswith(file.read(len(INDEX_MAGIC))):
                return
    raise FileExistsError(errno.EEXIST, "File exists, and is no index of a recording", path)


def _sync_folder(path: str) -> None:
    """Have a new file's name on the disk too."""
    if os.name == "posix":
        folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

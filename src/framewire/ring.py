"""The last records of a stream, in one array that other threads read."""

import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import zmq

from ._batch import recv_many
from .batch import Batch
from .errors import SchemaError
from .records import RecordMeta

__all__ = ["Ring"]


class Ring:
    """The last `n` records that came on a socket, in one structured array.

    One thread, the socket's, calls `receive` in a loop; any thread calls `snapshot`, and gets
    whole records of one moment.

    Parameters
    ----------
    socket : zmq.Socket
    record : type or numpy.dtype
        A class of records without variable tails, or a structured dtype.
    n : int
        How many are kept, at least 1.
    blocks : bool
        Each message is an array of records of one dimension, as `send_array` sends it, and not one
        record.
    batch : int, optional
        The most messages that `receive` takes from the socket at once; what they bring is copied
        into the ring while readers wait. By default `n`, at most 4096.

    Raises
    ------
    TypeError
        The record has a variable tail, and so no dtype; it is no record.
    ValueError
        `n` or `batch` is less than 1.
    """

    def __init__(
        self,
        socket: zmq.Socket[Any],
        record: type | npt.DTypeLike,
        n: int,
        *,
        blocks: bool = False,
        batch: int | None = None,
    ) -> None:
        batch = min(n, 4096) if batch is None else batch
        if n < 1 or batch < 1:
            raise ValueError(f"a ring of {n} records, in batches of {batch}")
        dtype: Any = record.dtype if isinstance(record, RecordMeta) else np.dtype(record)
        if dtype.names is None or dtype.hasobject:
            raise TypeError(f"{record!r} is neither a class of records nor a structured dtype")
        self._socket = socket
        self._ring = np.zeros(n, dtype)
        self._most = batch
        self._rows = None if blocks else np.empty(batch, dtype)
        self._total = 0  # so the next one goes to _total % n
        self._lock = threading.Lock()

    @property
    def total(self) -> int:
        """How many records have come in all."""
        return self._total

    def __len__(self) -> int:
        """How many are kept now."""
        return min(self._total, len(self._ring))

    def receive(self, timeout: int | None = None) -> Batch:
        """Receive what there is, at most one batch, into the ring.

        Parameters
        ----------
        timeout : int, optional
            How long to wait for the first one, in milliseconds; by default the socket's RCVTIMEO.

        Returns
        -------
        Batch
            The records, in a view that is valid until the next call; with `blocks` a list of
            arrays. Messages that are none of these are in its errors.

        Raises
        ------
        zmq.ContextTerminated, zmq.ZMQError
            As `recv_many`.

        Notes
        -----
        It does not wait until a batch is full, so the ring is no older than the stream.
        """
        wait: Any = self._socket.rcvtimeo if timeout is None else timeout
        self._socket.poll(wait)
        try:
            batch = recv_many(self._socket, self._most, 0, out=self._rows)
        except BaseException as error:  # of a signal handler, say
            if hasattr(error, "batch"):
                error.batch = self._keep(error.batch)
            raise
        return self._keep(batch)

    def _keep(self, batch: Batch) -> Batch:
        """Put what came into the ring. Returns the batch of it."""
        if self._rows is not None:
            self._put(batch.values)
            return batch
        batch = self._checked(batch)
        for block in batch:
            self._put(block)
        return batch

    def _checked(self, batch: Batch) -> Batch:
        """The blocks of a batch, with what is none among the errors."""
        errors = dict(batch.errors)
        places = [i for i in range(len(batch) + len(errors)) if i not in errors]
        blocks = []
        for place, value in zip(places, batch, strict=True):
            if type(value) is np.ndarray and value.dtype == self._ring.dtype and value.ndim == 1:
                blocks.append(value)
            else:
                what = f"a {type(value).__name__}, not an array of records of one dimension"
                errors[place] = SchemaError(what, "mismatch")
        return Batch(blocks, sorted(errors.items()))

    def _put(self, rows: npt.NDArray[Any]) -> None:
        size = len(self._ring)
        kept = rows[-size:]
        with self._lock:
            at = (self._total + len(rows) - len(kept)) % size
            first = min(len(kept), size - at)
            self._ring[at : at + first] = kept[:first]
            self._ring[: len(kept) - first] = kept[first:]
            self._total += len(rows)

    def snapshot(self, last: int | None = None) -> npt.NDArray[Any]:
        """A copy of the last records, the oldest first; by default of all that are kept."""
        with self._lock:
            count = len(self) if last is None else max(0, min(last, len(self)))
            end = self._total % len(self._ring)
            # not np.concatenate, which packs the fields of a dtype that has padding
            rows = np.empty(count, self._ring.dtype)
            first = max(0, count - end)
            rows[:first] = self._ring[len(self._ring) - first :]
            rows[first:] = self._ring[end - (count - first) : end]
            return rows

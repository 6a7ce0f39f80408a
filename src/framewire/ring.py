"""The last records of a stream, in one array that other threads read."""

import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import zmq

from .records import RecordMeta
from ._batch import recv_many
from .batch import Batch

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
    batch : int
        The most that `receive` takes from the socket at once; they are copied into the ring while
        readers wait. By default `n`, at most 4096.

    Raises
    ------
    TypeError
        The record has a variable tail, and so no dtype.
    ValueError
        `n` or `batch` is less than 1.
    """

    def __init__(
        self,
        socket: zmq.Socket[Any],
        record: type | npt.DTypeLike,
        n: int,
        *,
        batch: int | None = None,
    ) -> None:
        batch = min(n, 4096) if batch is None else batch
        if n < 1 or batch < 1:
            raise ValueError(f"a ring of {n} records, in batches of {batch}")
        dtype = record.dtype if isinstance(record, RecordMeta) else np.dtype(record)
        self._socket = socket
        self._ring = np.zeros(n, dtype)
        self._batch = np.zeros(batch, dtype)
        self._total = 0  # so the next one goes to _total % n
        self._lock = threading.Lock()

    @property
    def total(self) -> int:
        """How many records have come in all."""
        return self._total

    def __len__(self) -> int:
        """How many are kept now."""
        return min(self._total, len(self._ring))

    def receive(self, timeout: float | None = None) -> Batch:
        """Receive what there is, at most one batch, into the ring.

        Parameters
        ----------
        timeout : float, optional
            How long to wait for the first one, in milliseconds; by default the socket's RCVTIMEO.

        Returns
        -------
        Batch
            Its values are a view, valid until the next call; its errors are of `recv_many`.

        Raises
        ------
        zmq.ContextTerminated, zmq.ZMQError
            As `recv_many`.

        Notes
        -----
        It does not wait until a batch is full, so the ring is no older than the stream.
        """
        if timeout is None:
            timeout = self._socket.rcvtimeo
        self._socket.poll(timeout)
        batch = recv_many(self._socket, None, 0, out=self._batch)
        self._put(batch.values)
        return batch

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
            if count <= end:
                return self._ring[end - count : end].copy()
            return np.concatenate([self._ring[end - count :], self._ring[:end]])

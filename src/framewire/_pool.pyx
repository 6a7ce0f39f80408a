"""Memory for arrays that are filled and sent in place again and again: see `BufferPool`."""

from math import inf
from time import monotonic

import numpy
from numpy import ndarray

from cpython.buffer cimport PyBuffer_FillInfo
from libc.stdint cimport uint64_t, uintptr_t

cimport cython
cimport numpy as np

from ._buffers cimport drain, generation, wait_for_release, wake

__all__ = ["BufferPool", "Slot"]

np.import_array()

cdef enum:
    ALIGNMENT = 64  # bytes: a line of the processor's cache

cdef class BufferPool


@cython.final
@cython.no_gc
@cython.freelist(8)
cdef class Slot:
    """A taken slot, as the base of its array. It dies with the last view of it, and is free again."""

    cdef BufferPool pool  # None: nothing was taken yet
    cdef void *data

    def __getbuffer__(self, Py_buffer *view, int flags):
        if self.pool is None:
            raise BufferError("a slot of no pool")
        PyBuffer_FillInfo(view, self, self.data, self.pool.nbytes, False, flags)

    def __dealloc__(self):
        if self.pool is not None:
            self.pool.unused[self.pool.count] = <uintptr_t>self.data
            self.pool.count += 1
            wake()


@cython.final
cdef class BufferPool:
    """Arrays to fill and send in place, whose memory comes back when nobody has it any more.

    A loop that fills an array and sends it with ``copy=False`` must not write to it until libzmq
    has let go of it. `acquire` hands out an array that nobody else reads or writes, and waits for
    one while there is none: that is the loop's back-pressure.

    A slot is taken for as long as anybody holds its array or a view of it: the program; libzmq,
    with the array in flight; over inproc, the receiver, with what it received. So nothing is given
    back by hand, or too early.

    Parameters
    ----------
    shape : int or tuple of int
    dtype : dtype
        Any but those that hold Python objects. Arrays of up to 8 KiB are always copied on their
        way out; the pool serves larger ones.
    slots : int
        How many arrays there can be at a time, at least 2. In a loop, the name of the last array
        still holds it while the next one is acquired; with several threads that do so, there must
        be more slots than threads.

    Raises
    ------
    TypeError
        The dtype holds Python objects.
    ValueError
        Fewer than 2 slots, or a shape that is none.
    MemoryError
        It is too much.

    Notes
    -----
    Usable from several threads. The memory is one block, made at once, and lives until the pool
    and the last of its arrays are gone. After a fork, the child has a pool of its own, in which the
    slots that were in flight stay taken.
    """

    cdef readonly tuple shape
    cdef readonly np.dtype dtype
    cdef readonly Py_ssize_t slots
    cdef Py_ssize_t nbytes      # of an array
    cdef np.ndarray memory      # of the slots
    cdef np.ndarray addresses   # the memory of `unused`
    cdef uintptr_t *unused      # where the unused slots are; the last one is taken first
    cdef Py_ssize_t count       # of them

    def __cinit__(self, shape, dtype=float, Py_ssize_t slots=8):
        if slots < 2:
            raise ValueError(f"slots: {slots}; at least 2, to fill one while another is in flight")
        if numpy.dtype(dtype).hasobject:
            raise TypeError(f"an array of dtype {numpy.dtype(dtype)} holds Python objects")
        like = numpy.empty(shape, dtype)
        self.shape = like.shape
        self.dtype = like.dtype
        self.slots = slots
        self.nbytes = like.nbytes
        # untyped, as they are numbers of any size until numpy has taken them
        room = (like.nbytes + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
        self.memory = numpy.zeros(slots * room + ALIGNMENT, numpy.uint8)
        self.addresses = numpy.empty(slots, numpy.uintp)
        self.unused = <uintptr_t *>np.PyArray_DATA(self.addresses)
        first = self.memory.ctypes.data + -self.memory.ctypes.data % ALIGNMENT
        for i in range(slots):
            self.unused[i] = first + i * room
        self.count = slots

    @property
    def free(self):
        """The number of slots that are free now."""
        drain()
        return self.count

    def acquire(self, timeout=None):
        """An array that nobody else has. Waits, without the GIL, until a slot is free.

        Parameters
        ----------
        timeout : float, optional
            In seconds; 0 does not wait. None or negative: forever, even if nobody is left who could
            let go of a slot.

        Returns
        -------
        numpy.ndarray
            Of the pool's shape and dtype: writable, C-contiguous, aligned to 64 bytes. Its values
            are what was last written to its slot, at first zeros.

        Raises
        ------
        TimeoutError
            No slot was free in time, or the interpreter ends and framewire's exit handler has run.
        """
        cdef uint64_t seen
        cdef double deadline = inf
        if timeout is not None and not timeout < 0:
            deadline = <double>monotonic() + <double>timeout  # a float32 has not the digits
        while True:
            seen = generation()
            drain()
            if self.count > 0:
                return self.take()
            if not wait_for_release(seen, deadline):
                raise TimeoutError(f"none of the {self.slots} slots was free in time")

    cdef object take(self):
        cdef Slot slot = Slot.__new__(Slot)
        self.count -= 1
        slot.data = <void *>self.unused[self.count]
        slot.pool = self
        return ndarray(self.shape, self.dtype, slot)

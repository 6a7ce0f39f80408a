"""Loops over messages that make no Python object for any, and hold no GIL.

    python setup.py build_ext --inplace

Each asks for the handle again after `check`, which may have run signal handlers.
"""

cimport framewire.embed as fw


def total(socket, long count):
    """The sum of all elements of `count` arrays of float64, of up to 1000 each."""
    cdef double data[1000]
    cdef double total = 0
    cdef fw.fw_head_t head
    cdef void *handle
    cdef int rc = fw.FW_OK
    cdef size_t i
    while count > 0:
        handle = fw.socket_handle(socket)
        with nogil:
            while count > 0:
                rc = fw.recv_array(handle, fw.FW_DTYPE_F64, &head, data, sizeof(data), 0)
                if rc != fw.FW_OK:
                    break
                count -= 1
                for i in range(head.payload // sizeof(double)):
                    total += data[i]
        fw.check(rc)
    return total


def relay(source, sink, long count):
    """Send `count` messages on as they are, in place; return how many bytes of payload they had."""
    cdef fw.Message message
    cdef unsigned long long payload = 0
    cdef void *giver
    cdef void *taker
    cdef bint held = False
    cdef int rc = fw.FW_OK
    try:
        while count > 0:
            giver = fw.socket_handle(source)
            taker = fw.socket_handle(sink)
            with nogil:
                while count > 0:
                    if not held:
                        rc = fw.recv_message(giver, &message, 0)
                        if rc != fw.FW_OK:
                            break
                        held = True
                        payload += message.head.payload
                    rc = fw.forward_message(taker, &message, 0)
                    if rc != fw.FW_OK:
                        break
                    held = False
                    count -= 1
            fw.check(rc)
    finally:
        if held:
            with nogil:
                fw.close_message(&message)
    return payload

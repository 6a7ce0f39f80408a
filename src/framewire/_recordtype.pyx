"""What makes classes of records fast: slots of their type objects that Python fills in more generally.

A class statement gives a class slots that can do everything: build a tuple and a dict of a call's
arguments, look for weak references and dicts, have the garbage collector look at it. Records have no
use for these. To make, read and drop one takes half the time with the slots below.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t

from ._records cimport RecordBase, unpack_at, view
from ._schema cimport Schema, pack_arguments, schema_of

cdef extern from "Python.h":
    ctypedef object (*vectorcallfunc)(object, PyObject *const *, size_t, PyObject *)

    ctypedef struct PyTypeObject:
        vectorcallfunc tp_vectorcall
        unsigned long tp_flags
        void *tp_call

    ctypedef struct PyMethodDef:
        const char *ml_name
        object (*ml_meth)(object, object)
        int ml_flags
        const char *ml_doc

    Py_ssize_t PyVectorcall_NARGS(size_t nargsf)
    unsigned long HAVE_VECTORCALL "Py_TPFLAGS_HAVE_VECTORCALL"
    int METH_O
    object PyCFunction_NewEx(PyMethodDef *method, object self, object module)

cdef extern from *:
    """
    #define MOST_FREE (CYTHON_USE_FREELISTS ? 64 : 0) /* none where a sanitizer is to see each */

    static PyObject *free_records[MOST_FREE]; /* of the size of a RecordBase; under the GIL */
    static int free_count;
    static PyTypeObject *record_base;

    static PyObject *alloc_record(PyTypeObject *type, Py_ssize_t items) {
        PyObject *self = free_count > 0 ? free_records[--free_count]
                                        : (PyObject *)PyObject_Malloc((size_t)type->tp_basicsize);
        (void)items;
        if (self == NULL) {
            return PyErr_NoMemory();
        }
        memset(self, 0, (size_t)type->tp_basicsize);
        return PyObject_Init(self, type);
    }

    static void free_record(void *self) {
        if (free_count < MOST_FREE) {
            free_records[free_count++] = (PyObject *)self;
        } else {
            PyObject_Free(self);
        }
    }

    /* Also the base's for classes that inherit from one with it, and have more slots. */
    static void dealloc_record(PyObject *self) {
        PyTypeObject *type = Py_TYPE(self);
        if (type->tp_dealloc == dealloc_record && type->tp_finalize != NULL &&
            PyObject_CallFinalizerFromDealloc(self) < 0) {
            return;
        }
        record_base->tp_dealloc(self);
        Py_DECREF(type);
    }

    static int is_overridden(PyTypeObject *base, PyTypeObject *cls) {
        return cls->tp_init != base->tp_init || cls->tp_new != base->tp_new;
    }

    #if defined(_MSC_VER)
    #define APART __declspec(noinline)
    #else
    #define APART __attribute__((noinline, cold))
    #endif

    /* What a call comes to without vectorcall; apart, or it costs those with it 15 ns. */
    static APART PyObject *call_generally(
        PyObject *cls, PyObject *const *args, Py_ssize_t given, PyObject *names) {
        Py_ssize_t keywords = names == NULL ? 0 : PyTuple_GET_SIZE(names);
        PyObject *called = NULL;
        PyObject *tuple = PyTuple_New(given);
        PyObject *dict = PyDict_New();
        for (Py_ssize_t i = 0; tuple != NULL && i < given; i++) {
            Py_INCREF(args[i]);
            PyTuple_SET_ITEM(tuple, i, args[i]);
        }
        int rc = tuple == NULL || dict == NULL ? -1 : 0;
        for (Py_ssize_t i = 0; rc == 0 && i < keywords; i++) {
            rc = PyDict_SetItem(dict, PyTuple_GET_ITEM(names, i), args[given + i]);
        }
        if (rc == 0) {
            called = PyType_Type.tp_call(cls, tuple, dict);
        }
        Py_XDECREF(tuple);
        Py_XDECREF(dict);
        return called;
    }

    static PyObject *alloc_other(PyTypeObject *type, Py_ssize_t items) {
        return PyType_GenericAlloc(type, items);
    }

    static void set_slots(PyTypeObject *base, PyTypeObject *type) {
        record_base = base;
        /* from Python 3.11 on a dict takes no room in basicsize, then nor does a weak reference */
        if (type->tp_basicsize == base->tp_basicsize && type->tp_itemsize == 0 &&
            type->tp_dictoffset == 0 && type->tp_weaklistoffset == 0) {
            /* A class statement gives it to all classes. There are no instances yet, since
               RecordBase makes none of classes with the alloc of a class statement. */
            type->tp_flags &= ~Py_TPFLAGS_HAVE_GC;
            type->tp_alloc = alloc_record;
            type->tp_free = free_record;
            type->tp_dealloc = dealloc_record;
        } else {
            type->tp_alloc = alloc_other;
        }
    }

    static PyMethodDef unpack_method;
    """
    void set_slots(PyTypeObject *base, PyTypeObject *cls)
    bint is_overridden(PyTypeObject *base, PyTypeObject *cls)
    object call_generally(object cls, PyObject *const *args, Py_ssize_t given, PyObject *names)
    PyMethodDef unpack_method

__all__ = ["make_fast"]


cdef object construct(object cls, PyObject *const *args, size_t nargs, PyObject *names):
    """What a call of the class does, if it has no `__init__` or `__new__` of its own."""
    if is_overridden(<PyTypeObject *>RecordBase, <PyTypeObject *>cls):  # since it was made
        return call_generally(cls, args, PyVectorcall_NARGS(nargs), names)
    cdef Schema schema = schema_of(cls)
    packed = pack_arguments(schema, args, PyVectorcall_NARGS(nargs), names)
    return view(cls, schema, packed, <const uint8_t *>PyBytes_AS_STRING(packed), PyBytes_GET_SIZE(packed))


cdef object unpack(object cls, object buffer):
    return unpack_at(cls, buffer, 0, True)


cdef bytes unpack_doc = RecordBase.unpack.__doc__.encode()
unpack_method.ml_name = b"unpack"
unpack_method.ml_meth = unpack
unpack_method.ml_flags = METH_O
unpack_method.ml_doc = unpack_doc


def make_fast(metaclass, cls):
    """Give a class of records, with fields, the slots above, unless it overrides what they do.

    `unpack` becomes a function of the class's own, which it is not bound to at each call.
    """
    if cls.__init__ is RecordBase.__init__ and cls.__new__ is RecordBase.__new__:
        if (<PyTypeObject *>metaclass).tp_call == (<PyTypeObject *>type).tp_call:
            (<PyTypeObject *>metaclass).tp_flags |= HAVE_VECTORCALL
        (<PyTypeObject *>cls).tp_vectorcall = construct
    set_slots(<PyTypeObject *>RecordBase, <PyTypeObject *>cls)
    with_unpack = [
        base for base in cls.__mro__ if "unpack" in vars(base) and base is not RecordBase
    ]
    if all([is_own(base) for base in with_unpack]):
        cls.unpack = PyCFunction_NewEx(&unpack_method, cls, None)
        return
    for base in with_unpack:  # super().unpack is to be bound to the class, not to the base
        if is_own(base):
            del base.unpack


cdef bint is_own(object base) except -1:
    """Is a class's `unpack` one of ours?"""
    unpack = vars(base)["unpack"]
    return isinstance(unpack, type(len)) and unpack.__self__ is base

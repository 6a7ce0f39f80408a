# MessagePack extension types of docs/wire-format.md, "Trees".
cdef enum:
    EXT_ARRAY = 1       # an array's head, and its payload if that is inline; else it takes a buffer
    EXT_MASKED = 2      # data, mask, fill value
    EXT_BESIDE = 3      # takes a buffer; one byte, which says what it was
    EXT_BYTEARRAY = 4   # its bytes
    EXT_BUFFER = 5      # the bytes of any other buffer
    EXT_TUPLE = 6       # an array of MessagePack
    EXT_SET = 7
    EXT_FROZENSET = 8
    EXT_INT = 9         # two's complement, little-endian
    EXT_TEXT = 10       # UTF-8 with lone surrogates
    EXT_DATETIME = 11   # ISO 8601
    EXT_DATE = 12
    EXT_TIME = 13
    EXT_TIMEDELTA = 14  # i64 days, seconds, microseconds
    EXT_UUID = 15       # 16 bytes
    EXT_DECIMAL = 16    # its text
    EXT_COMPLEX = 17    # two f64
    EXT_OBJECT = 18     # name, header, frames

    BESIDE_BYTES = 0
    BESIDE_BYTEARRAY = 1
    BESIDE_BUFFER = 2

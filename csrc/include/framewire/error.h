/* Error codes of the framewire C library, and their names. */
#ifndef FRAMEWIRE_ERROR_H
#define FRAMEWIRE_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/* Every function that can fail returns FW_OK or one of these. The numbers are fixed. */
enum {
    FW_OK = 0,
    FW_ERR_TRUNCATED = -1,  /* the frame ends before what it announces */
    FW_ERR_MAGIC = -2,      /* the frame does not begin with the magic: it is no head */
    FW_ERR_VERSION = -3,    /* a version of the format that this library does not know */
    FW_ERR_SERIALIZER = -4, /* a serializer id that this library does not know */
    FW_ERR_FLAGS = -5,      /* an unknown flag, or flags that do not go together */
    FW_ERR_DTYPE = -6,      /* an unknown dtype code */
    FW_ERR_NDIM = -7,       /* more than FW_NDIM_MAX dimensions */
    FW_ERR_SHAPE = -8,      /* a shape whose size does not fit in 63 bits */
    FW_ERR_PAYLOAD = -9,    /* the payload's length is not what the shape and dtype say */
    FW_ERR_SECTION = -10,   /* a malformed section: bad content, or padding that is not zero */
    FW_ERR_TRAILING = -11,  /* bytes after the end of the head */
    FW_ERR_SPACE = -12,     /* the output buffer handed in is too small */
    FW_ERR_TIMEOUT = -13,   /* fw_release_wait: nothing was released in time */
    FW_ERR_TAIL = -14       /* a record's tail that is outside of it, or overlaps */
};

/*
 * The name of an error code, such as "truncated".
 *
 * Returns a static string, "unknown" for a number that is no error code. Thread-safe.
 */
const char *fw_error_name(int code);

/*
 * One sentence on an error code, for people.
 *
 * Returns a static string without a final full stop. Thread-safe.
 */
const char *fw_error_message(int code);

#ifdef __cplusplus
}
#endif

#endif

#include "framewire/error.h"

#include <stddef.h>

static const struct {
    const char *name;
    const char *message;
} errors[] = {
    {"ok", "no error"},
    {"truncated", "the frame ends before what it announces"},
    {"magic", "the frame does not begin with the framewire magic"},
    {"version", "the version of the wire format is unknown"},
    {"serializer", "the serializer id is unknown"},
    {"flags", "a flag is unknown, or flags do not go together"},
    {"dtype", "the dtype code is unknown"},
    {"ndim", "there are too many dimensions"},
    {"shape", "the shape is too large"},
    {"payload", "the payload's length is not what the shape and dtype say"},
    {"section", "a section is malformed"},
    {"trailing", "there are bytes after the end of the head"},
    {"space", "the output buffer is too small"},
    {"timeout", "nothing was released in time"},
    {"tail", "a record's tail is outside of it, or overlaps"},
};

static size_t index_of(int code) {
    /* compared before it is negated: -INT_MIN does not exist */
    if (code > 0 || code <= -(int)(sizeof errors / sizeof *errors)) {
        return sizeof errors / sizeof *errors;
    }
    return (size_t)-code;
}

const char *fw_error_name(int code) {
    size_t i = index_of(code);
    return i < sizeof errors / sizeof *errors ? errors[i].name : "unknown";
}

const char *fw_error_message(int code) {
    size_t i = index_of(code);
    return i < sizeof errors / sizeof *errors ? errors[i].message : "unknown error";
}

#include "framewire/error.h"

#include <limits.h>
#include <string.h>

#include "check.h"

int main(void) {
    static const char *const names[] = {
        "ok",    "truncated", "magic",   "version",  "serializer", "flags",   "dtype", "ndim",
        "shape", "payload",   "section", "trailing", "space",      "timeout", "tail",
    };
    const int count = (int)(sizeof names / sizeof *names);
    for (int i = 0; i < count; i++) {
        CHECK(strcmp(fw_error_name(-i), names[i]) == 0);
        CHECK(strlen(fw_error_message(-i)) > 0);
    }
    CHECK(FW_ERR_TAIL == 1 - count);
    for (int i = 0; i < 3; i++) {
        const int unknown[] = {1, INT_MAX, INT_MIN};
        CHECK(strcmp(fw_error_name(unknown[i]), "unknown") == 0);
        CHECK(strcmp(fw_error_message(unknown[i]), "unknown error") == 0);
    }
    CHECK(strcmp(fw_error_name(-count), "unknown") == 0);
    return CHECK_REPORT();
}

#include "framewire/dtype.h"

#include <stdbool.h>

#include "check.h"
#include "framewire/error.h"

int main(void) {
    static const uint64_t sizes[] = {0, 1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8, 8, 16, 16, 32, 16, 32};
    for (unsigned dtype = 0; dtype < 256; dtype++) {
        const unsigned code = dtype & 0x7F;
        const uint64_t expected = code < sizeof sizes / sizeof *sizes ? sizes[code] : 0;
        const bool good = expected > (dtype >= FW_DTYPE_BIG ? 1u : 0u);
        uint64_t size = 77;
        CHECK(fw_dtype_itemsize((uint8_t)dtype, &size) == (good ? FW_OK : FW_ERR_DTYPE));
        CHECK(size == (good ? expected : 77));
    }
    return CHECK_REPORT();
}

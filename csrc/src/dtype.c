#include "framewire/dtype.h"

#include "framewire/error.h"

static const uint8_t itemsizes[] = {0, 1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8, 8, 16, 16, 32, 16, 32};

int fw_dtype_itemsize(uint8_t dtype, uint64_t *size) {
    uint8_t code = (uint8_t)(dtype & ~FW_DTYPE_BIG);
    if (code == FW_DTYPE_DESCRIBED || code >= sizeof itemsizes) {
        return FW_ERR_DTYPE;
    }
    if ((dtype & FW_DTYPE_BIG) != 0 && itemsizes[code] == 1) {
        return FW_ERR_DTYPE;
    }
    *size = itemsizes[code];
    return FW_OK;
}

/* The codes that name an array's element type in one byte (docs/wire-format.md, "dtype codes"). */
#ifndef FRAMEWIRE_DTYPE_H
#define FRAMEWIRE_DTYPE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The low seven bits of a dtype byte. The numbers are part of the wire format. */
enum {
    FW_DTYPE_DESCRIBED = 0, /* the type section describes the dtype in text */
    FW_DTYPE_BOOL = 1,
    FW_DTYPE_I8 = 2,
    FW_DTYPE_I16 = 3,
    FW_DTYPE_I32 = 4,
    FW_DTYPE_I64 = 5,
    FW_DTYPE_U8 = 6,
    FW_DTYPE_U16 = 7,
    FW_DTYPE_U32 = 8,
    FW_DTYPE_U64 = 9,
    FW_DTYPE_F16 = 10,
    FW_DTYPE_F32 = 11,
    FW_DTYPE_F64 = 12,
    FW_DTYPE_C64 = 13,  /* two f32: real, imaginary */
    FW_DTYPE_C128 = 14, /* two f64 */
    FW_DTYPE_F80 = 15,  /* x87 extended precision, 10 bytes padded to 16 */
    FW_DTYPE_C160 = 16, /* two F80, 32 bytes */
    FW_DTYPE_F128 = 17, /* IEEE binary128 */
    FW_DTYPE_C256 = 18  /* two F128, 32 bytes */
};

/* The high bit of a dtype byte: the elements are big-endian. Only with items of over one byte. */
#define FW_DTYPE_BIG 0x80u

/*
 * The size in bytes of one element of a dtype byte, FW_DTYPE_BIG included or not.
 *
 * Writes *size. Returns FW_OK, or FW_ERR_DTYPE for FW_DTYPE_DESCRIBED, an unknown code, and
 * FW_DTYPE_BIG on a type of one byte. Thread-safe.
 */
int fw_dtype_itemsize(uint8_t dtype, uint64_t *size);

#ifdef __cplusplus
}
#endif

#endif

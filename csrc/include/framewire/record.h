/*
 * Records: fixed binary structs, perhaps with text and bytes behind the fixed part
 * (docs/wire-format.md, "Records"). A program lays its fields out itself, as `framewire schema`
 * prints them; here is what is left to do: the fingerprint of a schema, and the tails.
 */
#ifndef FRAMEWIRE_RECORD_H
#define FRAMEWIRE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of the slot in the fixed part that says where a tail is: two u32, offset and length. */
#define FW_SLOT_SIZE ((size_t)8)

/*
 * The fingerprint of a schema, of `length` bytes of canonical text: their FNV-1a hash of 64 bits.
 * Thread-safe.
 */
uint64_t fw_record_fingerprint(const char *schema, size_t length);

/*
 * Check a record of `size` bytes against the reader's schema, whose fixed part has `fixed` bytes,
 * with a slot at each of the `count` offsets `slots`, in the order of the fields.
 *
 * Tails begin at the end of the fixed part or behind it, are in order, do not overlap, and end
 * inside the record. The slots are not checked: the caller, whose they are, has FW_SLOT_SIZE bytes
 * of the fixed part at each. Returns FW_OK, FW_ERR_TRUNCATED if the record is shorter than its
 * fixed part, FW_ERR_TAIL. Thread-safe.
 */
int fw_record_check(const uint8_t *record, size_t size, size_t fixed, const uint32_t *slots,
                    size_t count);

/*
 * A tail of a record that fw_record_check found right, by the offset of its slot, one of `slots`.
 * Writes *tail, its bytes in the record, which live as long as it does, and *length. Thread-safe.
 */
void fw_record_tail(const uint8_t *record, size_t slot, const uint8_t **tail, size_t *length);

/*
 * Append a tail of `length` bytes to a record in memory of `capacity` bytes, of which *size are in
 * use, and write its slot, which is in the fixed part. `tail` may be NULL if `length` is 0; it does
 * not overlap the record.
 *
 * Tails are appended in the order of their fields; before the first, *size is the length of the
 * fixed part. Moves *size. On failure nothing is written. Returns FW_OK, FW_ERR_SPACE, or
 * FW_ERR_TAIL if the record would have 4 GiB or more. Thread-safe.
 */
int fw_record_put_tail(uint8_t *record, size_t capacity, size_t slot, const uint8_t *tail,
                       size_t length, size_t *size);

#ifdef __cplusplus
}
#endif

#endif

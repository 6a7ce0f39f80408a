#include "framewire/clock.h"

#include "check.h"

int main(void) {
    int64_t before = fw_clock_monotonic();
    int64_t now = before;
    CHECK(before >= 0);
    while (now == before) { /* it goes on */
        now = fw_clock_monotonic();
    }
    for (int i = 0; i < 100000; i++) { /* and never back */
        int64_t next = fw_clock_monotonic();
        CHECK(next >= now);
        now = next;
    }
    CHECK(now - before < INT64_C(100000000000)); /* in nanoseconds */
    return CHECK_REPORT();
}

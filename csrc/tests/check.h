/* Assertions that count and go on: a test prints each failure and ends with CHECK_REPORT(). */
#ifndef FRAMEWIRE_CHECK_H
#define FRAMEWIRE_CHECK_H

#include <stdio.h>

static int check_count;
static int check_failures;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        check_count++;                                                                             \
        if (!(condition)) {                                                                        \
            check_failures++;                                                                      \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
        }                                                                                          \
    } while (0)

/* The exit status of the test. */
#define CHECK_REPORT()                                                                             \
    (printf("%d checks, %d failed\n", check_count, check_failures), check_failures > 0)

#endif

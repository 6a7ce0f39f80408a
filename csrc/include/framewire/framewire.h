/* All of the framewire C library. See docs/wire-format.md for the format that it speaks. */
#ifndef FRAMEWIRE_FRAMEWIRE_H
#define FRAMEWIRE_FRAMEWIRE_H

#include "framewire/clock.h"
#include "framewire/dtype.h"
#include "framewire/error.h"
#include "framewire/head.h"
#include "framewire/record.h"
#include "framewire/release.h"

#endif

"""Records whose annotations are text."""

from __future__ import annotations

import enum
from typing import ClassVar

import framewire as fw
from framewire import Record, f32, f64, text, u32


class Mode(enum.IntEnum):
    OFF = 0
    ON = 1


class Imu(Record):
    seq: u32
    t: fw.f64
    temp: f32


class Derived(Imu):
    msg: str
    mode: Mode
    note: text(3) = "n"
    last: f64 = 1.5
    LIMIT: ClassVar[int] = 5

    @property
    def twice(self) -> float:
        return 2 * self.t

    def doubled(self) -> int:
        return 2 * self.seq

from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Telemetry(_message.Message):
    __slots__ = ("seq", "ts", "temp", "msg")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TS_FIELD_NUMBER: _ClassVar[int]
    TEMP_FIELD_NUMBER: _ClassVar[int]
    MSG_FIELD_NUMBER: _ClassVar[int]
    seq: int
    ts: float
    temp: float
    msg: str
    def __init__(self, seq: _Optional[int] = ..., ts: _Optional[float] = ..., temp: _Optional[float] = ..., msg: _Optional[str] = ...) -> None: ...

"""Signed messages for tests: a codec with a key, and what refuses without it."""

import importlib
import sys
from pathlib import Path

import pytest

import framewire
from framewire import SAFE, Codec, SignatureError

sys.path.append(str(Path(__file__).parents[1] / "examples"))
read = importlib.import_module("framewire_reader").read

KEY, OTHER = b"a secret of both", bytes(range(32))
SIGNED = Codec(key=KEY, allow=SAFE | {"pickle"})


def refused(call, *args, code="signature", **kwargs):
    with pytest.raises(SignatureError) as caught:
        call(*args, **kwargs)
    assert caught.value.code == code
    return caught.value


def frames_of(value, codec=SIGNED, **how):
    return [bytes(frame) for frame in framewire.dumps(value, codec=codec, **how)]

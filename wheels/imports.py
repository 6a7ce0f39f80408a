"""Run by `install`, where nothing but framewire and its dependencies is installed."""

import importlib
import pkgutil
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import distributions

import framewire

ALONE = {"framewire", "msgspec", "numpy", "pyzmq", "pip", "setuptools"}  # a venv has the last two
SERIALIZERS = ("arrow", "capnp", "cloudpickle", "dill", "flatbuffers", "protobuf")


def lacking(function: Callable[..., object], *arguments: object) -> str:
    """What a call says that is not installed, or nothing."""
    try:
        function(*arguments)
    except ImportError as error:
        return str(error)
    return ""


def main(transport: str) -> None:
    assert {each.name.lower() for each in distributions()} <= ALONE
    assert framewire.transport == transport
    assert framewire.__file__.startswith(sys.prefix), framewire.__file__
    modules = {each.name for each in pkgutil.walk_packages(framewire.__path__, "framewire.")}
    modules -= {"framewire.cli.__main__"} | {
        f"framewire.serializers.{name}" for name in SERIALIZERS
    }
    for name in sorted(modules):
        needed = lacking(importlib.import_module, name)
        unreached = transport == "pyzmq" and "FRAMEWIRE_TRANSPORT=pyzmq is set" in needed
        assert not needed or unreached or "pip install 'framewire[" in needed, (name, needed)
        print(f"  {name}", needed)
    for name in SERIALIZERS:  # which are imported when one is asked for
        needed = lacking(partial(framewire.dumps, {}, serializer=name))
        assert f"pip install 'framewire[{name}]'" in needed, (name, needed)


if __name__ == "__main__":
    main(sys.argv[1])

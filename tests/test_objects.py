"""Types that users register: functions by type, generic objects, what a name can reach."""

import subprocess
import sys
import textwrap
import time
import types
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sameness import same

import framewire


def through(value, **settings):
    return framewire.loads(framewire.dumps(value), **settings)


# ---- functions by type


class Celsius:
    def __init__(self, degrees):
        self.degrees = degrees


class Kelvin(Celsius):
    pass


class Fahrenheit(Celsius):
    pass


class Image:
    """With a large array, and one that is not."""

    def __init__(self, pixels, mask):
        self.pixels, self.mask = pixels, mask


@framewire.serialize.register(Celsius)
def dump_celsius(value):
    return {"degrees": value.degrees}, []


@framewire.deserialize.register(Celsius)
def load_celsius(header, frames):
    assert frames == []
    return Celsius(header["degrees"])


framewire.serialize.register(Kelvin, lambda value: ([value.degrees], [b"K"]))
framewire.deserialize.register(Kelvin, lambda header, frames: Kelvin((header, frames)))
framewire.serialize.register(Image, lambda value: ({"mask": value.mask}, [value.pixels, b"end"]))
framewire.deserialize.register(Image, lambda header, frames: Image(frames, header["mask"]))


def test_registered_functions(connect, over):
    here, there = connect(over=over)
    for value in (Celsius(20), [Celsius(20)], {"a": (1, Celsius(20))}):
        here.send_value(value)
        came = there.recv_value()
        came = came[0] if type(came) is list else came["a"][1] if type(came) is dict else came
        assert type(came) is Celsius
        assert came.degrees == 20


def test_by_method_resolution_order():
    kelvin, fahrenheit = through([Kelvin(300), Fahrenheit(70)])
    assert type(kelvin) is Kelvin
    header, frames = kelvin.degrees
    assert (header, [bytes(frame) for frame in frames]) == ([300], [b"K"])
    assert type(fahrenheit) is Celsius  # as whose it was sent
    assert fahrenheit.degrees == 70


def test_the_nearest_base_serves():
    class Both(Fahrenheit, Kelvin):
        pass

    (came,) = through([Both(1)])
    assert type(came) is Kelvin


def test_a_registration_serves_what_was_met_before():
    class Late:
        pass

    with pytest.raises(TypeError, match="Late cannot be sent"):
        framewire.dumps([Late()])
    framewire.serialize.register(Late, lambda value: (None, []))
    framewire.deserialize.register(Late, lambda header, frames: Late())
    assert type(through([Late()])[0]) is Late


def test_frames_are_in_place():
    pixels = np.arange(10_000.0)
    frames = framewire.dumps({"a": [Image(pixels, np.eye(2))]}, copy=False)
    assert len(frames) == 2
    assert np.shares_memory(np.frombuffer(frames[1]), pixels)
    (came,) = framewire.loads(frames)["a"]
    assert [type(frame) for frame in came.pixels] == [memoryview, memoryview]
    assert np.shares_memory(np.frombuffer(came.pixels[0]), pixels)
    assert all(frame.readonly for frame in came.pixels)
    assert bytes(came.pixels[1]) == b"end"
    assert same(came.mask, np.eye(2))


def test_frames_are_writable_copies_where_asked_for(pair):
    here, there = pair
    here.send_value([Image(np.arange(10_000.0), 1)])
    (came,) = there.recv_value(copy=True)
    came.pixels[0][0] = 1


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (None, TypeError),
        (5, TypeError),
        (({},), ValueError),
        (({}, 5), TypeError),
        (({}, b"bytes are no list of frames"), TypeError),
        (({}, ["text"]), TypeError),
        (({}, [None]), TypeError),
        (({}, [np.array([None])]), TypeError),
        (({}, [memoryview(b"abcd")[::2]]), ValueError),
        ((object(), []), TypeError),
    ],
    ids="none number one no-list bytes text not-frame objects strided header".split(),
)
def test_functions_that_give_what_cannot_be_sent(pair, result, error):
    class Bad:
        pass

    framewire.serialize.register(Bad, lambda value: result)
    here, there = pair
    for value in (Bad(), {"a": Bad()}):
        with pytest.raises(error):
            here.send_value(value)
    here.send_value("next")
    assert there.recv_value() == "next"


def test_functions_that_raise(pair):
    """On the sending side the exception itself; on the receiving side a DecodeError of it."""

    class Raising:
        pass

    def raise_it(*_):
        raise ZeroDivisionError("mine")

    framewire.serialize.register(Raising, lambda value: (None, []))
    framewire.deserialize.register(Raising, raise_it)
    here, there = pair
    here.send_value([Raising()])
    framewire.serialize.register(Raising, raise_it)
    with pytest.raises(ZeroDivisionError, match="mine"):
        here.send_value([Raising()])
    here.send_value("next")
    with pytest.raises(framewire.DecodeError, match=r"ZeroDivisionError.*mine") as info:
        there.recv_value()
    assert info.value.code == "payload"
    assert isinstance(info.value.__cause__, ZeroDivisionError)
    assert there.recv_value() == "next"


def test_not_implemented_is_a_type_error():
    class Never:
        pass

    @framewire.serialize.register(Never)
    def dump(value):
        raise NotImplementedError("never")

    for value in (Never(), [Never()]):
        for name in (None, "auto", "msgpack"):
            with pytest.raises(TypeError, match="never"):
                framewire.dumps(value, serializer=name)
        with pytest.raises(TypeError):
            framewire.dumps(value, codec=framewire.Codec("auto"))


@pytest.mark.parametrize("register", [framewire.serialize.register, framewire.deserialize.register])
def test_only_types_are_registered(register):
    for wrong in ("name", 5, None, Celsius(1)):
        with pytest.raises(TypeError, match="a type is registered"):
            register(wrong, lambda: None)
    with pytest.raises(TypeError, match="registered with a function, not 5"):
        register(complex, 5)
    with pytest.raises(TypeError, match="two functions, dumps and loads"):
        framewire.register_serializer("functions", 5, lambda header, frames: None)


def test_unusual_modules():
    """Classes whose module has no name, as those that programs make."""
    for module in (None, 5, property(lambda self: "x")):
        cls = type("Unusual", (), {"__module__": module})
        for value in (cls(), [cls()]):
            with pytest.raises(TypeError, match="Unusual cannot be sent"):
                framewire.dumps(value)


# ---- lazily


def lazy_module(name, calls):
    """A module with a class, and the function that registers it."""
    module = types.ModuleType(name)
    module.Lazy = type("Lazy", (), {"__module__": f"{name}.inner", "x": 5})

    def register():
        calls.append(name)
        framewire.serialize.register(module.Lazy, lambda value: ({"x": value.x}, []))
        framewire.deserialize.register(module.Lazy, lambda header, frames: header["x"])

    return module, register


def test_register_lazy():
    calls = []
    module, register = lazy_module("objects_lazily", calls)
    framewire.serialize.register_lazy("objects_lazily", register)
    framewire.dumps([1, Celsius(2)])
    assert not calls
    frames = framewire.dumps([module.Lazy()])
    assert framewire.loads(frames) == [5]
    framewire.dumps([module.Lazy()])
    assert calls == ["objects_lazily"]


def test_register_lazy_of_a_receiver():
    """A process that knows the module's name only: when a message has it, the types are made."""
    module, register = lazy_module("objects_later", [])
    register()
    (frame,) = framewire.dumps([module.Lazy()])
    program = """
    import sys, framewire
    calls = []

    @framewire.deserialize.register_lazy("objects_later")
    def register():
        calls.append(1)
        cls = type("Lazy", (), {"__module__": "objects_later.inner"})
        framewire.deserialize.register(cls, lambda header, frames: header["x"])

    frame = bytes.fromhex(sys.argv[1])
    assert framewire.loads(frame) == framewire.loads(frame) == [5]
    assert calls == [1]
    """
    arguments = [sys.executable, "-c", textwrap.dedent(program), frame.hex()]
    subprocess.run(arguments, check=True, timeout=60)


@pytest.mark.parametrize("decorate", [False, True])
def test_register_lazy_decorates(decorate):
    calls = []
    name = f"objects_decorated_{decorate}"
    module, register = lazy_module(name, calls)
    if decorate:
        assert framewire.serialize.register_lazy(name)(register) is register
    else:
        assert framewire.serialize.register_lazy(name, register) is register
    assert through([module.Lazy()]) == [5]


def test_register_lazy_in_several_threads():
    """Who comes while another thread has the types registered waits until they are."""
    module = types.ModuleType("objects_slowly")

    class Thing:
        pass

    Thing.__module__, Thing.__qualname__ = module.__name__, "Thing"

    @framewire.serialize.register_lazy(module.__name__)
    def register():
        time.sleep(0.05)
        framewire.serialize.register(Thing, lambda thing: ({}, []))

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(framewire.dumps, Thing()) for _ in range(4)]
        assert all(future.result() for future in done)


def test_register_lazy_that_fails():
    """It is asked again: what failed once, as an import, may work later."""
    calls = []
    module, register = lazy_module("objects_failing", calls)

    @framewire.serialize.register_lazy("objects_failing")
    def failing():
        if not calls:
            calls.append(1)
            raise ImportError("not yet")
        register()

    with pytest.raises(ImportError, match="not yet"):
        framewire.dumps([module.Lazy()])
    assert through([module.Lazy()]) == [5]


# ---- what a name can reach


@pytest.fixture
def renamed():
    """Send an object of a registered class under another name."""

    def rename(name, header=None, frames=()):
        class Any:
            pass

        Any.__module__, _, Any.__qualname__ = name.rpartition(".")
        framewire.serialize.register(Any, lambda value: (header, list(frames)))
        return framewire.dumps([Any()])

    return rename


NAMES = [
    "os.system",
    "builtins.object",
    "builtins.eval",
    "numpy.ndarray",
    "pathlib.Path",
    "framewire._codec.Codec",
    f"{__name__}.Image.__init__",
    f"{__name__}.Nobody",
    f"{__name__}.Fahrenheit",
    "nowhere.to.be.found",
    ".",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_nothing_unregistered_is_reached(renamed, pair, name):
    here, there = pair
    before = set(sys.modules)
    here.send_multipart(renamed(name))
    here.send_value("next")
    with pytest.raises(framewire.RefusedError, match=r"not registered here.*deserialize.register"):
        there.recv_value()
    assert there.recv_value() == "next"
    assert set(sys.modules) == before


class Sensor:
    pass


class Camera(Sensor):
    pass


framewire.register_generic(Sensor)


@pytest.mark.parametrize(
    "name",
    ["builtins.int", "os.system", f"{__name__}.Celsius", f"{__name__}.Image", "", None, 5, ["a"]],
    ids=["int", "system", "celsius", "image", "empty", "none", "number", "list"],
)
def test_generic_reaches_subclasses_only(renamed, name):
    header = {"class": name, "state": {}}
    with pytest.raises(framewire.DecodeError):
        framewire.loads(renamed(f"{__name__}.Sensor", header))


@pytest.mark.parametrize(
    "header",
    [
        None,
        5,
        {},
        {"class": f"{__name__}.Camera"},
        {"class": f"{__name__}.Camera", "state": 5},
        {"class": f"{__name__}.Camera", "state": {5: 1}},
        {"class": f"{__name__}.Camera", "state": {"__class__": 5}},
        {"class": f"{__name__}.Camera", "state": {"__dict__": 5}},
        {"class": f"{__name__}.Camera", "state": [["a", 1]]},
    ],
    ids="none number empty no-state number-state number-name class dict pairs".split(),
)
def test_generic_headers_that_are_none(renamed, pair, header):
    here, there = pair
    here.send_multipart(renamed(f"{__name__}.Sensor", header))
    here.send_value("next")
    with pytest.raises(framewire.DecodeError):
        there.recv_value()
    assert there.recv_value() == "next"

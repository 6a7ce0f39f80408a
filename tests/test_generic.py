"""Objects that are what their attributes are: register_generic."""

import dataclasses
import enum
import functools

import numpy as np
import pytest
from sameness import same

import framewire

LARGE = np.arange(10_000.0)


def through(value, **settings):
    return framewire.loads(framewire.dumps(value), **settings)


@framewire.register_generic
class Estimator:
    """In the style of scikit-learn: parameters, and attributes that fitting gives it."""

    def __init__(self, alpha=1.0, *, mode="ridge"):
        self.alpha = alpha
        self.mode = mode
        self.called = True

    def fit(self, features, target):
        self.n_features_in_ = features.shape[1]
        gram = features.T @ features + self.alpha * np.eye(self.n_features_in_)
        self.coef_ = np.linalg.solve(gram, features.T @ target)
        self.classes_ = np.array(["a", "b"])
        self.history_ = [{"loss": np.float64(0.5), "step": 1}]
        self.best_ = None
        return self

    def predict(self, features):
        return features @ self.coef_


@framewire.register_generic
class Pipeline:
    def __init__(self, *steps):
        self.steps = steps


class Scaler(Estimator):
    """Of a registered class, and not registered itself."""


class Slotted:
    __slots__ = ("__private", "a", "unset")

    def __init__(self):
        self.a = LARGE
        self.__private = (1, 2)

    def get(self):
        return self.__private


class SlottedMore(Slotted):
    __slots__ = ("__weakref__", "b")


class SlottedDict(Slotted):
    pass


class Level(enum.Enum):
    LOW = 1
    HIGH = (2, "high")


class Flags(enum.IntFlag):
    A = 1
    B = 2


@dataclasses.dataclass
class Config:
    name: str
    level: Level = Level.LOW
    arrays: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    x: int
    y: object = None


class Quantity(np.ndarray):
    """An array with a unit."""

    def __array_finalize__(self, other):
        self.unit = getattr(other, "unit", "none")


class Masked(np.ma.MaskedArray):
    pass


for each in (Slotted, Level, Flags, Config, Frozen, Quantity, Masked):
    framewire.register_generic(each)


def fitted():
    rng = np.random.default_rng(1)
    return Estimator(0.5).fit(rng.normal(size=(50, 3)), rng.normal(size=50))


def test_an_estimator(connect, over):
    here, there = connect(over=over)
    sent = fitted()
    for value in (sent, {"model": [sent]}):
        here.send_value(value)
        came = there.recv_value()
        came = came if value is sent else came["model"][0]
        assert type(came) is Estimator
        assert list(vars(came)) == list(vars(sent))
        assert same(came.coef_, sent.coef_)
        assert same(came.classes_, sent.classes_)
        assert same(came.history_, sent.history_)
        assert (came.alpha, came.mode, came.best_) == (0.5, "ridge", None)
        features = np.ones((4, 3))
        assert same(came.predict(features), sent.predict(features))


def test_init_is_not_called():
    class Once:
        calls = 0

        def __init__(self):
            type(self).calls += 1

    framewire.register_generic(Once)
    assert type(through(Once())) is Once
    assert Once.calls == 1


def test_inside_each_other_and_subclasses():
    sent = Pipeline(Scaler(2.0), ("last", fitted()))
    came = through({"p": sent})["p"]
    assert type(came) is Pipeline
    scaler, (name, last) = came.steps
    assert (type(scaler), scaler.alpha, name) == (Scaler, 2.0, "last")
    assert same(last.coef_, sent.steps[1][1].coef_)


def test_a_subclass_of_a_subclass():
    class Inner(Scaler):
        pass

    assert type(through(Inner())) is Inner


def test_large_attributes_are_in_place(pair):
    sent = fitted()
    sent.coef_ = LARGE
    frames = framewire.dumps([sent], copy=False)
    assert len(frames) == 2
    assert np.shares_memory(np.frombuffer(frames[1]), LARGE)
    came = framewire.loads(frames)[0].coef_
    assert np.shares_memory(came, LARGE)
    assert not came.flags.writeable
    here, there = pair
    here.send_value(sent)
    assert there.recv_value(copy=True).coef_.flags.writeable


@pytest.mark.parametrize("cls", [Slotted, SlottedMore, SlottedDict])
def test_slots(cls):
    sent = cls()
    if cls is not Slotted:
        sent.b = [1]
    came = through(sent)
    assert type(came) is cls
    assert came.get() == (1, 2)
    assert same(came.a, LARGE)
    assert not hasattr(came, "unset")
    assert cls is Slotted or came.b == [1]


def test_enumerations():
    came = through([Level.LOW, Level.HIGH, Flags.A | Flags.B, {"x": Level.HIGH}])
    assert came == [Level.LOW, Level.HIGH, Flags.A | Flags.B, {"x": Level.HIGH}]
    assert came[1] is Level.HIGH
    assert type(came[2]) is Flags
    assert through(Level.LOW) is Level.LOW


def test_enumerations_as_keys():
    assert through({Level.LOW: 1, Flags.B: 2}) == {Level.LOW: 1, Flags.B: 2}
    assert through({Level.HIGH}) == {Level.HIGH}


def test_dataclasses():
    sent = Config("a", Level.HIGH, {"x": Frozen(1, [Frozen(2)])})
    assert through(sent) == sent
    assert through({Frozen(1): 2}) == {Frozen(1): 2}
    (came,) = through([Frozen(1, LARGE)])
    assert same(came.y, LARGE)
    with pytest.raises(dataclasses.FrozenInstanceError):
        came.x = 5


def test_an_array_of_a_registered_subclass():
    sent = LARGE.reshape(100, 100).view(Quantity)
    sent.unit = "K"
    for value in (sent, sent[::2], sent.T, sent[:5, :5], sent[0, 0]):
        for came in (through(value), *through([value])):
            if value.ndim:
                assert type(came) is Quantity
                assert came.unit == "K"
            assert same(np.asarray(came), np.asarray(value))


def test_an_array_of_another_subclass():
    class Other(np.ndarray):
        pass

    for came in (through(LARGE.view(Other)), through([LARGE.view(Other)])[0]):
        assert type(came) is np.ndarray


def test_a_masked_array_of_a_registered_subclass():
    sent = Masked([1.0, 2.0, 3.0], mask=[0, 1, 0], fill_value=-1)
    sent.note = "mine"
    for came in (through(sent), through([sent])[0]):
        assert type(came) is Masked
        assert came.tolist() == [1.0, None, 3.0]
        assert came.fill_value == -1
        assert came.note == "mine"


def test_computed_attributes():
    class Computed:
        def __init__(self):
            self.size = 5

        @functools.cached_property
        def squared(self):
            return self.size**2

        @property
        def doubled(self):
            return self.size * 2

    framewire.register_generic(Computed)
    sent = Computed()
    assert sent.squared == 25
    assert vars(through(sent)) == {"size": 5, "squared": 25}


def test_a_property_over_a_slot_or_the_dict():
    class Guarded:
        def __init__(self, x):
            self.__dict__["x"] = x

        @property
        def x(self):
            return self.__dict__["x"]

        def __setattr__(self, name, value):
            raise AttributeError("read-only")

    framewire.register_generic(Guarded)
    assert through(Guarded(5)).x == 5


@pytest.mark.parametrize("base", [list, dict, tuple, str, int, float, bytes, set, Exception])
def test_what_has_more_than_attributes(base):
    """Its items would be lost without a word: it is refused, or they come."""
    cls = type(f"More{base.__name__}", (base,), {})
    try:
        framewire.register_generic(cls)
    except TypeError:
        return
    value = cls() if base in (int, float) else cls("5") if base is not dict else cls(a=1)
    assert through([value]) == [value]


def test_a_class_that_is_made_of_something():
    class Point:
        def __new__(cls, x):
            return super().__new__(cls)

    with pytest.raises(TypeError, match=r"Point\.__new__ needs arguments: register functions"):
        framewire.register_generic(Point)

    @framewire.register_generic
    class Single:
        def __new__(cls, *args):
            return super().__new__(cls)

    assert type(through(Single())) is Single


def test_attributes_that_cannot_be_sent(pair):
    sent = fitted()
    sent.callback = print
    here, there = pair
    with pytest.raises(TypeError, match=r"^value\['a'\]\[1\]\.callback: a builtin_function"):
        here.send_value({"a": [0, sent]})
    here.send_value("next")
    assert there.recv_value() == "next"


def test_an_object_that_holds_itself():
    sent = Estimator()
    sent.own = [sent]
    with pytest.raises(ValueError, match="one inside itself"):
        framewire.dumps(sent)


def test_attributes_that_come_and_go_while_it_is_sent():
    """An attribute's own function changes the object: a whole value is sent, or none."""

    class Changing:
        pass

    class Trigger:
        owner = None

    @framewire.serialize.register(Trigger)
    def dump(value):
        owner = Trigger.owner
        for n in range(100):
            setattr(owner, f"new{n}", n)
        del owner.first
        return None, []

    framewire.deserialize.register(Trigger, lambda header, frames: "triggered")
    framewire.register_generic(Changing)
    sent = Trigger.owner = Changing()
    sent.first, sent.second, sent.third = LARGE, Trigger(), 3
    try:
        came = through(sent)
    except (ValueError, AttributeError):
        return
    assert (came.second, came.third) == ("triggered", 3)


def test_local_classes_of_the_same_name():
    """The last one that was registered is the class of that name, as in a notebook."""

    def make(number):
        class Same:
            pass

        Same.number = number
        return framewire.register_generic(Same)

    first, second = make(1), make(2)
    assert type(through([second()])[0]) is second
    with pytest.raises(TypeError, match="cannot be sent"):
        framewire.dumps([first()])

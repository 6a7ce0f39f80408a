"""framewire.compat.osbrain.install: what live agents with it and without it send each other."""

import importlib
import pickle
import re
import struct

import described
import numpy as np
import pytest
from live import LARGE, RICH, assert_same, heard, running, waited

import framewire
from framewire.compat import joined
from framewire.compat.osbrain import bind, connect, install, uninstall

NAMES = pytest.mark.parametrize("name", joined.PICKLES)


@NAMES
@pytest.mark.parametrize("sender", ["plain", "installed", "uninstalled"])
@pytest.mark.parametrize("receiver", ["plain", "installed-too"])
def test_agents_with_and_without_install(agents, open_socket, sender, receiver, name):
    """Every mixture of agents, and ours in between, which sees what travels."""
    value = {"large": LARGE, "fortran": np.asfortranarray(LARGE.reshape(250, 200)), "rest": RICH}
    value["reversed"] = LARGE[::-1]
    value["times"] = LARGE.astype("M8[s]")
    value["record"] = np.zeros(3000, "i4,f8")
    with (
        open_socket(bind, "PULL", name) as pull,
        open_socket(bind, "PUSH", name) as push,
        open_socket(bind, "PUB", name) as pub,
    ):
        agents[sender].connect(pull.address, "out")
        agents[receiver].connect(push.address, "in", handler="keep")
        agents[receiver].connect(pub.address, "sub", handler={"t": "keep"})
        agents[sender].send("out", value)
        travels = pull.socket.recv()
        assert joined.is_joined(travels) == (sender == "installed")
        push.socket.send(travels)
        (came,) = agents.received(receiver)
        assert_same(came, value)
        assert came["fortran"].flags.f_contiguous
        agents[sender].send("out", value)
        assert_same(pull.recv(), value)
        came = heard(
            agents[receiver],
            lambda: pub.socket.send(b"t\x80" + travels),
            lambda end: pub.send(end, "t"),
        )
        assert_same(came[0], value)
    for each in (sender, receiver):
        agents[each].close_all()
        agents[each].take()


@NAMES
@pytest.mark.parametrize("sender", ["plain", "installed"])
@pytest.mark.parametrize("receiver", ["plain", "installed-too"])
def test_an_agent_gets_what_it_would_without(agents, sender, receiver, name):
    """Types, flags and values, whoever of the two has it."""
    address = agents[receiver].bind("PULL", handler="keep_description", serializer=name)
    agents[sender].connect(address, "out")
    agents[sender].send_made("out", list(described.VALUES))
    came = agents.received(receiver, len(described.VALUES))
    for description, (what, make) in zip(came, described.VALUES.items(), strict=True):
        assert description == alone(name, make()), what
    for each in {sender, receiver}:
        agents[each].close_all()


def alone(name, value):
    """The description of a value that the serializer has carried, and nobody else."""
    library = importlib.import_module(name)
    return described.describe(library.loads(library.dumps(value, -1)))


@NAMES
@pytest.mark.parametrize("what", described.VALUES)
def test_a_message_is_read_alike(name, what):
    """In place and by whatever loads pickles; without anything large it is the very pickle."""
    library = importlib.import_module(name)
    value = described.VALUES[what]()
    message = joined.dump(name, value)
    expected = alone(name, value)
    assert described.describe(library.loads(message)) == expected
    if joined.is_joined(message):
        assert described.describe(joined.load(message)) == expected
    else:
        assert message == library.dumps(value, -1)


def test_arrays_are_not_pickled():
    """All that are in one piece, that is, by each of the three."""
    for what in ("plain", "read-only", "Fortran order", "big-endian", "structure", "text"):
        for name in joined.PICKLES:
            assert joined.is_joined(joined.dump(name, described.VALUES[what]())), (what, name)
    assert joined.is_joined(joined.dump("dill", described.VALUES["times"]()))


def test_between_two_agents(agents):
    """A request and its reply, with arrays, by agents only."""
    address = agents["installed"].bind("REP", handler="reply")
    agents["installed-too"].connect(address, "req")
    agents["plain"].connect(address, "req")
    for agent in ("installed-too", "plain"):
        agents[agent].after(0, "ask", "req", {"a": LARGE})
        assert_same(agents.received(agent), [{"a": LARGE}])
        agents[agent].close_all()
    assert_same(agents.received("installed", 2), [{"a": LARGE}] * 2)
    agents["installed"].close_all()


def test_agents_that_are_not_forked(tmp_path, open_socket):
    """They call it themselves."""
    names = ("installed", "installs", "plain")
    with running(tmp_path, *names, method="forkserver") as agents:
        for name in names:
            address = agents[name].bind("PUSH", "out")
            with open_socket(connect, address) as pull:
                agents[name].send_made("out", ["plain"])
                assert joined.is_joined(pull.socket.recv()) == (name == "installs")


def test_an_agent_without_framewire_says_so(tmp_path, open_socket):
    with running(tmp_path, "bare") as agents, open_socket(bind, "PUSH", "pickle") as push:
        agents["bare"].connect(push.address, "in", handler="keep")
        push.socket.send(joined.dump("pickle", np.arange(10)))
        push.send(LARGE)  # what connect and bind send is read by all
        assert_same(agents.received("bare", 2), [np.arange(10), LARGE])
        push.socket.send(joined.dump("pickle", LARGE))
        waited(lambda: re.search("ModuleNotFoundError: .*framewire", agents.output))


def test_small_messages_are_the_pickles_that_they_were(osbrain):
    assert joined.dump("pickle", RICH) == pickle.dumps(RICH, -1)
    before = dict(osbrain.agent._serialize_calls), dict(osbrain.agent._deserialize_calls)
    install()
    install()
    try:
        assert osbrain.agent._serialize_calls["pickle"](RICH) == pickle.dumps(RICH, -1)
        assert osbrain.agent._serialize_calls["json"] is before[0]["json"]
    finally:
        uninstall()
        uninstall()
    assert (osbrain.agent._serialize_calls, osbrain.agent._deserialize_calls) == before


def test_it_can_be_called_in_a_running_agent(agents, open_socket):
    with open_socket(bind, "PULL", "pickle") as pull:
        agents["plain"].connect(pull.address, "out")
        for function in (install, uninstall):
            agents["plain"].execute_as_function(function)
            agents["plain"].send("out", LARGE)
            assert joined.is_joined(pull.socket.recv()) == (function is install)
    agents["plain"].close_all()


@NAMES
def test_joined_messages(name):
    """Loaded by each of the three, in place or not; every cut and every change is an error."""
    value = {"array": LARGE[:2000], "f": lambda x: x + 1} if name != "pickle" else [LARGE[:2000]]
    message = joined.dump(name, value)
    for loads in (pickle.loads, *(importlib.import_module(each).loads for each in joined.PICKLES)):
        assert type(loads(message)) is type(value)
    for form in (bytes, bytearray, memoryview):
        found = joined.load(form(message))
        array = found[0] if name == "pickle" else found["array"]
        assert array.tolist() == LARGE[:2000].tolist()
        assert array.flags.writeable
        assert name == "pickle" or found["f"](1) == 2
    for end in [*range(1000), *range(len(message) - 1000, len(message))]:
        cut = message[:end]
        if joined.is_joined(cut):
            with pytest.raises(framewire.DecodeError):
                joined.load(cut)
    with pytest.raises(framewire.DecodeError):
        joined.load(message + b"x")
    at = len(message) - len(joined._END) - LARGE[:2000].nbytes - 8
    assert struct.unpack_from("<Q", message, at) == (LARGE[:2000].nbytes,)
    for size in (0, 1, 2**63, 2**64 - 1):
        with pytest.raises((framewire.DecodeError, pickle.UnpicklingError, ValueError)):
            joined.load(message[:at] + struct.pack("<Q", size) + message[at + 8 :])


def test_join_takes_pickles_only():
    with pytest.raises(ValueError, match="msgpack"):
        joined.join("msgpack", b"")

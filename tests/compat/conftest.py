"""Agents of osBrain for the tests of framewire.compat.osbrain, and sockets that cannot hang."""

import pytest
from live import import_osbrain, running


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("o")


@pytest.fixture(scope="module")
def osbrain(folder):
    return import_osbrain(folder)


@pytest.fixture(scope="module")
def agents(folder):
    with running(folder, "plain", "installed", "installed-too", "uninstalled") as agents:
        yield agents


@pytest.fixture
def open_socket(ctx, quick, request):
    """`connect` or `bind`, of a socket that cannot hang."""

    def open_socket(function, *arguments, **settings):
        if function.__name__ == "bind":
            request.getfixturevalue("osbrain")  # whose addresses it makes
        agents = function(*arguments, context=ctx, **settings)
        quick(agents.socket)
        return agents

    return open_socket


# ---- framewire in dask's place, in this process


@pytest.fixture
def registered():
    from framewire.compat import dask

    dask.register()
    yield
    dask.unregister()


@pytest.fixture
def switch():
    """Switch framewire on, with True, and off."""
    from framewire.compat import dask

    yield lambda on: dask.register() if on else dask.unregister()
    dask.unregister()

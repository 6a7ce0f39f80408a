"""What tests of the commands share."""

import pytest
from tapped import Publisher


@pytest.fixture
def tcp(ctx):
    return Publisher(ctx, "tcp://127.0.0.1:*")

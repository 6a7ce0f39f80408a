"""A short run of fuzz/, always the same, and what it must notice."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))
from fuzz.files import golden, pack, unpack  # noqa: E402
from fuzz.mutate import mutated  # noqa: E402
from fuzz.watch import ALLOWED_BYTES, Growth, Last, resident  # noqa: E402

pytestmark = pytest.mark.timeout(600)  # as of a machine that is busy; it takes seconds


def run(*arguments):
    """In a process of its own: it registers classes."""
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_mutated_messages(tmp_path):
    out = run("--messages", 20_000, "--seed", 1, "--last", tmp_path / "last.frames")
    assert "20,000 messages" in out
    assert "taken" in out


def test_messages_that_were_saved():
    """The corpus, and golden messages for the ways that their own tests do not have."""
    corpus = sorted((ROOT / "fuzz" / "corpus").glob("*.frames"))
    assert len(corpus) > 10
    assert "taken" in run(*corpus, *sorted((ROOT / "tests" / "golden").glob("*.frames"))[::5])


def test_mutations_are_reproducible():
    messages = list(golden().values())
    for number in range(200):
        twice = [
            mutated(*random.Random(number).sample(messages, 2), random.Random(number))
            for _ in range(2)
        ]
        assert twice[0] == twice[1]
        assert all(type(frame) is bytes for frame in twice[0])


def test_files():
    for frames in ([b""], [b"a", b"", b"bcd"]):
        assert unpack(pack(frames)) == frames
    for cut in range(12):
        assert unpack(pack([b"abcd", b"efgh"])[:cut])


def test_the_last_message_is_on_disk(tmp_path):
    last = Last(tmp_path / "folder" / "last")
    last.note([b"a" * 100, b"b"])
    last.note([b"one", b"two"])
    assert unpack(last.path.read_bytes()) == [b"one", b"two"]
    last.close()


@pytest.mark.skipif(not resident(), reason="needs /proc")
def test_growth_is_noticed():
    watched = object()
    growth = Growth({"watched": watched})
    assert "references +0" in growth.check()
    more = [watched] * 100
    with pytest.raises(AssertionError, match="references to watched grew by 100"):
        growth.check()
    more.clear()
    assert "references +0" in growth.check()
    more.append(b"x" * 2 * ALLOWED_BYTES)
    with pytest.raises(AssertionError, match="bytes grew"):
        growth.check()

"""The benchmarks measure, keep, draw and compare; what they measure decides nothing here."""

import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import msgspec
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))
from benchmarks import (  # noqa: E402
    __main__,
    array_codecs,
    compare,
    contenders,
    documents,
    figures,
    groups,
    pairs,
    plot,
    report,
    results,
    sizes,
    tables,
)

ABOUT = {"date": "2026-01-01 00:00", "command": "run", "seconds": "1"}
KEYS = ("fw", "fw-inplace", "raw")
SMALL, LARGE = 64, 32 << 10  # bytes


@pytest.fixture(autouse=True)
def _nothing_left_out():
    report.left_out.clear()


@pytest.fixture(scope="module")
def run():
    """A sweep of two sizes by three contenders."""
    cases = list(sizes.run(1, 1000, (SMALL, LARGE), KEYS))
    for case in cases:
        case.group = "sizes"
    return results.Run(dict(ABOUT), cases=cases)


def changed(run, contender, factor):
    """A copy of a run in which a contender takes so many times the time."""
    copy = msgspec.json.decode(msgspec.json.encode(run), type=results.Run)
    for case in copy.cases:
        for row in case.rows:
            row.seconds *= factor if row.contender == contender else 1
    return copy


def test_sweep(run):
    found = {
        (case.transport, case.size, row.contender)
        for case in run.cases
        for row in case.rows
        if "one way" in case.sweep
    }
    everywhere = {(t, s, k) for t in plot.TRANSPORTS for s in (SMALL, LARGE) for k in KEYS}
    assert found == {each for each in everywhere if each[1:] != (SMALL, "fw-inplace")}
    assert {case.transport for case in run.cases if "p50" in case.sweep} == {"ipc", "tcp"}
    assert all(row.seconds > 0 and row.rounds for case in run.cases for row in case.rows)


def test_json_there_and_back(run, tmp_path):
    path = tmp_path / "new" / "run.json"
    run.save(path)
    assert results.load(path) == run
    assert set(msgspec.json.decode(path.read_bytes())) == {"about", "left_out", "cases"}


@pytest.mark.parametrize("key", sizes.KEYS)
def test_every_way_carries_an_array(key):
    if reason := contenders.missing(key):
        pytest.skip(reason)
    assert sizes.one_thread(key, (LARGE,))["rate", LARGE] > 0


@pytest.mark.parametrize("name", array_codecs.CODECS)
@pytest.mark.parametrize("array", [np.arange(3.0), np.arange(6, dtype="u2").reshape(2, 3)])
def test_every_codec_gives_the_array_back(name, array):
    if reason := contenders.missing(f"array-{name}"):
        pytest.skip(reason)
    codec = array_codecs.CODECS[name]
    frames = [bytes(memoryview(frame).cast("B")) for frame in codec.encode(array)]
    got = codec.decode(frames)
    assert got.dtype == array.dtype
    np.testing.assert_array_equal(got, array)


def test_plot(run, tmp_path):
    pytest.importorskip("matplotlib")
    paths = plot.draw(run, tmp_path)
    assert [path.name for path in paths] == ["rate.svg", "latency.svg"]
    again = plot.draw(run, tmp_path / "again")
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in again]
    assert all(1000 < path.stat().st_size < 150_000 for path in paths)


def test_tables(run):
    text = "\n".join(tables.stream(run.cases))
    assert text.count("framewire send_array/recv_array") == text.count("arrays, ")
    faster = changed(run, "raw", 1e-6)
    assert "pyzmq send/recv, same bytes" in "\n".join(tables.slower(faster.cases))
    (line,) = tables.slower(changed(run, "raw", 1e6).cases)
    assert line.endswith("0 rows")


def test_compare(run, tmp_path, capsys):
    lines, behind = compare.compare(run, run)
    assert behind == 1
    assert [line.strip() for line in lines].count("none") == 2
    lines, behind = compare.compare(run, changed(run, "raw", 0.5))
    assert behind == pytest.approx(2)
    assert any("2.00 x worse" in line and "same bytes" in line for line in lines)
    lines, behind = compare.compare(run, changed(run, "fw-inplace", 3))
    assert behind == pytest.approx(3)
    assert not any("better" in line for line in lines)
    assert compare.compare(run, results.Run(dict(ABOUT)))[1] == float("inf")

    old, new = tmp_path / "old.json", tmp_path / "new.json"
    run.save(old)
    changed(run, "raw", 0.5).save(new)
    arguments = ["compare", str(old), str(new)]
    assert __main__.main(arguments) == 0
    assert __main__.main([*arguments, "--fail-over", "1.9"]) == 1
    assert "fell behind 2.00 x, more than 1.9 x" in capsys.readouterr().out
    assert __main__.main([*arguments, "--fail-over", "2.1"]) == 0
    for wrong in ("0.5", "nan", "inf", "much"):
        with pytest.raises(SystemExit):
            __main__.main([*arguments, "--fail-over", wrong])


def test_a_slower_machine_is_no_change_of_ratio(run):
    slower = run
    for key in KEYS:
        slower = changed(slower, key, 3)
    assert compare.compare(run, slower)[1] == pytest.approx(1)


def test_documents_are_what_the_kept_json_gives():
    kept = results.load(results.newest())
    assert documents.stale(kept) == []
    assert __main__.main(["readme", "--check"]) == 0


def test_stale_documents(tmp_path):
    kept = results.load(results.newest())
    for row in kept.cases[0].rows:
        row.seconds *= 7
    other = tmp_path / "other.json"
    kept.save(other)
    assert __main__.main(["readme", str(other), "--check"]) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!-- benchmarks: nothing -->\n<!-- /benchmarks -->", "no such table: nothing"),
        ("<!-- benchmarks: readme -->\n", "no pairs"),
        ("<!-- /benchmarks -->\n", "no pairs"),
    ],
)
def test_documents_with_wrong_marks(text, message):
    with pytest.raises(ValueError, match=message):
        documents.written(text, results.Run(dict(ABOUT)))


def test_every_marked_table_is_full():
    """All rows of the documents' tables are in the kept JSON, and only once."""
    cases = results.load(results.newest()).cases
    titles = {case.title for case in cases}
    assert len(titles) == len(cases)
    for table in vars(figures).values():
        if isinstance(table, figures.Table):
            shown = table.markdown(results.load(results.newest())).splitlines()
            assert len(shown) == 2 + len(table.cases)
            assert set(table.cases) <= titles


def test_what_fails_is_left_out():
    def fails():
        raise RuntimeError("gone")

    rounds = report.interleave({"fw": partial(float, 1), "raw": fails}, 2)
    assert rounds == {"fw": [1.0, 1.0]}
    assert report.left_out.popitem() == ("pyzmq send/recv, same bytes, ", "RuntimeError: gone")
    with pytest.raises(RuntimeError, match="gone"):
        report.interleave({"fw": fails}, 1)


@pytest.mark.parametrize("crashes", ["binder", "connector"])
def test_an_end_that_crashes_ends_both(crashes):
    speak = "import sys; print('tcp://127.0.0.1:1', flush=True); "
    waits, dies = speak + "sys.stdin.read()", speak + "sys.exit(7)"
    ends = [
        [sys.executable, "-c", dies if crashes == end else waits] for end in ("binder", "connector")
    ]
    with pytest.raises(RuntimeError, match="exit status 7 "):
        with pairs.pair(*ends, "tcp") as running:
            [*running.connector.stdout, *running.lines()]


def test_a_group_that_takes_too_long_ends():
    *_, last = groups.lines("sizes", 1, 1000, limit=0.01)
    assert last.left_out == {"the rest of the group sizes": "nothing done within 0.01 s"}


@pytest.mark.parametrize("text", ["", "{}", '{"about": {}, "cases": [', None])
def test_no_run(tmp_path, capsys, text):
    path = tmp_path / "run.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SystemExit) as caught:
        __main__.main(["plot", str(path)])
    assert caught.value.code == 2
    assert f"argument json: {path}: " in capsys.readouterr().err


def test_what_lacks_a_library_is_left_out():
    assert not report.lacks("json", "json")
    assert report.lacks("much", "json", "no_such_module")
    assert report.left_out == {"much": "no_such_module is not installed"}


def test_nothing_is_measured_for_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises((FileExistsError, NotADirectoryError)):
        __main__.main(["run", "green", "--json", str(tmp_path / "file" / "run.json")])


def test_a_missing_library_is_named():
    if find_spec("pyomq"):
        pytest.skip("pyomq is installed")
    assert set(report.interleave({"fw": float, "pyomq": float}, 1)) == {"fw"}
    assert "pyomq is not installed" in report.left_out.values()

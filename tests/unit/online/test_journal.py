import json
import resource
import threading
import time

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.metrics import ranking
from mlsd_lib.online import disk, framing, journal, served
from mlsd_lib.online.journal import Journal
from mlsd_lib.systems import search
from mlsd_lib.worlds.search import SearchWorld
from tests.unit.online.kills import deaths


def record(number, *, size=10):
    return {"request_id": number, "query": "q" * size, "shown": {"position": [1, 2], "doc_id": [f"a{number}", "b"]}}


def ids(back):
    return back.requests["request_id"].tolist()


# A kill


WRITES = """
from concurrent.futures import ThreadPoolExecutor
kept = Journal(folder, rotate_bytes=400_000)
def write(first):
    number = first
    while True:
        kept.append({"request_id": number, "query": "q" * SIZE, "shown": {"doc_id": [number]}})
        acknowledge(number)
        number += THREADS
with ThreadPoolExecutor(THREADS) as pool:
    list(pool.map(write, range(THREADS)))
"""


@pytest.mark.parametrize(("threads", "size"), [(1, 10), (1, 30_000), (3, 30_000)])
def test_what_was_accepted_before_a_kill_is_read_and_at_most_one_torn_record_is_told(tmp_path, threads, size):
    imports = "from mlsd_lib.online.journal import Journal"
    body = WRITES.replace("THREADS", str(threads)).replace("SIZE", str(size))
    folders = [tmp_path / str(place) for place in range(6)]
    accepted_in_all = 0
    for folder, told in deaths(imports, body, folders, seed=threads, step=10, longest_s=0.05):
        accepted = [int(number) for number in told]
        accepted_in_all += len(accepted)
        if not folder.exists() or not any(folder.iterdir()):
            assert not accepted
            continue
        back = journal.recover(folder)
        read = ids(back) if len(back.requests) else []
        assert len(set(read)) == len(read)
        assert set(accepted) <= set(read)
        assert len(set(read) - set(accepted)) <= threads  # written, and killed before that could be told
        for first in range(threads):
            mine = [number for number in read if number % threads == first]
            assert mine == list(range(first, first + threads * len(mine), threads))
        assert back.losses["kind"].tolist() in ([], ["torn"])
        assert back.shown["doc_id"].tolist() == read if read else back.shown.empty
        with Journal(folder) as again:  # the service starts anew
            again.append({"request_id": -1, "query": "back", "shown": {"doc_id": [-1]}})
        assert ids(journal.recover(folder)) == [*read, -1]
    assert accepted_in_all > 100


def test_a_file_cut_at_any_byte_gives_all_whole_records_and_tells_of_the_torn_one(tmp_path):
    with Journal(tmp_path) as kept:
        for number in range(3):
            kept.append(record(number, size=1))
    path = tmp_path / "journal-000001.log"
    data = path.read_bytes()
    ends = [place for place, byte in enumerate(data, start=1) if byte == ord("\n")]
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        back = journal.recover(tmp_path)
        whole = sum(cut >= end - 1 for end in ends[1:])  # the record counts also where only its line break is gone
        assert (ids(back) if whole else len(back.requests)) == (list(range(whole)) if whole else 0)
        at_an_end = cut == 0 or any(cut in (end, end - 1) for end in ends)
        assert back.losses["kind"].tolist() == ([] if at_an_end else ["torn"])
        if not at_an_end:
            assert back.losses["first_byte"].tolist() == [max([0, *(end for end in ends if end < cut)])]


def test_read_warns_of_a_torn_record_in_words_and_leaves_it_out(tmp_path):
    with Journal(tmp_path) as kept:
        kept.extend([record(1), record(2)])
    path = tmp_path / "journal-000001.log"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.warns(UserWarning, match=r"the last record is torn, by a kill .* \(journal-000001\.log, bytes \d+ to"):
        log = journal.read(tmp_path)
    assert log["doc_id"].tolist() == ["a1", "b"]


# Damage


@pytest.mark.parametrize("flip", [1, 8, 0x80])
def test_a_flipped_bit_costs_no_record_but_its_own_and_is_named(flip):
    bodies = [b'{"a":%d}' % number for number in (11, 222, 3333)]
    data = b"".join(framing.framed(number, body) for number, body in enumerate(bodies, start=1))
    ends = [place for place, byte in enumerate(data, start=1) if byte == ord("\n")]
    for place in range(len(data)):
        damaged = data[:place] + bytes([data[place] ^ flip]) + data[place + 1 :]
        pieces = list(framing.unframed(damaged))
        own = sum(place >= end for end in ends)
        found = [piece.body for piece in pieces if isinstance(piece, framing.Found)]
        others = [body for number, body in enumerate(bodies) if number != own or place + 1 == ends[own]]
        assert found == others
        (lost,) = [piece for piece in pieces if isinstance(piece, framing.Lost)]
        assert lost.first_byte <= place < lost.first_byte + lost.bytes
        if place + 1 != ends[own]:
            assert lost.records == 1


def test_damage_in_the_middle_is_told_with_its_place_and_the_rest_is_read(tmp_path):
    with Journal(tmp_path) as kept:
        kept.extend([record(number) for number in range(5)])
    path = tmp_path / "journal-000001.log"
    data = bytearray(path.read_bytes())
    data[data.index(b"a2")] ^= 1
    path.write_bytes(data)
    with pytest.warns(UserWarning, match=r"1 record is damaged and left out \(journal-000001\.log, bytes \d+ to \d+"):
        log = journal.read(tmp_path)
    assert log["request_id"].drop_duplicates().tolist() == [0, 1, 3, 4]


def test_records_cut_out_without_a_trace_are_missed_by_their_numbers():
    lines = [framing.framed(number, b"{}") for number in range(1, 6)]
    pieces = list(framing.unframed(lines[0] + lines[3] + lines[4]))
    assert pieces[1] == framing.Lost(len(lines[0]), 0, 2, torn=False)
    assert [piece.number for piece in pieces if isinstance(piece, framing.Found)] == [1, 4, 5]


def test_a_missing_file_between_others_is_told(tmp_path):
    with Journal(tmp_path, rotate_bytes=1_000) as kept:
        for number in range(6):
            kept.append(record(number, size=700))
    (tmp_path / "journal-000003.log").unlink()
    (tmp_path / "journal-000001.log").unlink()  # old files may be cleared away
    with pytest.warns(UserWarning, match=r"journal-000003\.log is missing between others"):
        log = journal.read(tmp_path)
    assert log["request_id"].drop_duplicates().tolist() == [1, 3, 4, 5]


# Many hands


def test_threads_lose_nothing_and_each_keeps_its_order(tmp_path):
    with Journal(tmp_path, rotate_bytes=20_000) as kept:
        start = threading.Barrier(6)

        def write(first):
            start.wait(10)
            for number in range(100):
                kept.append(record(first * 1_000 + number))

        threads = [threading.Thread(target=write, args=(first,)) for first in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert kept.accepted == 600
    back = journal.recover(tmp_path)
    assert back.losses.empty
    for first in range(6):
        mine = [number for number in ids(back) if number // 1_000 == first]
        assert mine == list(range(first * 1_000, first * 1_000 + 100))


def test_two_journals_of_one_folder_write_files_of_their_own(tmp_path):
    with Journal(tmp_path) as one, Journal(tmp_path) as other:
        for number in range(10):
            (one if number % 2 else other).append(record(number))
    assert ids(journal.recover(tmp_path)) == [1, 3, 5, 7, 9, 0, 2, 4, 6, 8]


def test_reading_while_writing_sees_a_growing_beginning(tmp_path):
    kept = Journal(tmp_path, rotate_bytes=30_000)
    stop = threading.Event()

    def write():
        number = 0
        while not stop.wait(0.0005):
            kept.append(record(number, size=5_000))
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        before, seen, late = 0, [], time.monotonic() + 20
        while len(set(seen)) < 10 and time.monotonic() < late:
            back = journal.recover(tmp_path)
            assert set(back.losses["kind"]) <= {"torn"}
            read = ids(back) if len(back.requests) else []
            assert read == list(range(len(read)))
            assert len(read) >= before
            before = len(read)
            seen.append(before)
    finally:
        stop.set()
        thread.join(10)
        kept.close()
    assert len(set(seen)) == 10
    assert ids(journal.recover(tmp_path)) == list(range(kept.accepted))


# Files


def test_files_are_rotated_by_size_and_read_in_order(tmp_path):
    with Journal(tmp_path, rotate_bytes=2_000) as kept:
        for number in range(30):
            kept.append(record(number, size=300))
        kept.append(record(30, size=5_000))  # larger than a file: it gets one of its own
        kept.append(record(31))
    sizes = [path.stat().st_size for path in sorted(tmp_path.iterdir())]
    assert len(sizes) > 5
    assert [size for size in sizes if size > 2_000] == [max(sizes)]
    assert ids(journal.recover(tmp_path)) == list(range(32))


def test_a_power_cut_would_lose_fewer_than_sync_every_records(tmp_path, monkeypatch):
    on_disk = []
    monkeypatch.setattr(disk, "sync", lambda file: on_disk.append(file.tell()))
    with Journal(tmp_path, sync_every=10) as kept:
        for number in range(47):
            kept.append(record(number))
            path = tmp_path / "journal-000001.log"
            assert path.read_bytes()[on_disk[-1] :].count(b"\n") < 10
        kept.extend([record(number) for number in range(100, 125)])
        assert path.read_bytes()[on_disk[-1] :] == b""
        kept.append(record(200))
    assert on_disk[-1] == path.stat().st_size
    assert len(on_disk) < 10


def test_each_record_is_on_the_disk_where_every_one_is_synced(tmp_path, monkeypatch):
    on_disk = []
    monkeypatch.setattr(disk, "sync", lambda file: on_disk.append(file.tell()))
    with Journal(tmp_path, sync_every=1) as kept:
        for number in range(5):
            kept.append(record(number))
            assert on_disk[-1] == (tmp_path / "journal-000001.log").stat().st_size


def test_a_full_disk_is_an_error_and_leaves_no_half_record(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Journal(tmp_path) as kept:
        kept.append(record(1))
        size = (tmp_path / "journal-000001.log").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, before[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                kept.append(record(2, size=500))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert (tmp_path / "journal-000001.log").stat().st_size == size
        kept.append(record(3))
        assert kept.accepted == 2
    back = journal.recover(tmp_path)
    assert ids(back) == [1, 3]
    assert back.losses.empty


# The Log


@pytest.fixture(scope="module")
def service():
    """A system that serves features, what it was asked in a day, and what it showed."""
    world = SearchWorld(seed=0, documents=1_000)
    requests = world.requests(world.users(300, seed=1), n=400, day=3, seed=2)
    system = search.with_features(search.fit(world.documents))
    return world, system, requests, system.run(requests)


def test_the_log_is_what_was_run_and_teaches_what_a_log_of_the_run_teaches(tmp_path, service):
    world, system, requests, shown = service
    with Journal(tmp_path, rotate_bytes=100_000) as kept:
        for start, size in ((0, 1), (1, 1), (2, 31), (33, 100), (133, 267)):
            batch = requests.iloc[start : start + size]
            kept.extend(served.records(batch, system.run(batch), version="v0001", arm="control"))
    assert len(list(tmp_path.iterdir())) > 2
    back = journal.recover(tmp_path)
    pd.testing.assert_frame_equal(back.shown, shown, check_exact=True)
    pd.testing.assert_frame_equal(back.requests, requests.assign(version="v0001", arm="control"))
    log = journal.read(tmp_path)
    pd.testing.assert_frame_equal(log[shown.columns], shown, check_exact=True)
    assert (log["query"] == requests.set_index("request_id")["query"].loc[log["request_id"]].to_numpy()).all()

    answered = world.respond(requests, log, seed=3)
    assert answered["clicked"].any()
    assert set(answered["version"]) == {"v0001"}
    learned, expected = (
        search.fit(world.documents, log=rows) for rows in (answered, world.respond(requests, shown, 3))
    )
    exam = world.requests(world.users(50, seed=9), n=50, day=4, seed=9)
    pd.testing.assert_frame_equal(learned.run(exam), expected.run(exam), check_exact=True)


@pytest.mark.parametrize("at_once", [1, 7, 100])
def test_how_many_records_are_held_at_once_does_not_matter(tmp_path, monkeypatch, service, at_once):
    _, _, requests, shown = service
    asked = requests.head(100)
    rows = shown[shown["request_id"].isin(asked["request_id"])].reset_index(drop=True)
    with Journal(tmp_path) as kept:
        kept.extend(served.records(asked, rows))
    monkeypatch.setattr(journal, "AT_ONCE", at_once)
    back = journal.recover(tmp_path)
    pd.testing.assert_frame_equal(back.shown, rows, check_exact=True)
    pd.testing.assert_frame_equal(back.requests, asked)


def test_metrics_take_the_log(tmp_path, service):
    world, _, requests, shown = service
    with Journal(tmp_path) as kept:
        kept.extend(served.records(requests, shown))
    truth = world.truth(requests)
    ours, theirs = (
        ranking.ndcg(rows, truth.judgments, truth.requests, k=10) for rows in (journal.read(tmp_path), shown)
    )
    pd.testing.assert_series_equal(ours, theirs, check_exact=True)
    assert ours.mean() > 0.1


def test_the_order_of_rows_does_not_matter_to_the_records(service):
    _, _, requests, shown = service
    mixed = shown.sort_values(["position", "doc_id"])
    expected = served.tables(served.records(requests, shown)).shown
    got = served.tables(served.records(requests, mixed)).shown
    assert got["request_id"].tolist() == expected["request_id"].tolist()
    pd.testing.assert_frame_equal(got, expected, check_exact=True)


def test_values_and_dtypes_come_back_as_they_were(tmp_path):
    requests = pd.DataFrame(
        {
            "request_id": np.array([2**63 - 1, -5, 0]),
            "query": ["line\nbreak \t \x00", "Zürich 东京 \U0001f600", "\ud800"],
            "ts": pd.to_datetime(["2026-01-01T00:00:00.000001Z", "2026-01-02T00:00:00.000000Z", None]).as_unit("us"),
            "day": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03"]).as_unit("s"),
            "here": pd.to_datetime(["2026-03-29T00:30Z", "2026-03-29T01:30Z", None]).tz_convert("Europe/Berlin"),
            "user_id": pd.array([2**62 + 1, None, 3], dtype="Int64"),
            "place": ["", None, "Ashmouth"],
            "mobile": [True, False, True],
        }
    )
    shown = pd.DataFrame(
        {
            "request_id": np.array([2**63 - 1, 2**63 - 1, 0]),
            "position": np.array([1, 2, 1], dtype=np.int32),
            "doc_id": ["d", "", "é"],
            "score": [0.1, -np.inf, np.nan],
            "feature_a": np.array([0.1, 1e-45, 3.4e38], dtype=np.float32),
            "feature_b": np.array([np.nan, np.inf, -0.0], dtype=np.float32),
        }
    )
    with Journal(tmp_path) as kept:
        kept.extend(served.records(requests, shown, version=["v1", "v2", None], arm=None))
    back = journal.recover(tmp_path)
    assert back.losses.empty
    pd.testing.assert_frame_equal(back.requests[requests.columns], requests, check_exact=True)
    assert back.requests["version"].fillna("-").tolist() == ["v1", "v2", "-"]
    pd.testing.assert_frame_equal(back.shown, shown, check_exact=True)
    assert back.counts.tolist() == [2, 0, 1]


def test_a_day_on_which_nothing_was_shown_keeps_columns_and_dtypes(tmp_path, service):
    _, _, requests, shown = service
    with Journal(tmp_path) as kept:
        kept.extend(served.records(requests.head(3), shown.head(0)))
    back = journal.recover(tmp_path)
    pd.testing.assert_frame_equal(back.shown, shown.head(0))
    assert (len(back.requests), len(back.log), back.counts.sum()) == (3, 0, 0)


def test_arms_with_different_columns_stand_in_one_log_in_the_order_served(tmp_path):
    large = 2**60 + 1
    with Journal(tmp_path) as kept:
        for number in range(6):
            one = record(number)
            if number % 2:
                one |= {"user_id": large + number, "ts": "2026-01-01T00:00:00Z"}
                one["shown"] |= {"feature_a": [0.5, 1.5], "rank": [large, large]}
            kept.append(one)
    back = journal.recover(tmp_path)
    assert ids(back) == list(range(6))
    assert back.requests["user_id"].isna().tolist() == [True, False] * 3
    assert back.requests["user_id"].dropna().tolist() == [large + 1, large + 3, large + 5]
    assert back.shown["rank"].dropna().tolist() == [large] * 6
    assert back.log["feature_a"].dropna().tolist() == [0.5, 1.5] * 3
    assert back.log["doc_id"].tolist() == [name for number in range(6) for name in (f"a{number}", "b")]
    assert back.requests["ts"].dropna().dt.year.tolist() == [2026] * 3


def test_records_written_by_hand_need_no_types(tmp_path):
    with Journal(tmp_path) as kept:
        kept.append({"request_id": "r1", "user_id": None, "ts": "yesterday", "shown": {"doc_id": [1], "score": [0.25]}})
        kept.append({"request_id": "r2", "user_id": 2**60 + 1, "ts": "", "shown": {"doc_id": [], "score": []}})
    back = journal.recover(tmp_path)
    assert back.requests["ts"].tolist() == ["yesterday", ""]
    assert back.requests["user_id"].dropna().tolist() == [2**60 + 1]
    assert back.log[["request_id", "doc_id", "score"]].to_numpy().tolist() == [["r1", 1, 0.25]]
    assert back.shown["doc_id"].dtype == np.int64


# What is refused


def test_an_unsound_record_is_refused_with_its_batch_and_nothing_is_written(tmp_path):
    with Journal(tmp_path) as kept:
        for wrong, words in [
            ({"query": "taxi"}, "expected a request_id and 'shown'"),
            ({"request_id": 1, "shown": [1]}, "expected a request_id and 'shown'"),
            ({"request_id": 1, "shown": {"doc_id": [1], "score": []}}, "no lists of one length"),
            ({"request_id": 1, "shown": {"doc_id": "abc"}}, "no lists of one length"),
            ({"request_id": 1, "doc_id": 3, "shown": {"doc_id": [1]}}, "column 'doc_id' is there twice"),
            ({"request_id": np.int64(1), "shown": {}}, "what JSON cannot hold .* served.records"),
        ]:
            with pytest.raises(ValueError, match=words):
                kept.extend([record(7), wrong])
        assert kept.accepted == 0
        kept.append(record(8))
    assert ids(journal.recover(tmp_path)) == [8]


def test_a_batch_that_does_not_fit_what_was_shown_is_refused():
    requests = pd.DataFrame({"request_id": [1, 2], "query": ["a", "b"]})
    shown = pd.DataFrame({"request_id": [1, 3, 4], "doc_id": ["x", "y", "z"]})
    with pytest.raises(
        ValueError, match=r"2 rows name a request_id that requests does not have \(first: row 1, request_id=3\)"
    ):
        served.records(requests, shown)
    with pytest.raises(ValueError, match=r"1 row repeats a request_id \(first: row 1, request_id=1\)"):
        served.records(requests.assign(request_id=1), shown.head(1))
    with pytest.raises(ValueError, match="column 'query' is there twice"):
        served.records(requests, shown.head(1).assign(query="a"))
    with pytest.raises(ValueError, match="column 'query' is there twice"):
        served.records(requests, shown.head(1), query="a")
    with pytest.raises(ValueError, match="arm has 3 values for 2 requests"):
        served.records(requests, shown.head(1), arm=["a", "b", "c"])
    with pytest.raises(ValueError, match="shown: 1 column missing: request_id"):
        served.records(requests, shown.drop(columns="request_id"))


def test_a_closed_journal_and_unsound_settings_are_refused(tmp_path):
    kept = Journal(tmp_path / "a" / "b")
    kept.close()
    kept.close()
    with pytest.raises(ValueError, match=r"is closed\. Open it anew"):
        kept.append(record(1))
    for settings, words in [({"sync_every": 0}, "at least 1 was"), ({"rotate_bytes": 1.5e6}, "at least 1000 was")]:
        with pytest.raises(ValueError, match=words):
            Journal(tmp_path, **settings)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="is a file"):
        Journal(tmp_path / "file")


def test_what_is_no_journal_or_a_newer_one_is_told_apart(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    for folder in (tmp_path, tmp_path / "nowhere", tmp_path / "thesis.txt"):
        with pytest.raises(ValueError, match="holds no journal"):
            journal.recover(folder)
    path = tmp_path / "journal-000001.log"
    path.write_bytes(framing.framed(0, json.dumps({"format": "something else"}).encode()))
    with pytest.raises(ValueError, match="is no file of a journal"):
        journal.recover(tmp_path)
    told = {"format": journal.FORMAT, "version": journal.VERSION + 1, "library": "9.0"}
    path.write_bytes(framing.framed(0, json.dumps(told).encode()))
    with pytest.raises(ValueError, match=r"by version 9\.0 of the library.*Update mlsd-lib"):
        journal.recover(tmp_path)
    path.write_bytes(b"\x00" * 500)
    assert journal.recover(tmp_path).losses["kind"].tolist() == ["torn"]

import pytest

from mlsd_lib.capacity.formulas import embedding_memory, index_memory, log_storage
from mlsd_lib.capacity.units import GB, KB, MB, byte, day, hour, second


def test_a_log_is_as_large_as_rows_times_time_times_copies() -> None:
    # ten rows a second for an hour, half a kilobyte each
    assert log_storage(10 / second, row=500 * byte, kept=1 * hour).to(MB) == pytest.approx(18)
    assert log_storage(10 / second, row=500 * byte, kept=1 * hour, copies=3).to(MB) == pytest.approx(54)


def test_an_index_is_as_large_as_its_postings() -> None:
    assert index_memory(1_000, words_each=200).to(MB) == pytest.approx(1.6)
    assert index_memory(1_000, words_each=200, posting=2 * byte).to(KB) == pytest.approx(400)


def test_embeddings_take_their_numbers_and_their_links() -> None:
    assert embedding_memory(1_000_000, dimensions=128).to(MB) == pytest.approx(512)
    assert embedding_memory(1_000_000, dimensions=128, number=1 * byte).to(MB) == pytest.approx(128)
    assert embedding_memory(1_000_000, dimensions=128, links=32).to(MB) == pytest.approx(640)
    assert embedding_memory(10, dimensions=1, links=1).to(byte) == 80


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: log_storage(10, row=byte, kept=day), "rate is 10, without a unit"),
        (lambda: log_storage(1 / second, row=500, kept=day), "row is 500, without a unit. Pass a size, such as 3"),
        (lambda: log_storage(1 / second, row=GB, kept=90), "kept is 90, without a unit. Pass a time"),
        (lambda: log_storage(1 / second, row=GB, kept=day, copies=0), "copies is 0, and a whole number of at least 1"),
        (lambda: log_storage(1 / second, row=GB, kept=day, copies=1.5), "copies is 1.5, and a whole number"),
        (lambda: index_memory(0, words_each=200), "documents is 0"),
        (lambda: index_memory(1, words_each=0), "words_each is 0"),
        (lambda: index_memory(1, words_each=200, posting=8), "posting is 8, without a unit"),
        (lambda: embedding_memory(0, dimensions=64), "rows is 0"),
        (lambda: embedding_memory(1, dimensions=0), "dimensions is 0, and a whole number of at least 1"),
        (lambda: embedding_memory(1, dimensions=64, number=4), "number is 4, without a unit"),
        (lambda: embedding_memory(1, dimensions=64, links=-1), "links is -1"),
    ],
)
def test_a_size_refuses_what_it_cannot_mean(wrong, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()

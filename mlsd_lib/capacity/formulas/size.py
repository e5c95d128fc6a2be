"""Size: the bytes of a log, of an index, and of a table of embeddings."""

from __future__ import annotations

from mlsd_lib.capacity._checks import amount, count, whole
from mlsd_lib.capacity.units import RATE, SIZE, TIME, Quantity, byte

FLOAT = 4 * byte  # a single-precision number
POSTING = 8 * byte  # a document's number and a weight, uncompressed
LINK = 4 * byte  # the number of a neighbour


def log_storage(rate: Quantity, *, row: Quantity, kept: Quantity, copies: int = 1) -> Quantity:
    """Storage of a log once it has run for as long as it is kept.

    Args:
        rate: Rows a second, as a rate; the average, since a log does not mind the peak.
        row: Size of a row.
        kept: How long a row is kept.
        copies: How many copies are stored; at least 1.

    Returns:
        The size.

    Raises:
        ValueError: If an argument is out of range or has the wrong unit.

    Chapter: Scale and latency.

    >>> from mlsd_lib.capacity.units import day, second
    >>> log_storage(500 / second, row=1_000 * byte, kept=90 * day, copies=3)
    11.66 TB
    """
    rows = amount("rate", rate, RATE) * amount("kept", kept, TIME)
    return rows * amount("row", row, SIZE) * whole("copies", copies) * byte


def index_memory(documents: float, *, words_each: float, posting: Quantity = POSTING) -> Quantity:
    """Memory of an inverted index, of which the postings are nearly all.

    Args:
        documents: How many documents there are; above 0.
        words_each: Different words of a document, on average; above 0.
        posting: Size of one entry in the list of a word.

    Returns:
        The size; the dictionary of words is left out.

    Raises:
        ValueError: If an argument is out of range or has the wrong unit.

    Source: [manning2008ir]. Chapter: Scale and latency.

    >>> index_memory(1_000_000_000, words_each=200)
    1.6 TB
    """
    return count("documents", documents) * count("words_each", words_each) * amount("posting", posting, SIZE) * byte


def embedding_memory(rows: float, *, dimensions: int, number: Quantity = FLOAT, links: int = 0) -> Quantity:
    """Memory of a table of embeddings, and of the graph that finds neighbours in it.

    Args:
        rows: How many items have an embedding; above 0.
        dimensions: Numbers in each; at least 1.
        number: Size of one number: 4 bytes in single precision, 1 where it is quantised.
        links: Neighbours that a graph index keeps for each row, 4 bytes each; 0 for none.

    Returns:
        The size.

    Raises:
        ValueError: If an argument is out of range or has the wrong unit.

    Chapter: Scale and latency.

    >>> embedding_memory(10_000_000, dimensions=64)
    2.56 GB
    """
    each = (
        whole("dimensions", dimensions) * amount("number", number, SIZE) + whole("links", links, least=0) * LINK.value
    )
    return count("rows", rows) * each * byte

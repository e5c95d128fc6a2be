"""Where a frame of search requests becomes arrays, and arrays become what is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mlsd_lib import storage, tables
from mlsd_lib.architecture import Array, Batch, Edge
from mlsd_lib.systems.search.features import FEATURES
from mlsd_lib.systems.search.index import values

OPTIONAL = ("user_id", "session_id", "query_id")  # passed on, for components that ask who or what a request is


def _read(requests: pd.DataFrame) -> Mapping[str, Array]:
    clean = tables.search_requests(requests)
    ids = {name: values(clean[name]) for name in ("request_id", *OPTIONAL) if name in clean}
    place = values(clean["place"]) if "place" in clean else np.full(len(clean), "", dtype=object)
    return {**ids, "query": values(clean["query"]), "place": place}


def _write(batch: Batch) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "request_id": _column(batch.requests["request_id"][batch.row]),
            "position": batch.places() + 1,
            "doc_id": _column(batch.items["doc_id"]),
            "score": batch.items["score"],
        }
    )


def _write_with_features(batch: Batch) -> pd.DataFrame:
    served = {f"feature_{name}": batch.items["features"][:, place] for place, name in enumerate(FEATURES)}
    return pd.concat([_write(batch), pd.DataFrame(served)], axis=1)


def _column(values: Array) -> pd.Series[Any]:
    return pd.Series(values, dtype="str" if values.dtype == object else values.dtype)


EDGE = Edge(name="search", key="request_id", read=_read, write=_write)
RECORDING = Edge(name="search-with-features", key="request_id", read=_read, write=_write_with_features)
storage.register_edge(EDGE)
storage.register_edge(RECORDING)

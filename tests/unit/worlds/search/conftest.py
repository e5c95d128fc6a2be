import numpy as np
import pandas as pd
import pytest

from mlsd_lib.worlds.search import SearchWorld


@pytest.fixture(scope="session")
def world() -> SearchWorld:
    return SearchWorld(seed=0, documents=2_000)


@pytest.fixture(scope="session")
def requests(world: SearchWorld) -> pd.DataFrame:
    return world.requests(world.users(3_000, seed=1), n=6_000, day=3, seed=2)


def anything(world: SearchWorld, requests: pd.DataFrame, k: int = 10) -> pd.DataFrame:
    """The same number of arbitrary documents for each request."""
    ids = world.documents["doc_id"].to_numpy()
    first = np.random.default_rng(5).integers(len(ids), size=len(requests))
    return pd.DataFrame(
        {
            "request_id": np.repeat(requests["request_id"].to_numpy(), k),
            "position": np.tile(np.arange(1, k + 1), len(requests)),
            "doc_id": ids[(first[:, None] + np.arange(k)).ravel() % len(ids)],
        }
    )


def relevant(world: SearchWorld, requests: pd.DataFrame, k: int = 10, *, by: str = "doc_id") -> pd.DataFrame:
    """Up to k relevant documents for each request: the best first, or in the order of their ids."""
    truth = world.truth(requests)
    pairs = truth.requests[["request_id", "query_id"]].merge(truth.judgments, on="query_id")
    pairs = pairs.sort_values(["request_id", by], ascending=[True, by == "doc_id"], kind="stable", ignore_index=True)
    pairs["position"] = pairs.groupby("request_id").cumcount() + 1
    return pairs.loc[pairs["position"] <= k, ["request_id", "position", "doc_id"]].reset_index(drop=True)

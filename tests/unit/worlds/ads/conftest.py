import numpy as np
import pandas as pd
import pytest

from mlsd_lib.worlds.ads import AdsWorld


@pytest.fixture(scope="session")
def world() -> AdsWorld:
    return AdsWorld(seed=0, ads=3_000, keywords=200)


@pytest.fixture(scope="session")
def requests(world: AdsWorld) -> pd.DataFrame:
    return world.requests(world.users(3_000, seed=1), n=4_000, day=3, seed=2)


def anything(world: AdsWorld, requests: pd.DataFrame, k: int = 4) -> pd.DataFrame:
    """The same number of arbitrary ads for each request."""
    ids = world.ads["ad_id"].to_numpy()
    first = np.random.default_rng(5).integers(len(ids), size=len(requests))
    return pd.DataFrame(
        {
            "request_id": np.repeat(requests["request_id"].to_numpy(), k),
            "position": np.tile(np.arange(1, k + 1), len(requests)),
            "ad_id": ids[(first[:, None] + np.arange(k)).ravel() % len(ids)],
        }
    )


def best(world: AdsWorld, requests: pd.DataFrame, k: int = 4) -> pd.DataFrame:
    """The truly best ads of each request, the best first."""
    return world.truth(requests, top=k).rename(columns={"rank": "position"})[["request_id", "position", "ad_id"]]

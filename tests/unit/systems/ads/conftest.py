from dataclasses import dataclass

import pandas as pd
import pytest

from mlsd_lib.architecture import System
from mlsd_lib.systems import ads
from mlsd_lib.worlds.ads import AdsWorld

KEEP = (200, 50, 20)


@dataclass(frozen=True)
class Learned:
    world: AdsWorld
    static: System
    system: System
    log: pd.DataFrame
    requests: pd.DataFrame


@pytest.fixture(scope="session")
def learned() -> Learned:
    """A small world, the system that goes by bids, and one that learned from two days of logs."""
    world = AdsWorld(seed=0, ads=4_000, keywords=120, base=-2.0)
    users = world.users(3_000, seed=1)
    static = ads.fit(world.ads, keep=KEEP)
    system, log = static, pd.DataFrame()
    for day in range(2):
        asked = world.requests(users, n=6_000, day=day, seed=1)
        answer = world.respond(asked, ads.exploring(system, share=0.4).run(asked), seed=day)
        log = pd.concat([log, answer], ignore_index=True)
        system = ads.fit(world.ads, log, keep=KEEP)
    return Learned(world, static, system, log, world.requests(users, n=400, day=3, seed=2))

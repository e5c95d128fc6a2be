"""The formulas of step 2, with the standard library alone.

What carries a unit is a quantity: `queue(450 / second, 20 * ms, servers=10)`. A number without a unit, another kind of
unit, a share above 1, a negative or an infinite value is a ValueError that names the argument.
"""

from mlsd_lib.capacity.formulas.load import Load, grown, load, peak_factor, time_until
from mlsd_lib.capacity.formulas.machines import Budget, Cost, Fleet, cost, fleet, machines_for_memory, split_budget
from mlsd_lib.capacity.formulas.queues import (
    Queue,
    in_flight,
    offered_load,
    queue,
    response_percentile,
    servers_for,
    wait_percentile,
    waiting_probability,
)
from mlsd_lib.capacity.formulas.size import embedding_memory, index_memory, log_storage
from mlsd_lib.capacity.formulas.tails import Hedged, fan_out_slow_share, hedged, level_of_each, slow_share_allowed

__all__ = [
    "Budget",
    "Cost",
    "Fleet",
    "Hedged",
    "Load",
    "Queue",
    "cost",
    "embedding_memory",
    "fan_out_slow_share",
    "fleet",
    "grown",
    "hedged",
    "in_flight",
    "index_memory",
    "level_of_each",
    "load",
    "log_storage",
    "machines_for_memory",
    "offered_load",
    "peak_factor",
    "queue",
    "response_percentile",
    "servers_for",
    "slow_share_allowed",
    "split_budget",
    "time_until",
    "wait_percentile",
    "waiting_probability",
]

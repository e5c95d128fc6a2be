"""Simulation of queues, fan-out and hedging: the experiments that the formulas are checked against.

Arguments are quantities, as for the formulas. Results are arrays of floats, with the unit in their name. Every draw is
keyed by the seed and by what it is for, so that two runs that differ in one setting meet the same luck.
"""

from mlsd_lib.capacity.simulate.estimates import Estimate, mean_of, percentile_of
from mlsd_lib.capacity.simulate.queues import Served, arrivals, in_flight, queue, serve
from mlsd_lib.capacity.simulate.tails import FanOut, Server, compare, fan_out

__all__ = [
    "Estimate",
    "FanOut",
    "Served",
    "Server",
    "arrivals",
    "compare",
    "fan_out",
    "in_flight",
    "mean_of",
    "percentile_of",
    "queue",
    "serve",
]

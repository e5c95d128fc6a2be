"""Bandits: policies that learn which arm is best while they serve, beside a plain experiment."""

from mlsd_lib.online.bandits.judging import bias, compared
from mlsd_lib.online.bandits.playing import Played, drawn_rates, play
from mlsd_lib.online.bandits.policies import UCB, EpsilonGreedy, FixedSplit, Policy, Seen, Thompson

__all__ = [
    "UCB",
    "EpsilonGreedy",
    "FixedSplit",
    "Played",
    "Policy",
    "Seen",
    "Thompson",
    "bias",
    "compared",
    "drawn_rates",
    "play",
]

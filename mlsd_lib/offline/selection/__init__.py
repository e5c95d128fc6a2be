"""Offline evaluation: splits and leaks, which differences are real, quality by group, which few go online."""

from mlsd_lib.offline.selection.board import Leaderboard, leaderboard
from mlsd_lib.offline.selection.choosing import Winner, shortlist, winner
from mlsd_lib.offline.selection.groups import auc_by_group, by_group
from mlsd_lib.offline.selection.leakage import leaks, telling
from mlsd_lib.offline.selection.off_policy import (
    Estimate,
    Logged,
    doubly_robust,
    inverse_propensity,
    over_logs,
    replay,
)
from mlsd_lib.offline.selection.splits import Split, split_at_random, split_by_key, split_by_time
from mlsd_lib.offline.selection.testing import Scores, holm, pairs, resampled, scores

__all__ = [
    "Estimate",
    "Leaderboard",
    "Logged",
    "Scores",
    "Split",
    "Winner",
    "auc_by_group",
    "by_group",
    "doubly_robust",
    "holm",
    "inverse_propensity",
    "leaderboard",
    "leaks",
    "over_logs",
    "pairs",
    "replay",
    "resampled",
    "scores",
    "shortlist",
    "split_at_random",
    "split_by_key",
    "split_by_time",
    "telling",
    "winner",
]

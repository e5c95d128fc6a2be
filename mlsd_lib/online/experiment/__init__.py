"""Experiments: who sees what, what it changes, how sure that is, and what to do about it."""

from mlsd_lib.online.experiment.assignment import assign
from mlsd_lib.online.experiment.baseline import Baseline, baseline
from mlsd_lib.online.experiment.boundaries import always_valid_boundary, group_sequential_boundary
from mlsd_lib.online.experiment.crossing import crossing
from mlsd_lib.online.experiment.effects import Effects, effects, effects_by
from mlsd_lib.online.experiment.fading import Novelty, novelty
from mlsd_lib.online.experiment.metric import Mean, Metric, Ratio
from mlsd_lib.online.experiment.power import needed_for_skew, power, sample_size, smallest_effect
from mlsd_lib.online.experiment.price import Price, peeking_error, price
from mlsd_lib.online.experiment.report import Report, report
from mlsd_lib.online.experiment.sequential import always_valid, false_alarms, group_sequential, looks
from mlsd_lib.online.experiment.trust import Mismatch, adjust, mismatch, segments
from mlsd_lib.online.experiment.units import units, with_history
from mlsd_lib.online.experiment.winning import Exaggeration, Shrunk, exaggeration, shrunk, true_wins

__all__ = [
    "Baseline",
    "Effects",
    "Exaggeration",
    "Mean",
    "Metric",
    "Mismatch",
    "Novelty",
    "Price",
    "Ratio",
    "Report",
    "Shrunk",
    "adjust",
    "always_valid",
    "always_valid_boundary",
    "assign",
    "baseline",
    "crossing",
    "effects",
    "effects_by",
    "exaggeration",
    "false_alarms",
    "group_sequential",
    "group_sequential_boundary",
    "looks",
    "mismatch",
    "needed_for_skew",
    "novelty",
    "peeking_error",
    "power",
    "price",
    "report",
    "sample_size",
    "segments",
    "shrunk",
    "smallest_effect",
    "true_wins",
    "units",
    "with_history",
]

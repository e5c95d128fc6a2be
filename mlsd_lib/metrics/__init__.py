"""Metrics, one module a family: each gives a value for every request, and `mean` says how sure their mean is."""

from mlsd_lib.metrics.noise import Gap, Mean, apart, gap, mean, ratio, requests_needed, summary

__all__ = ["Gap", "Mean", "apart", "gap", "mean", "ratio", "requests_needed", "summary"]

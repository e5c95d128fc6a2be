"""Tools for studying: exercises that check themselves."""

from mlsd_lib.study.checking import NotYet, check

__all__ = ["NotYet", "check"]

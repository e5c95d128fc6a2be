"""What a load test found, request by request."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Load:
    """What happened to every request of a load test, in the order in which they were due.

    Attributes:
        rows: A row a request: `due_s`, when it should have been sent, in seconds from the start; `started_s`, when it
            was; `done_s`, when the answer was there or the attempt was over; `latency_s`, from due to done; `status`,
            of HTTP, 0 where there was no answer; `bytes` of the answer; `error`, "" where the status is below 400;
            and `body`, the answer itself, where it was to be kept.

    Chapter: Online execution.
    """

    rows: pd.DataFrame

    def __len__(self) -> int:
        """The number of requests."""
        return len(self.rows)

    @property
    def answered(self) -> Load:
        """Those that were answered with a status below 400."""
        return Load(self.rows[self.rows["error"] == ""])

    def percentile(self, level: float) -> float:
        """A percentile of latency, in which a request without an answer counts as slower than any with one.

        Args:
            level: Which, as a share: 0.99 for the 99th percentile.

        Returns:
            Seconds from due to done; infinite where the percentile falls on a request that failed. For the requests
            that were accepted, ask `load.answered.percentile(level)`.

        Raises:
            ValueError: If the level is not between 0 and 1, or there is no request.

        Chapter: Online execution.
        """
        if not 0 <= level <= 1:
            raise ValueError(f"load: level is {level!r}, and a share between 0 and 1 was expected, such as 0.99.")
        if not len(self.rows):
            raise ValueError("load: there is no request to take a percentile of. Look at errors() of the whole.")
        taken = np.where(self.rows["error"] == "", self.rows["latency_s"], np.inf)
        return float(np.quantile(taken, level, method="higher"))

    def lag(self, level: float = 0.99) -> float:
        """How late the sender itself was: a percentile of the time from due to started, in seconds.

        Args:
            level: Which, as a share.

        Returns:
            Seconds. Where this is not small beside the latencies, the sender was the bottleneck.

        Chapter: Online execution.
        """
        return float(np.quantile(self.rows["started_s"] - self.rows["due_s"], level, method="higher"))

    def errors(self) -> pd.Series[int]:
        """How many requests failed, by what went wrong; empty where none did.

        Returns:
            Counts, the most frequent first.

        Chapter: Online execution.
        """
        return self.rows.loc[self.rows["error"] != "", "error"].value_counts().rename("requests")

    def over_time(self, step_s: float = 1.0) -> pd.DataFrame:
        """Latency along the test, by the moment at which requests were due.

        Args:
            step_s: Length of a window in seconds.

        Returns:
            A row a window that has requests: `from_s`, `requests`, `failed`, and `p50_ms` and `p99_ms` of those that
            were answered (missing where none was).

        Raises:
            ValueError: If the step is not above 0.

        Chapter: Online execution.
        """
        if not step_s > 0:
            raise ValueError(f"load: step_s is {step_s!r}, and a length above 0 was expected.")
        window = np.floor(self.rows["due_s"] / step_s) * step_s
        taken = (1_000 * self.rows["latency_s"]).where(self.rows["error"] == "").groupby(window)
        table = pd.DataFrame({"requests": taken.size(), "failed": taken.size() - taken.count()})
        table["p50_ms"], table["p99_ms"] = taken.quantile(0.5), taken.quantile(0.99)
        return table.rename_axis("from_s").reset_index()

    def summary(self) -> pd.Series[float]:
        """The test in one row.

        Returns:
            `requests`; `rate`, requests due in a second; `answered`, the share; `p50_ms` and `p99_ms`, as
            `percentile`, so infinite where too many failed; `lag_p99_ms` of the sender.

        Raises:
            ValueError: If there is no request.

        Chapter: Online execution.
        """
        due = self.rows["due_s"]
        values = {
            "requests": len(self),
            "rate": len(self) / max(float(due.max()), 1e-9) if len(self) else 0.0,
            "answered": float((self.rows["error"] == "").mean()),
            "p50_ms": 1_000 * self.percentile(0.5),
            "p99_ms": 1_000 * self.percentile(0.99),
            "lag_p99_ms": 1_000 * self.lag(),
        }
        return pd.Series(values, dtype=float)

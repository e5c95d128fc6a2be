"""A small experiment whose numbers were also computed by the field's reference implementation."""

import numpy as np
import pandas as pd

from mlsd_lib.worlds import chance


def people(n: int = 300) -> pd.DataFrame:
    """Users of two arms with what they did, in the experiment and before it."""
    ids = np.arange(n)
    arm = np.where(chance.uniform(0, "arm", ids) < 0.4, "treatment", "control")
    activity = np.round(np.exp(chance.normal(0, "activity", ids)), 6)
    treated = arm == "treatment"

    def drawn(what):
        return chance.exponential(0, what, ids)

    requests = 1 + np.floor(4 * activity * drawn("requests")).astype(int)
    earlier = 1 + np.floor(4 * activity * drawn("earlier requests")).astype(int)
    likely = chance.uniform(0, "clicks", ids) ** np.where(treated, 0.8, 1.0)
    return pd.DataFrame(
        {
            "user_id": ids,
            "arm": arm,
            "requests": requests,
            "clicks": np.floor(requests * likely).astype(int),
            "requests_before": earlier,
            "clicks_before": np.floor(earlier * chance.uniform(0, "earlier clicks", ids)).astype(int),
            "revenue": np.round(activity * drawn("revenue") * np.where(treated, 1.3, 1.0), 4),
            "revenue_before": np.round(activity * drawn("earlier revenue"), 4),
        }
    )

"""Step 5, a funnel for scale: stages that each pass on fewer candidates, what they lose, what they cost, and a budget.

A stage orders its candidates, best first, and cuts. Everything here follows from that: `kept(20)` passes on the first
20 of what `kept(200)` passes on, so one wide run shows what every narrower setting would have lost.
"""

from mlsd_lib.funnel.cost import Costs, timings
from mlsd_lib.funnel.loss import losses
from mlsd_lib.funnel.stage import Scored, Stage, best, opened, resized, stages
from mlsd_lib.funnel.tuning import Tuned, tune

__all__ = ["Costs", "Scored", "Stage", "Tuned", "best", "losses", "opened", "resized", "stages", "timings", "tune"]

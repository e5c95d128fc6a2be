"""Open-loop load: requests are sent by the clock, whether or not the earlier ones have been answered.

A client that waits for an answer before it sends the next request goes easy on a server that is slow, and notes one
slow answer where a thousand users would have had one. Here the moments of sending are drawn beforehand, and latency
counts from the moment when a request was due, so that a stall is seen, even one of the sender. The sender's own
lateness is told with every result.
"""

from mlsd_lib.online.load.counting import counters
from mlsd_lib.online.load.knees import Knee, knee
from mlsd_lib.online.load.results import Load
from mlsd_lib.online.load.sending import arrivals, send, take_turns

__all__ = ["Knee", "Load", "arrivals", "counters", "knee", "send", "take_turns"]

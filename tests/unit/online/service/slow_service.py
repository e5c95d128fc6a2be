"""A service to be killed: `python -m tests.unit.online.service.slow_service SECONDS JOURNAL [STORE]`."""

import sys

from mlsd_lib.online import service
from mlsd_lib.online.journal import Journal
from mlsd_lib.online.versions import Store
from tests.unit.online.service.helpers import Slow, behind

if __name__ == "__main__":
    seconds, journal, *store = sys.argv[1:]
    source = Store(store[0]) if store else behind(Slow(batch_s=float(seconds)))
    limits = service.Limits(answer_s=8.0, batch=2)
    with Journal(journal) as kept:
        sys.exit(service.serve(source, port=0, limits=limits, journal=kept, until_closed=True))

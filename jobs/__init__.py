"""The batch jobs: what to compute, over which shards, written where."""

import time

STARTED = time.perf_counter()
"""When this process began to import, to tell start-up from work."""

"""The batch jobs: what to compute, over which shards, written where."""

"""Running a job on Ray: shards, tasks, parts, manifest, resume."""

"""Models that were fitted elsewhere, read from files of their libraries; nothing is ever unpickled."""

"""Recourse for providers: what to change about an item so that a group of users gets to see it."""

"""Recourse for providers: what each item's provider should change so that a group of users gets to see it."""

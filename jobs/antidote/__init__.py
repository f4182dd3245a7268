"""Antidote data for the platform: a few artificial users that make recommendations less polarised, or fairer."""

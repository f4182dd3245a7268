"""Acceptance: what people's ratings of recourses say about how far a recourse may go, and for whom."""

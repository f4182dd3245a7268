"""Counterfactual explanations for users: the part of the history that each recommendation hangs on."""

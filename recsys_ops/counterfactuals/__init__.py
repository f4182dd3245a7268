"""Counterfactual explanations: the smallest part of a history without which an item would leave the top k."""

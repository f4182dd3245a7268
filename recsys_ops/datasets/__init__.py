"""Catalogues as data sets: MovieLens folders, tables at any URL, a synthetic marketplace."""

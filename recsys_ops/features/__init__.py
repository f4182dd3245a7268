"""Item features as a sparse matrix, and what a provider may change about them."""

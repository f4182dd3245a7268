"""What people make of a recourse: how far it is, how far it may be, which to offer, and what their reactions teach."""

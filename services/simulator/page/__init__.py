"""A page to watch the simulated agencies and to break them."""

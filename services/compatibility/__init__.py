"""Whether a contract may change so: every verdict is a proof, or a counter-example."""

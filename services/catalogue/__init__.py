"""What there is, generated from the contracts: catalogue, dictionary, and the files that partners take away."""

"""Does an agency keep what its adapter declares? Asked as a client, case by case; told to people and to machines."""

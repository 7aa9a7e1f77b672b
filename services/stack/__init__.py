"""Everything embedded: Java, Kafka's jars, the broker, the data folder, and the supervisor that keeps it all alive."""

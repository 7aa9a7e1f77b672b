"""What stands on a subscriber's topics, posted to it: for those who read no Kafka."""

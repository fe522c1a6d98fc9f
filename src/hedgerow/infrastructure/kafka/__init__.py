"""Kafka: events out by topic and key, and in by consumer group."""

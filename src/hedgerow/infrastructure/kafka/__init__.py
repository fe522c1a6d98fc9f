"""Kafka: events out by topic and key, and in by consumer group."""

import logging

# What aiokafka logs it also raises, and is told from there once and in words.
logging.getLogger("aiokafka").addHandler(logging.NullHandler())

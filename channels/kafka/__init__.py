"""Channels that rest in Kafka: several processes share them, and any Kafka client may write to them."""

from channels.kafka.channel import KafkaChannel
from channels.kafka.cluster import KafkaCluster
from channels.kafka.consumer import Timing
from channels.kafka.security import Security
from channels.kafka.topic import Topic

__all__ = ["KafkaChannel", "KafkaCluster", "Security", "Timing", "Topic"]

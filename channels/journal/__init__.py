"""The durable channel: one SQLite file for a process, committed by one thread, many channels and dead letters in it."""

from channels.folder_lock import DataDirTaken
from channels.journal.channel import JournalChannel
from channels.journal.errors import NewerJournal
from channels.journal.journal import Journal, JournalStatistics
from channels.retention import Retention

__all__ = ["DataDirTaken", "Journal", "JournalChannel", "JournalStatistics", "NewerJournal", "Retention"]

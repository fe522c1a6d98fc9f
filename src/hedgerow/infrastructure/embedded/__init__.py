"""What Hedgerow runs and keeps on this machine itself: its data folder and its PostgreSQL."""

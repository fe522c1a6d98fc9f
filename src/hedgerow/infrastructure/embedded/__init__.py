"""What Hedgerow runs and keeps on this machine itself: data folder, PostgreSQL and Redis."""

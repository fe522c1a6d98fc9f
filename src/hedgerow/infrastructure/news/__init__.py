"""News from RSS and Atom feeds: whatever they say is somebody else's text, and only data."""

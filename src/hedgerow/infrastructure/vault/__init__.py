"""The vault: AES-256-GCM envelope encryption of what exchanges must see and nobody else may."""

"""The hunt for what tells real from forged files without being a forgery."""

"""The task of the networks that judge clips of snippets (P003)."""

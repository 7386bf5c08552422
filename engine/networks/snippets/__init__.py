"""Dynamic inconsistency learning in snippets of successive frames (Gu et al., AAAI 2022): P003."""

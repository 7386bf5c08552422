"""The preference study of P002, section 4.2: what is asked, of whom, what was answered, and what that comes to."""

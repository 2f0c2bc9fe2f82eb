"""What is known before looking: the ruler, action units, the phantom, the person's zero."""

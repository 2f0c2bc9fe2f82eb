"""MEU-Instruct: acted and measured expressions, what they mean, and how that is put into words."""

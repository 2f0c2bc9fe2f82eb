"""The tests that need a GPU, and the page that they leave."""

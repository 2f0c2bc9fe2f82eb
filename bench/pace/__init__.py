"""How fast and how late the pipeline is on this machine: engines alone, the whole pipeline, and for how long."""

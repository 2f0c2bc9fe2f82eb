"""MEFlowNet: our flow network for faces, its data, training and export (needs the `train` extra)."""

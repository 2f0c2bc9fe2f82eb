"""TensorRT plans: the graphs they are made of, how they are built, where they are kept, and whom they may serve."""

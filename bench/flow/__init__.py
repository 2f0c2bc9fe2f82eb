"""Flow engines and OpenCV's methods side by side, on faces whose motion is known exactly."""

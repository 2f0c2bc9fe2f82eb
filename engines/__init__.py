"""The networks and what runs them: landmarks, optical flow, head motion, region measures, the narrator."""

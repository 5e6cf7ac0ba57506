"""What gives detections of a video their identities, frame by frame."""

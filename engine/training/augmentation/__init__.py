"""What happens to crops and clips after forging, to the real and the forged ones alike."""

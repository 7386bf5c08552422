"""Files that leave the house: annotated clips, exact stills, explanation maps, the demonstration clip."""

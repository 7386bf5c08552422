"""What is drawn on a frame: decided once (layers), drawn by the window with Qt and by the exporter with OpenCV."""

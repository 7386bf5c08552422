"""What trains DPNet's prototypes (P000, section 3.2): losses, projection to patches, the last layer."""

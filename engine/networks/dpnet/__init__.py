"""Dynamic prototypes (P000, DPNet): trunks, the prototype layer and the network made of them."""
